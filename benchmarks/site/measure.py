"""Times of the access paths on two databases with equal rows and different schemas."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from statistics import mean, median, median_high
from typing import Any

from rich.progress import Progress
from sqlalchemy import URL

from benchmarks.core import milliseconds
from benchmarks.site.layout import SEED, Site
from benchmarks.site.paths import PATHS, Deletion, Reading
from fractal_models.database import create_engine

MAX_RUNS = 20
MAX_TOTAL_MS = 300.0
"""A query is repeated until one of these is reached."""


class Database:
    """A connection that measures the time the engine takes for each statement."""

    def __init__(self, url: URL) -> None:
        self.engine = create_engine(url)
        self._connection = self.engine.raw_connection()
        driver: Any = self._connection.driver_connection
        if self.engine.dialect.name == "postgresql":
            driver.autocommit = True
        else:
            driver.isolation_level = None
        self._cursor = self._connection.cursor()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
        self.engine.dispose()

    def sql(self, statement: Any) -> str:
        """SQL of a statement, with its values."""
        return str(statement.compile(self.engine, compile_kwargs={"literal_binds": True}))

    def rows(self, sql: str) -> list[Any]:
        """Run a query."""
        self._cursor.execute(sql)
        return list(self._cursor.fetchall())

    def read_ms(self, statement: Any) -> float:
        """Time of a query with warm caches: the mean of the faster half of its runs.

        Slower runs read from disk or shared the processor. A mean has more digits than PostgreSQL's microseconds.
        """
        sql = self.sql(statement)
        times: list[float] = []
        while len(times) < MAX_RUNS and sum(times) < MAX_TOTAL_MS:
            times.append(self._ms(sql))
        return mean(sorted(times)[: (len(times) + 1) // 2])

    def delete_ms(self, statements: Sequence[Any]) -> float:
        """Time of statements with their triggers and cascades; they are rolled back."""
        self._cursor.execute("BEGIN")
        try:
            return sum(self._ms(self.sql(statement)) for statement in statements)
        finally:
            self._cursor.execute("ROLLBACK")

    def _ms(self, sql: str) -> float:
        """Execution time by EXPLAIN on PostgreSQL, triggers included; wall-clock time on SQLite."""
        if self.engine.dialect.name == "postgresql":
            ((plan,),) = self.rows(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}")
            return float(plan[0]["Execution Time"])
        return milliseconds(partial(self.rows, sql))

    def settle(self) -> None:
        """Do the maintenance that a server does in the background: vacuum, statistics, checkpoint."""
        steps = ["VACUUM (ANALYZE)", "CHECKPOINT"] if self.engine.dialect.name == "postgresql" else ["ANALYZE"]
        for step in steps:
            self._cursor.execute(step)

    def megabytes(self) -> float:
        """Size on disk."""
        if self.engine.dialect.name == "postgresql":
            ((size,),) = self.rows("SELECT pg_database_size(current_database())")
        else:
            pages = "(page_count - freelist_count) * page_size"
            ((size,),) = self.rows(f"SELECT {pages} FROM pragma_page_count, pragma_freelist_count, pragma_page_size")
        return float(size) / 1e6


@dataclass(frozen=True)
class Times:
    """Medians of one path, in milliseconds."""

    path: str
    kind: str
    """`read` or `delete`."""
    table: str
    """Table whose rows are read or deleted."""
    rows: int
    """Number of rows read."""
    before: float
    """At 2.9."""
    after: float
    """At head."""
    limit: float | None
    """The same rows by primary key, at head; null for deletions."""


def measure(before: Database, after: Database, site: Site, rounds: int, progress: Progress) -> list[Times]:
    """Measure each path with one anchor a round, in turns on both databases.

    Deletions take seconds at 2.9, so they have a third of the rounds.
    """
    bar = progress.add_task(f"Measure with {site.jobs:,} jobs", total=len(PATHS))
    found = []
    for name, path in PATHS.items():
        deletes = isinstance(path, Deletion)
        candidates = site.anchors(str(path.anchor.__tablename__))
        anchors = Random(SEED).choices(candidates, k=max(1, rounds // 3) if deletes else rounds)
        found.append(
            _deletion_times(name, path, anchors, before, after)
            if isinstance(path, Deletion)
            else _reading_times(name, path, anchors, before, after)
        )
        progress.advance(bar)
    progress.remove_task(bar)
    return found


def _reading_times(name: str, path: Reading, anchors: Sequence[int], before: Database, after: Database) -> Times:
    keys, old, new, limit = [], [], [], []
    for anchor in anchors:
        found = [key for (key,) in after.rows(after.sql(path.keys(anchor)))]
        keys.append(len(found))
        old.append(before.read_ms(path.statement(anchor)))
        new.append(after.read_ms(path.statement(anchor)))
        limit.append(after.read_ms(path.by_primary_key(found)))
    table = str(path.model.__tablename__)
    return Times(name, "read", table, median_high(keys), median(old), median(new), median(limit))


def _deletion_times(name: str, path: Deletion, anchors: Sequence[int], before: Database, after: Database) -> Times:
    old, new = [], []
    for anchor in anchors:
        old.append(before.delete_ms([*path.clearing(anchor), *path.statements(anchor)]))
        new.append(after.delete_ms(path.statements(anchor)))
    return Times(name, "delete", str(path.anchor.__tablename__), 1, median(old), median(new), None)

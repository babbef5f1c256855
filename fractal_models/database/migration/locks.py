"""Locks on PostgreSQL: the advisory lock of migrators, and bounds on the locks that revisions take."""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError

from fractal_models.database.connection.driver_errors import LOCK_NOT_AVAILABLE
from fractal_models.database.connection.engine import set_lock_timeout
from fractal_models.database.connection.errors import BusyError
from fractal_models.database.connection.redaction import sqlstate
from fractal_models.database.connection.timeouts import STRONG_LOCK_TIMEOUT, milliseconds
from fractal_models.database.inspection.blockers import SESSIONS, Blocker, describe, sessions
from fractal_models.database.inspection.watch import Watch
from fractal_models.database.migration.progress import Report

LOCK_KEY = 7238456019873546
"""Key of the advisory lock that a migrator holds; an arbitrary number."""

MIGRATORS = f"""
    {SESSIONS} WHERE a.pid IN (
        SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND (classid::bigint << 32) + objid::bigint = :key
    )
"""


WRITTEN = "make-durable"
"""What `make_durable` writes in place of a revision, and deletes in the same transaction."""


class Waiting:
    """A wait for other sessions: its deadline, its pauses, and one line for each new set of sessions."""

    def __init__(
        self, timeout: float, report: Report, line: str, pauses: Iterator[float], *, remedies: bool = False
    ) -> None:
        self.timeout = timeout
        self._deadline = time.monotonic() + timeout
        self._report = report
        self._line = line
        self._pauses = pauses
        self._remedies = remedies
        self._reported: set[frozenset[str]] = {frozenset()}

    def tell(self, blockers: Sequence[Blocker]) -> None:
        """Report sessions, once."""
        keys = frozenset(blocker.key for blocker in blockers)
        if keys not in self._reported:
            self._reported.add(keys)
            self._report(f"{self._line} {describe(blockers, remedies=self._remedies)}")

    def pause(self, blockers: Sequence[Blocker]) -> bool:
        """Sleep before the next attempt, or return False when the timeout has passed."""
        pause = next(self._pauses)
        if time.monotonic() + pause > self._deadline:
            return False
        self.tell(blockers)
        time.sleep(pause)
        return True


def constant_pauses(seconds: float) -> Iterator[float]:
    """Pauses of equal length, in seconds."""
    while True:
        yield seconds


def growing_pauses(seconds: float, maximum: float) -> Iterator[float]:
    """Pauses that double up to a maximum, in seconds."""
    while True:
        yield seconds
        seconds = min(2 * seconds, maximum)


@contextmanager
def migrator_lock(connection: Connection, timeout: float, report: Report) -> Iterator[None]:
    """Hold the advisory lock of migrators; the server releases it when the session ends.

    It is polled for, with no transaction open in between: `CREATE INDEX CONCURRENTLY` of the holder waits for all
    transactions, also for one that waits for the lock.

    Raises:
        BusyError: Another migrator has held it for longer than the timeout.
    """
    names = ["application_name", *["client_connection_check_interval"] * _detects_lost_clients(connection)]
    before = _settings(connection, *names)
    _identify(connection)
    waiting = Waiting(timeout, report, "waiting for another migration:", constant_pauses(0.1))
    while not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": LOCK_KEY}):
        migrators = sessions(connection, MIGRATORS, key=LOCK_KEY)
        connection.rollback()
        if not waiting.pause(migrators):
            described = describe(migrators, remedies=False)
            raise BusyError(f"another migration has run for more than {timeout:g} s: {described}; wait for its end")
    connection.commit()
    try:
        yield
    finally:
        # A lost connection has lost the lock as well.
        if not connection.invalidated:
            _release(connection, before)


def _release(connection: Connection, before: dict[str, str]) -> None:
    with suppress(DBAPIError):
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK_KEY})
        _restore(connection, before)


def _identify(connection: Connection) -> None:
    """Name the session in `pg_stat_activity`, and let the server notice within a second when this process is killed."""
    name = f"fractal-models {socket.gethostname()} {os.getpid()}"[:63]
    connection.execute(text("SELECT set_config('application_name', :name, false)"), {"name": name})
    if _detects_lost_clients(connection):
        try:
            with connection.begin_nested():
                connection.execute(text("SET client_connection_check_interval = '1s'"))
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            # Not all platforms support it.
    connection.commit()


def _detects_lost_clients(connection: Connection) -> bool:
    return (connection.dialect.server_version_info or ()) >= (14,)


@contextmanager
def bounded_reads(connection: Connection, timeout: float, watch: Watch) -> Iterator[None]:
    """Set the lock timeout of all transactions.

    Raises:
        BusyError: Another session has locked a table for longer.
    """
    set_timeout = set_lock_timeout(timeout)
    event.listen(connection, "begin", set_timeout)
    try:
        with watch:
            yield
    except DBAPIError as error:
        if sqlstate(error.orig) != LOCK_NOT_AVAILABLE or connection.invalidated:
            raise
        raise given_up(timeout, watch, "nothing was changed") from error
    finally:
        event.remove(connection, "begin", set_timeout)


def given_up(timeout: float, watch: Watch, consequence: str) -> BusyError:
    """The error after a wait for a lock, with the sessions that hold it and the SQL that ends them."""
    return BusyError(
        f"could not acquire a lock within {timeout:g} s; {consequence}. Run it again later, or end the blocking "
        f"sessions: {describe(watch.seen, remedies=True)}"
    )


class LockBudget:
    """Bound on the time for which each transaction queues for and holds strong locks.

    Other sessions wait from the first strong lock that it requests until it ends. What is left of the time is the
    `lock_timeout` of each of its statements. Commits do not wait for the disk, since locks are held meanwhile; so
    `make_durable` is to follow.
    """

    STRONG = re.compile(r"\s*(ALTER|COMMENT|CREATE|DO|DROP|LOCK|TRUNCATE)\b", re.IGNORECASE)

    WEAK = re.compile(r"\b(CONCURRENTLY|VALIDATE\s+CONSTRAINT)\b", re.IGNORECASE)
    """Statements that take a weak lock; they may wait for the full timeout."""

    def __init__(self, connection: Connection, timeout: float) -> None:
        self._connection = connection
        self._timeout = timeout
        self._first_request: float | None = None
        self._listeners: dict[str, Callable[..., None]] = {
            "before_cursor_execute": self._before,
            "commit": self._end,
            "rollback": self._end,
        }

    def __enter__(self) -> None:
        self._settings = _settings(self._connection, "synchronous_commit")
        self._connection.execute(text("SET synchronous_commit = off"))
        self._connection.commit()
        for name, listener in self._listeners.items():
            event.listen(self._connection, name, listener)

    def __exit__(self, *_: object) -> None:
        for name, listener in self._listeners.items():
            event.remove(self._connection, name, listener)
        if self._connection.invalidated:
            return
        with suppress(DBAPIError):
            self._connection.rollback()
            self._connection.execute(text("RESET lock_timeout"))
            _restore(self._connection, self._settings)

    def _before(self, connection: Connection, _cursor: Any, statement: str, *_: object) -> None:
        if not self.STRONG.match(statement):
            return
        if connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
            self._first_request = None  # the previous statement has released its locks
        timeout = self._timeout if self.WEAK.search(statement) else self._left()
        # Through SQLAlchemy, so that a connection lost here raises the usual error.
        connection.exec_driver_sql(f"SET lock_timeout = {milliseconds(timeout)}")

    def _left(self) -> float:
        now = time.monotonic()
        if self._first_request is None:
            self._first_request = now
        # Half of the bound is for the statement itself, once it has its lock.
        return max(STRONG_LOCK_TIMEOUT / 2 - (now - self._first_request), 0.001)

    def _end(self, _connection: Connection) -> None:
        self._first_request = None


def make_durable(connection: Connection) -> None:
    """Wait until all earlier commits are on disk, and on synchronous standbys."""
    # A commit waits only if its transaction has written something. No session sees this row.
    connection.execute(text("INSERT INTO alembic_version (version_num) VALUES (:value)"), {"value": WRITTEN})
    connection.execute(text("DELETE FROM alembic_version WHERE version_num = :value"), {"value": WRITTEN})
    connection.commit()


def _settings(connection: Connection, *names: str) -> dict[str, str]:
    """Settings of a session by name."""
    return {name: connection.scalar(text(f"SELECT current_setting('{name}')")) or "" for name in names}


def _restore(connection: Connection, before: dict[str, str]) -> None:
    """Return to the settings of a session; those that it had not set are its defaults again."""
    for name, value in before.items():
        connection.execute(text(f"RESET {name}"))
        if connection.scalar(text(f"SELECT current_setting('{name}')")) != value:
            parameters = {"name": name, "value": value}
            connection.execute(text("SELECT set_config(:name, :value, false)"), parameters)
    connection.commit()

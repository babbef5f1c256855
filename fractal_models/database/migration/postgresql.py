"""Runs on PostgreSQL, repeated when a revision does not get its lock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from fractal_models.database.connection.driver_errors import DEADLOCK_DETECTED, LOCK_NOT_AVAILABLE
from fractal_models.database.connection.redaction import sqlstate
from fractal_models.database.inspection.watch import Watch
from fractal_models.database.migration.locks import (
    LockBudget,
    Waiting,
    bounded_reads,
    given_up,
    growing_pauses,
)
from fractal_models.database.migration.progress import Report
from fractal_models.database.migration.session_timeouts import without_timeouts

RETRIED = {LOCK_NOT_AVAILABLE, DEADLOCK_DETECTED}
"""SQLSTATEs after which a run is tried again."""


@contextmanager
def timeouts(connection: Connection, timeout: float, watch: Watch) -> Iterator[None]:
    """Bound the waits for locks of other sessions, and nothing else; a caller's transaction has bounds of its own.

    Raises:
        BusyError: The timeout has passed.
    """
    bounds = nullcontext() if connection.in_transaction() else bounded_reads(connection, timeout, watch)
    with without_timeouts(connection), bounds:
        yield


def retry(connection: Connection, timeout: float, report: Report, attempt: Callable[[], None], watch: Watch) -> None:
    """Attempt to run revisions, with bounded locks, until they are through.

    Args:
        connection: Not in a transaction.
        timeout: Seconds to wait for locks of other sessions.
        report: Receives a line for each new set of sessions that are waited for, also from the thread of the watch.
        attempt: Runs what is left to run.
        watch: Watches the connection.

    Raises:
        BusyError: The timeout has passed.
    """
    # Other sessions work in the pauses.
    pauses = growing_pauses(0.25, maximum=4.0)
    waiting = Waiting(timeout, report, "waiting for a lock held by", pauses, remedies=True)
    watch.report = waiting.tell
    watch.hurry()
    with LockBudget(connection, timeout):
        while not _succeeds(connection, attempt, waiting, watch):
            pass


def _succeeds(connection: Connection, attempt: Callable[[], None], waiting: Waiting, watch: Watch) -> bool:
    """Attempt once; pause if a lock was missing."""
    try:
        attempt()
    except DBAPIError as error:
        connection.rollback()
        if sqlstate(error.orig) not in RETRIED or connection.invalidated:
            raise
        if not waiting.pause(watch.seen):
            raise given_up(waiting.timeout, watch, "the revision was not completed") from error
        return False
    return True

"""Runs on PostgreSQL, repeated when a revision does not get its lock."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from fractal_models.database.connection.driver_errors import DEADLOCK_DETECTED, LOCK_NOT_AVAILABLE
from fractal_models.database.connection.errors import BusyError
from fractal_models.database.connection.redaction import sqlstate
from fractal_models.database.migration.locks import (
    LOCK_HOLDERS,
    LockBudget,
    Waiting,
    describe_sessions,
    growing_pauses,
)
from fractal_models.database.migration.progress import Report

RETRIED = {LOCK_NOT_AVAILABLE, DEADLOCK_DETECTED}
"""SQLSTATEs after which a run is tried again."""


def retry(connection: Connection, timeout: float, report: Report, attempt: Callable[[], None]) -> None:
    """Attempt to run revisions, with bounded locks, until they are through.

    Args:
        connection: Not in a transaction.
        timeout: Seconds to wait for locks of other sessions.
        report: Receives a line for each new set of sessions that are waited for.
        attempt: Runs what is left to run.

    Raises:
        BusyError: The timeout has passed.
    """
    # Other sessions work in the pauses.
    waiting = Waiting(timeout, report, "waiting for a lock held by", growing_pauses(0.25, maximum=4.0))
    with LockBudget(connection, timeout):
        while not _succeeds(connection, attempt, timeout, waiting):
            pass


def _succeeds(connection: Connection, attempt: Callable[[], None], timeout: float, waiting: Waiting) -> bool:
    """Attempt once; pause if a lock was missing."""
    try:
        attempt()
    except DBAPIError as error:
        connection.rollback()
        if sqlstate(error.orig) not in RETRIED or connection.invalidated:
            raise
        sessions = describe_sessions(connection, LOCK_HOLDERS)
        if not waiting.pause(sessions):
            message = (
                f"could not acquire a lock within {timeout:g} s; the revision was not completed. Run it again later, "
                f"or end the blocking sessions: {sessions}"
            )
            raise BusyError(message) from error
        return False
    return True

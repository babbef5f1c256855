"""Runs on PostgreSQL: under the lock of migrators, and again when a revision does not get its lock."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from fractal_models.database.connection.driver_errors import DEADLOCK_DETECTED, LOCK_NOT_AVAILABLE
from fractal_models.database.connection.errors import BusyError
from fractal_models.database.connection.redaction import sqlstate
from fractal_models.database.inspection.access import refuse_unwritable
from fractal_models.database.migration.locks import (
    LOCK_HOLDERS,
    LockBudget,
    Report,
    Waiting,
    describe_sessions,
    growing_pauses,
    migrator_lock,
)

RETRIED = {LOCK_NOT_AVAILABLE, DEADLOCK_DETECTED}
"""SQLSTATEs after which a run is tried again."""


def run(connection: Connection, timeout: float, report: Report, attempt: Callable[[], None]) -> None:
    """Run revisions until they are through.

    Args:
        connection: Not in a transaction.
        timeout: Seconds to wait for other migrators, and again for locks of other sessions.
        report: Receives a line for each new set of sessions that are waited for.
        attempt: Runs what is left to run.

    Raises:
        BusyError: The timeout has passed.
        UnreachableError: Revisions cannot run on this connection.
    """
    refuse_unwritable(connection)
    with migrator_lock(connection, timeout, report), LockBudget(connection, timeout):
        # Other sessions work in the pauses.
        waiting = Waiting(timeout, report, "waiting for a lock held by", growing_pauses(0.25, maximum=4.0))
        while True:
            try:
                attempt()
            except DBAPIError as error:
                connection.rollback()
                if sqlstate(error.orig) not in RETRIED or connection.invalidated:
                    raise
                sessions = describe_sessions(connection, LOCK_HOLDERS)
                if not waiting.pause(sessions):
                    message = (
                        f"could not acquire a lock within {timeout:g} s; the revision was not completed. End the "
                        f"blocking sessions, or run it again when they are done: {sessions}"
                    )
                    raise BusyError(message) from error
            else:
                return

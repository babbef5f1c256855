"""Locks of rows, so that concurrent changes of a row wait for each other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Update, inspect, update
from sqlalchemy.exc import DBAPIError, InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstanceState, Session
from sqlalchemy.orm.exc import StaleDataError

from fractal_models.base import Base
from fractal_models.database.connection.driver_errors import DEADLOCK_DETECTED, translated
from fractal_models.database.connection.errors import BusyError
from fractal_models.database.connection.redaction import masked, sqlstate

SERIALIZATION_FAILURE = "40001"
"""SQLSTATE `serialization_failure`: another transaction has changed the row since this one began."""

CONFLICTS = {
    "SQLITE_BUSY_SNAPSHOT": "this transaction has read before another one wrote",
    SERIALIZATION_FAILURE: "another transaction has changed the row since this one began",
    DEADLOCK_DETECTED: "deadlock with another transaction",
}
"""Conditions that only a new transaction can end, by SQLSTATE or by SQLite's name of the error."""


def lock_row(session: Session, row: Base) -> None:
    """Lock a row until the end of the transaction, and load it again with its lists.

    Call it before the first edit. Then no update is lost: another transaction that locks the row waits, and reads it
    after the commit. PostgreSQL locks the row (`SELECT … FOR UPDATE`), SQLite the database.

    Raises:
        BusyError: Another transaction holds the lock for longer than the timeout; or this transaction has read before
            another one wrote, on SQLite, or on PostgreSQL with the isolation level REPEATABLE READ.
        StaleDataError: Another transaction has deleted the row.
        InvalidRequestError: The row has unsaved edits, which may be based on old values; or it is not stored.
    """
    state = inspect(row)
    if state.key is None or state.modified:
        problem = "is not stored" if state.key is None else "has unsaved edits"
        message = f"{type(row).__name__} {problem}; call lock_row after saving it, before the first edit"
        raise InvalidRequestError(message)
    bind = session.get_bind(state.mapper)
    with _busy_errors(bind.engine.url):
        if bind.dialect.name == "sqlite":
            # SQLite has no FOR UPDATE. A write locks the database.
            session.connection(bind_arguments={"mapper": state.mapper}).execute(_update_of_nothing(state))
        try:
            session.refresh(row, with_for_update=True)
        except InvalidRequestError as error:
            if not str(error).startswith("Could not refresh instance"):
                raise
            message = f"{type(row).__name__} {state.identity} was deleted by another transaction"
            raise StaleDataError(message) from error


async def lock_row_async(session: AsyncSession, row: Base) -> None:
    """Lock a row, as `lock_row` does."""
    await session.run_sync(lock_row, row)


def _update_of_nothing(state: InstanceState[Any]) -> Update:
    """Statement that sets a column of a row to its own value."""
    mapper = state.mapper
    column = next((column for column in mapper.columns if not column.primary_key), mapper.primary_key[0])
    identity = zip(mapper.primary_key, state.identity or (), strict=True)
    return update(mapper.class_).where(*(key == value for key, value in identity)).values({column: column})


@contextmanager
def _busy_errors(url: URL) -> Iterator[None]:
    """Raise a BusyError where another transaction is in the way.

    Raises:
        BusyError: One line with the remedy.
    """
    try:
        with translated(url, unknown=False):
            yield
    except (DBAPIError, BusyError) as error:
        cause: Any = error.__cause__ if isinstance(error, BusyError) else error
        cause = getattr(cause, "orig", None)
        code = getattr(cause, "sqlite_errorname", None) or sqlstate(cause)
        if code not in CONFLICTS:
            raise
        message = f"{masked(url)}: {CONFLICTS[code]}; roll back, and lock the row first in a new transaction"
        raise BusyError(message) from error

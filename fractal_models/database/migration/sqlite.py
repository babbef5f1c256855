"""Runs on SQLite: one transaction for all revisions, begun for writing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.exc import OperationalError

from fractal_models.database.connection.errors import BusyError, DatabaseError
from fractal_models.database.connection.timeouts import milliseconds


def refuse_enforced_keys(connection: Connection) -> None:
    """Refuse a caller's transaction in which foreign keys are enforced.

    Raises:
        DatabaseError: They are: SQLite would delete the children of a table that is rebuilt, and does not switch the
            keys off within a transaction.
    """
    if connection.dialect.name == "sqlite" and connection.exec_driver_sql("PRAGMA foreign_keys").scalar():
        message = (
            "foreign keys are enforced, and SQLite cannot switch them off within a transaction; "
            "migrate on an engine, or on a connection that is not in a transaction"
        )
        raise DatabaseError(message)


def _pragma(connection: Connection, statement: str) -> Any:
    """Run a PRAGMA outside of SQLAlchemy, which would begin a transaction."""
    assert connection.connection.dbapi_connection is not None
    cursor = connection.connection.dbapi_connection.cursor()
    cursor.execute(f"PRAGMA {statement}")
    row = cursor.fetchone()
    cursor.close()
    return row[0] if row else None


@contextmanager
def busy_timeout(connection: Connection, timeout: float) -> Iterator[None]:
    """Wait for locks of the file for this long.

    Raises:
        BusyError: Another process has kept the file locked for longer.
    """
    before = _pragma(connection, "busy_timeout")
    _pragma(connection, f"busy_timeout = {milliseconds(timeout)}")
    try:
        yield
    except OperationalError as error:
        if "locked" in str(error.orig):
            message = f"another process has locked the file for {timeout:g} s; stop what writes to it, or raise --wait"
            raise BusyError(message) from error
        raise
    finally:
        _pragma(connection, f"busy_timeout = {before}")


@contextmanager
def exclusive(connection: Connection) -> Iterator[None]:
    """Begin each transaction with BEGIN IMMEDIATE, and enforce no foreign keys while tables are rebuilt."""
    connection.rollback()
    dbapi = connection.connection.dbapi_connection
    assert dbapi is not None

    def begin(begun: Connection) -> None:
        begun.exec_driver_sql("BEGIN IMMEDIATE")

    isolation_level, foreign_keys = dbapi.isolation_level, _pragma(connection, "foreign_keys")
    dbapi.isolation_level = None
    _pragma(connection, "foreign_keys = OFF")
    event.listen(connection, "begin", begin)
    try:
        yield
    finally:
        connection.rollback()
        event.remove(connection, "begin", begin)
        _pragma(connection, f"foreign_keys = {foreign_keys}")
        dbapi.isolation_level = isolation_level

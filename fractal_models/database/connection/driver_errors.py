"""Translation of what drivers raise into states of the database."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL
from sqlalchemy.exc import SQLAlchemyError

from fractal_models.database.connection.errors import DatabaseState, Status
from fractal_models.database.connection.redaction import masked, sqlstate, without_secrets
from fractal_models.database.connection.urls import closed_file, missing_file, sqlite_file

LOCK_NOT_AVAILABLE = "55P03"
"""SQLSTATE `lock_not_available`: the lock timeout has passed."""

DEADLOCK_DETECTED = "40P01"
"""SQLSTATE `deadlock_detected`."""

SQLSTATES = {
    "08003": DatabaseState.STARTING,
    "08006": DatabaseState.STARTING,
    "25006": DatabaseState.READ_ONLY,
    "28000": DatabaseState.AUTHENTICATION,
    "28P01": DatabaseState.AUTHENTICATION,
    "3D000": DatabaseState.NO_DATABASE,
    "3F000": DatabaseState.NO_PERMISSION,
    "42501": DatabaseState.NO_PERMISSION,
    "53100": DatabaseState.DISK_FULL,
    "53300": DatabaseState.TOO_MANY_CONNECTIONS,
    LOCK_NOT_AVAILABLE: DatabaseState.LOCKED,
    "57014": DatabaseState.CANCELED,
    "57P01": DatabaseState.STARTING,
    "57P02": DatabaseState.STARTING,
    "57P03": DatabaseState.STARTING,
}

SQLITE_FULL = {"SQLITE_FULL", "SQLITE_IOERR_SHMSIZE"}
"""Errors of SQLite on a full disk; the second is about the index of a write-ahead log."""

EXCEPTIONS: tuple[tuple[type[Exception], DatabaseState], ...] = (
    (socket.gaierror, DatabaseState.HOST_NOT_FOUND),
    (ConnectionRefusedError, DatabaseState.REFUSED),
    (TimeoutError, DatabaseState.NOT_RESPONDING),
)
"""Errors of Python's sockets, which asyncpg passes on."""

MESSAGES = {
    r'role ".*" does not exist': DatabaseState.AUTHENTICATION,
    r'database ".*" does not exist': DatabaseState.NO_DATABASE,
    "could not translate host name": DatabaseState.HOST_NOT_FOUND,
    "failed to resolve host": DatabaseState.HOST_NOT_FOUND,
    "name or service not known": DatabaseState.HOST_NOT_FOUND,
    "connection refused": DatabaseState.REFUSED,
    "no such file or directory": DatabaseState.REFUSED,
    "timeout expired": DatabaseState.NOT_RESPONDING,
    "connection timed out": DatabaseState.NOT_RESPONDING,
    "no route to host": DatabaseState.NOT_RESPONDING,
    "too many (clients|connections)": DatabaseState.TOO_MANY_CONNECTIONS,
    "remaining connection slots are reserved": DatabaseState.TOO_MANY_CONNECTIONS,
    "no more connections allowed": DatabaseState.TOO_MANY_CONNECTIONS,  # PgBouncer
    "is starting up": DatabaseState.STARTING,
    "in recovery mode": DatabaseState.STARTING,
    "is shutting down": DatabaseState.STARTING,
    "not (yet )?accepting connections": DatabaseState.STARTING,
    "server closed the connection": DatabaseState.STARTING,
    "connection already closed": DatabaseState.STARTING,
    "the connection is (closed|lost)": DatabaseState.STARTING,
    "authentication failed": DatabaseState.AUTHENTICATION,
    "no password supplied": DatabaseState.AUTHENTICATION,
    r"pg_hba\.conf": DatabaseState.AUTHENTICATION,
    "is not permitted to log in": DatabaseState.AUTHENTICATION,
    "permission denied for database": DatabaseState.AUTHENTICATION,
    "permission denied": DatabaseState.NO_PERMISSION,
    "session is read-only": DatabaseState.STANDBY,
    "server is in hot standby mode": DatabaseState.STANDBY,
    "none of the hosts match": DatabaseState.STANDBY,
    "unable to open database file": DatabaseState.FILE_NOT_FOUND,
    "file is not a database": DatabaseState.NOT_A_DATABASE,
    "database disk image is malformed": DatabaseState.NOT_A_DATABASE,
    "readonly database": DatabaseState.READ_ONLY,
    "is locked": DatabaseState.LOCKED,
    "no space left on device": DatabaseState.DISK_FULL,
}
"""Messages without SQLSTATE, as patterns in lower case; the first match counts."""


def explain(error: BaseException, url: URL) -> Status:
    """Find the state that an error of a driver stands for; the status holds no password."""
    causes = list(_causes(error))
    cause = next((cause for cause in causes if _state(cause) is not DatabaseState.UNREACHABLE), causes[0])
    state = _state(cause)
    path = sqlite_file(url)
    if state is DatabaseState.FILE_NOT_FOUND and path is not None:
        # SQLite says the same of a file or a journal that it may not open.
        return missing_file(url) or closed_file(path)
    return state.status(f"{masked(url)}: {state.condition} ({without_secrets(driver_message(cause), url)})")


@contextmanager
def translated(url: URL, *, unknown: bool) -> Iterator[None]:
    """Raise what a driver raises as a DatabaseError.

    Args:
        url: The database.
        unknown: Whether to raise UnreachableError for errors that stand for no known state; else these pass unchanged.

    Raises:
        DatabaseError: The exception class of the state.
    """
    try:
        yield
    except Exception as error:
        # SQLAlchemy passes on what asyncpg raises when it connects.
        if not (isinstance(error, SQLAlchemyError | OSError) or sqlstate(error) or _is_of_asyncpg(error)):
            raise
        status = explain(error, url)
        if status.state is DatabaseState.UNREACHABLE and not unknown:
            raise
        assert status.state.error is not None
        raise status.state.error(status.line, status) from error


def _is_of_asyncpg(error: Exception) -> bool:
    return type(error).__module__.startswith("asyncpg")


def driver_message(error: BaseException) -> str:
    """Message of a driver in one line, without the rows and statements that it quotes."""
    error = getattr(error, "orig", None) or error
    message = getattr(getattr(error, "diag", None), "message_primary", None) or str(error)
    message = re.split(r"\n(?:DETAIL|LINE \d+):", message)[0]
    # libpq explains errors on lines with a tab, and names one host a line.
    lines = [" ".join(line.split()) for line in message.splitlines() if line.strip() and not line.startswith("\t")]
    return "; ".join(lines)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The driver's error under SQLAlchemy's, then the errors that led to it."""
    cause: BaseException | None = getattr(error, "orig", None) or error
    seen: list[BaseException] = []
    # SQLAlchemy raises some errors from themselves.
    while isinstance(cause, Exception) and cause not in seen:
        yield cause
        seen.append(cause)
        cause = cause.__cause__ or cause.__context__


def _state(error: BaseException) -> DatabaseState:
    if code := sqlstate(error):
        return SQLSTATES.get(code, DatabaseState.UNREACHABLE)
    if getattr(error, "sqlite_errorname", None) in SQLITE_FULL:
        return DatabaseState.DISK_FULL
    for class_, state in EXCEPTIONS:
        if isinstance(error, class_):
            return state
    message = driver_message(error).lower()
    return next((state for text, state in MESSAGES.items() if re.search(text, message)), DatabaseState.UNREACHABLE)

"""Connections for runs: what ends a run before its time becomes one line that says where the database stands."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

from sqlalchemy import URL, Connection, Engine
from sqlalchemy.exc import DBAPIError

from fractal_models import signals
from fractal_models.database.connection.driver_errors import driver_message, explain, translated
from fractal_models.database.connection.engine import connected, maintenance_engine
from fractal_models.database.connection.errors import BusyError, DatabaseError, DatabaseState, UnreachableError
from fractal_models.database.connection.redaction import masked, without_secrets
from fractal_models.database.connection.timeouts import QUICK_CONNECT_TIMEOUT
from fractal_models.database.inspection.state import inspect_database
from fractal_models.signals import Interruption

GO_ON = "run the same command again to go on"

ENDS_A_RUN = {DatabaseState.DISK_FULL, DatabaseState.CANCELED}
"""States that a run meets half-way."""


@contextmanager
def running(engine: Engine, *, from_shell: bool) -> Iterator[Connection]:
    """Open a connection for a run of revisions.

    Args:
        engine: The database.
        from_shell: Whether signals are handled, as those of a process that does nothing else.

    Raises:
        DatabaseError: No connection, or it was lost, or what a driver raises.
        Interruption: SIGINT or SIGTERM has been received.
    """
    url = engine.url
    with signals.raising() if from_shell else nullcontext(False) as outermost:
        try:
            opened: list[Connection] = []
            with translated(url, unknown=False), _told(engine, opened), connected(engine) as connection:
                opened.append(connection)
                cancel = partial(_cancel, engine.dialect.driver, connection.connection.driver_connection)
                with signals.cancelling(signals.Work(cancel, partial(where_it_stands, url))):
                    yield connection
                    signals.check()
        except Interruption as interruption:
            if outermost:
                # Alembic's own command line prints it.
                raise DatabaseError(str(interruption)) from interruption
            raise


@contextmanager
def _told(engine: Engine, opened: list[Connection]) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        if (interruption := signals.interruption(error)) is not None:
            raise complete(interruption, engine.url) from error
        if not isinstance(error, DatabaseError) and (ending := _ending(error, engine, opened)) is not None:
            raise ending from error
        raise


def complete(interruption: Interruption, url: URL) -> Interruption:
    """Add where the database stands to the line of an interruption."""
    if interruption.is_complete:
        return interruption
    return Interruption(interruption.number, f"{interruption}; {where_it_stands(url)}")


def where_it_stands(url: URL) -> str:
    """State of the database, read on a new connection, and how to go on."""
    return f"{_standing(url)}; {GO_ON}"


def _standing(url: URL) -> str:
    found = inspect_database(maintenance_engine(url, QUICK_CONNECT_TIMEOUT), check_drift=False)
    if found.state.error in {UnreachableError, BusyError} and found.state is not DatabaseState.FILE_NOT_FOUND:
        return f"where the database stands cannot be read now: {found.message.removeprefix(f'{masked(url)}: ')}"
    return found.message


def _ending(error: BaseException, engine: Engine, opened: list[Connection]) -> DatabaseError | None:
    """What has ended a run; None for errors that are explained elsewhere."""
    # SQLAlchemy passes on what a driver raises when the isolation level is set.
    raised = DBAPIError, engine.dialect.loaded_dbapi.Error
    # The first error says most, not those of cleaning up after it.
    for cause in reversed(list(signals.chain(error))):
        if not isinstance(cause, raised):
            continue
        found = explain(cause, engine.url)
        remedy = found.remedy if GO_ON in found.remedy else f"{found.remedy}, then {GO_ON}"
        # A server that has crashed refuses the connection that takes the place of the lost one.
        lost = found.state is DatabaseState.REFUSED and bool(opened)
        if lost or found.state is DatabaseState.STARTING or getattr(cause, "connection_invalidated", False):
            message = without_secrets(driver_message(cause), engine.url)
            found = DatabaseState.STARTING.status(f"{masked(engine.url)}: the connection was lost ({message})")
            remedy = GO_ON
        elif found.state not in ENDS_A_RUN:
            continue
        assert found.state.error is not None
        status = found.state.status(f"{found.message}; {_standing(engine.url)}", remedy)
        return found.state.error(status.line, status)
    return None


def _cancel(name: str, driver: Any) -> None:
    """Cancel the running statement, from another thread; psycopg does so itself."""
    if name == "pysqlite":
        driver.interrupt()
    elif name == "psycopg2":
        # It stops all threads until the server has answered, so first see that it does.
        if not driver.info.host.startswith("/"):
            socket.create_connection((driver.info.host, driver.info.port), QUICK_CONNECT_TIMEOUT).close()
        driver.cancel()

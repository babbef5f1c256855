"""Connections for commands that only read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL, Connection

from fractal_models.database.connection.driver_errors import translated
from fractal_models.database.connection.engine import connect
from fractal_models.database.connection.errors import BusyError
from fractal_models.database.connection.urls import sync_url
from fractal_models.database.inspection.blockers import held
from fractal_models.database.inspection.watch import Watch


@contextmanager
def reading(url: str | URL) -> Iterator[Connection]:
    """Open a connection for reading, with a lock timeout and without other timeouts.

    Raises:
        DatabaseError: Its state says what is wrong, and who holds a lock.
    """
    parsed, watch = sync_url(url), None
    try:
        with translated(parsed, unknown=True), connect(parsed) as connection, Watch(connection) as watch:
            yield connection
    except BusyError as error:
        if error.status is None or watch is None:
            raise
        status = held(error.status, watch.seen)
        raise BusyError(status.line, status) from error

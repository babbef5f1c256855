"""Databases that are read: one transaction that writes nothing, and the rows of a table in blocks of lines."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, NullPool, event
from sqlalchemy.exc import SQLAlchemyError

from fractal_models.archive.text_form import BLOCK_BYTES, FIELD_END, Rows, escaped, utc_timestamp
from fractal_models.database.connection.driver_errors import driver_message, explain
from fractal_models.database.connection.engine import create_engine
from fractal_models.database.connection.errors import BlockedByDataError, DatabaseError, DatabaseState, UnreachableError
from fractal_models.database.connection.redaction import masked, without_secrets
from fractal_models.database.connection.timeouts import (
    CONNECT_TIMEOUT,
    READ_LOCK_TIMEOUT,
    SQLITE_BUSY_TIMEOUT,
    milliseconds,
)
from fractal_models.database.connection.urls import missing_file, sync_url

Sink = Callable[[bytes, int], None]
"""Takes a block of lines, and their number."""

SETTINGS = (
    "SET LOCAL TimeZone = 'UTC'",
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL idle_in_transaction_session_timeout = 0",
    f"SET LOCAL lock_timeout = {milliseconds(READ_LOCK_TIMEOUT)}",
)
"""Settings of a transaction on PostgreSQL: a copy takes as long as it takes."""


def database_url(place: str | Path | URL) -> URL:
    """URL of a database; anything without `://` is the path of a SQLite file.

    Raises:
        UnreachableError: Empty, not a URL, or not of PostgreSQL or SQLite.
    """
    if place == "":
        message = "the URL or path of a database is empty"
        raise UnreachableError(message)
    if isinstance(place, Path) or (isinstance(place, str) and "://" not in place):
        return URL.create("sqlite", database=str(place))
    url = sync_url(place)
    # psycopg has no COPY that calls back, and psycopg2 is always installed.
    return url if url.get_backend_name() == "sqlite" else url.set(drivername="postgresql+psycopg2")


class Reader(ABC):
    """A connection whose rows are read as text."""

    dialect: ClassVar[str]

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    @property
    def driver(self) -> Any:
        """Connection of the driver."""
        return self.connection.connection.dbapi_connection

    def read(self, rows: Rows, sink: Sink) -> None:
        """Pass all rows to a function, in blocks.

        Raises:
            BlockedByDataError: Text is not UTF-8.
            DatabaseError: The connection is lost.
        """
        try:
            with driver_errors(self.connection.engine.url):
                self._read(rows, sink)
        except UnicodeError as error:
            message = f"table {rows.table.name}: {error}; correct it in {masked(self.connection.engine.url)}"
            raise BlockedByDataError(message) from None

    @abstractmethod
    def _read(self, rows: Rows, sink: Sink) -> None: ...

    def count(self, rows: Rows) -> int:
        """Count rows."""
        with driver_errors(self.connection.engine.url):
            return int(self.connection.exec_driver_sql(rows.count_query(self.dialect)).scalar_one())


class PostgreSQLReader(Reader):
    """Rows by `COPY`."""

    dialect = "postgresql"

    def _read(self, rows: Rows, sink: Sink) -> None:
        blocks = _Blocks(sink)
        with self.driver.cursor() as cursor:
            cursor.copy_expert(f"COPY ({rows.query(self.dialect)}) TO STDOUT (ENCODING 'UTF8')", blocks)
        blocks.flush()


class _Blocks:
    """File that the driver writes lines into."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._lines: list[bytes] = []
        self._size = 0

    def write(self, line: bytes) -> None:
        self._lines.append(line)
        self._size += len(line)
        if self._size >= BLOCK_BYTES:
            self.flush()

    def flush(self) -> None:
        if self._lines:
            self._sink(b"".join(self._lines), len(self._lines))
        self._lines, self._size = [], 0


class SQLiteReader(Reader):
    """Rows by a cursor, as bytes."""

    dialect = "sqlite"

    def _read(self, rows: Rows, sink: Sink) -> None:
        self.driver.create_function("utc_timestamp", 1, utc_timestamp, deterministic=True)
        factory, self.driver.text_factory = self.driver.text_factory, bytes
        try:
            self._read_lines(rows, sink)
        finally:
            self.driver.text_factory = factory

    def _read_lines(self, rows: Rows, sink: Sink) -> None:
        lines: list[bytes] = []
        size, fields = 0, len(rows.columns)
        for row in self.driver.execute(rows.query(self.dialect)):
            line = FIELD_END.join(row)
            lines.append(line)
            size += len(line)
            if size >= BLOCK_BYTES:
                sink(escaped(lines, fields), len(lines))
                lines, size = [], 0
        if lines:
            sink(escaped(lines, fields), len(lines))


def reader_of(connection: Connection) -> Reader:
    """Reader on a connection of either engine."""
    return PostgreSQLReader(connection) if connection.dialect.name == "postgresql" else SQLiteReader(connection)


@contextmanager
def driver_errors(url: URL) -> Iterator[None]:
    """Raise what a driver raises as a DatabaseError of one line, without secrets.

    Raises:
        DatabaseError: The exception class of the state, or this one where the error stands for none.
    """
    try:
        yield
    except Exception as error:
        module = type(error).__module__
        if not isinstance(error, SQLAlchemyError | OSError) and module not in {
            "psycopg2",
            "psycopg2.errors",
            "sqlite3",
        }:
            raise
        status = explain(error, url)
        if status.state is DatabaseState.UNREACHABLE:
            raise DatabaseError(f"{masked(url)}: {without_secrets(driver_message(error), url)}") from error
        assert status.state.error is not None
        raise status.state.error(status.line, status) from error


@contextmanager
def opened(url: URL) -> Iterator[Reader]:
    """Read a database in one transaction, which sees one moment of it.

    Raises:
        DatabaseError: No connection, or it is lost.
    """
    if (missing := missing_file(url)) is not None:
        if missing.state is DatabaseState.FILE_NOT_FOUND:
            missing = missing.state.status(missing.message)  # a new database there is no remedy
        missing.raise_for_state()
    is_file = url.get_backend_name() == "sqlite"
    with driver_errors(url), (_file(url) if is_file else _server(url)).connect() as connection:
        connection.begin()
        try:
            yield reader_of(connection)
        except BaseException:
            # A rollback would first receive all that is left of a COPY.
            connection.invalidate()
            raise


def _server(url: URL) -> Engine:
    engine = create_engine(url, poolclass=NullPool, connect_timeout=CONNECT_TIMEOUT, isolation_level="REPEATABLE READ")
    event.listen(engine, "begin", _begin_reading)
    return engine


def _begin_reading(connection: Connection) -> None:
    for statement in ("SET TRANSACTION READ ONLY", *SETTINGS):
        connection.exec_driver_sql(statement)


def _file(url: URL) -> Engine:
    """Engine whose connections cannot write; not even a checkpoint of the write-ahead log."""

    def connect() -> sqlite3.Connection:
        place = (
            str(url.database) if str(url.database).startswith("file:") else f"file:{quote(str(url.database))}?mode=ro"
        )
        return sqlite3.connect(place, uri=True, timeout=SQLITE_BUSY_TIMEOUT, isolation_level=None)

    engine = create_engine(url, poolclass=NullPool, wal=False, creator=connect)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine

"""Engines and sessions that treat SQLite and PostgreSQL alike.

They are SQLAlchemy's own, with foreign keys enforced, row values kept out of errors, and dead connections found before
use. All arguments of SQLAlchemy pass through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy
from sqlalchemy import URL, Connection, Engine, NullPool, event, orm
from sqlalchemy.ext import asyncio as sqlalchemy_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import Session

from fractal_models.database.connection.async_session import AsyncSession
from fractal_models.database.connection.driver_errors import translated
from fractal_models.database.connection.drivers import driver_required
from fractal_models.database.connection.products import unsupported_refused
from fractal_models.database.connection.redaction import hide_row_values
from fractal_models.database.connection.timeouts import (
    CONNECT_TIMEOUT,
    READ_LOCK_TIMEOUT,
    SQLITE_BUSY_TIMEOUT,
    milliseconds,
)
from fractal_models.database.connection.urls import async_url, asyncpg_arguments, is_read_only, sync_url


def create_engine(
    url: str | URL,
    *,
    connect_timeout: float | None = None,
    statement_timeout: float | None = None,
    pooler: bool = False,
    wal: bool = True,
    **kwargs: Any,
) -> Engine:
    """Create an engine of SQLAlchemy.

    Args:
        url: The database; see `sync_url` for the driver. Several hosts of one cluster are written
            `postgresql://USER:PASSWORD@HOST1:5432,HOST2:5432/NAME?target_session_attrs=read-write`.
        connect_timeout: Connection timeout in seconds; on SQLite the busy timeout (30 by default).
        statement_timeout: PostgreSQL's `statement_timeout` in seconds; ignored on SQLite.
        pooler: True behind PgBouncer in transaction mode: no prepared statements, no settings beyond a transaction.
        wal: Whether a SQLite file uses a write-ahead log, with which readers and a writer do not block each other.
        **kwargs: Arguments of `sqlalchemy.create_engine`, `connect_args` included.

    Raises:
        UnreachableError: Not a URL, or not of PostgreSQL or SQLite; or its driver is not installed.
    """
    parsed = sync_url(url)
    arguments = _arguments(parsed, connect_timeout, pooler, kwargs)
    with driver_required(parsed):
        engine = sqlalchemy.create_engine(parsed, **arguments)
    return _add_listeners(engine, statement_timeout, pooler, wal)


def create_async_engine(
    url: str | URL,
    *,
    connect_timeout: float | None = None,
    statement_timeout: float | None = None,
    pooler: bool = False,
    wal: bool = True,
    **kwargs: Any,
) -> AsyncEngine:
    """Create an asynchronous engine of SQLAlchemy, with the arguments of `create_engine`.

    Raises:
        UnreachableError: Not a URL, or not of PostgreSQL or SQLite; or its driver is not installed.
    """
    parsed, from_url = asyncpg_arguments(async_url(url))
    kwargs = {**kwargs, "connect_args": from_url | kwargs.get("connect_args", {})}
    arguments = _arguments(parsed, connect_timeout, pooler, kwargs)
    with driver_required(parsed):
        engine = sqlalchemy_asyncio.create_async_engine(parsed, **arguments)
    _add_listeners(engine.sync_engine, statement_timeout, pooler, wal)
    return engine


def sessionmaker(engine: Engine, **kwargs: Any) -> orm.sessionmaker[Session]:
    """Create a factory of SQLModel sessions; keywords are those of `sqlalchemy.orm.sessionmaker`."""
    return orm.sessionmaker(engine, **{"class_": Session, **kwargs})


def async_sessionmaker(engine: AsyncEngine, **kwargs: Any) -> sqlalchemy_asyncio.async_sessionmaker[AsyncSession]:
    """Create a factory of asynchronous SQLModel sessions.

    Keywords are those of `sqlalchemy.ext.asyncio.async_sessionmaker`. Objects stay readable after a commit, since
    asynchronous code cannot load them on access.
    """
    return sqlalchemy_asyncio.async_sessionmaker(
        engine, **{"class_": AsyncSession, "expire_on_commit": False, **kwargs}
    )


def maintenance_engine(url: str | URL, connect_timeout: float = CONNECT_TIMEOUT) -> Engine:
    """Create an engine whose connections change no settings of the database and are closed after use.

    Raises:
        UnreachableError: Not a URL, or not of PostgreSQL or SQLite; or its driver is not installed.
    """
    return create_engine(url, poolclass=NullPool, wal=False, connect_timeout=connect_timeout)


@contextmanager
def connect(url: str | URL) -> Iterator[Connection]:
    """Open a connection of `maintenance_engine` for reading, with the timeouts of `set_read_timeouts`."""
    with maintenance_engine(url).connect() as connection:
        if connection.dialect.name == "postgresql":
            event.listen(connection, "begin", set_read_timeouts)
        yield connection


@contextmanager
def connected(engine: Engine) -> Iterator[Connection]:
    """Open a connection.

    Raises:
        DatabaseError: No connection; what is raised while it is open passes unchanged.
    """
    with translated(engine.url, unknown=True):
        connection = engine.connect()
    with connection:
        yield connection


def set_lock_timeout(seconds: float) -> Callable[[Connection], None]:
    """Create a listener that sets PostgreSQL's `lock_timeout` for the transaction that begins."""
    set_timeout = _on_begin(f"SET LOCAL lock_timeout = {milliseconds(seconds)}")

    def listener(connection: Connection) -> None:
        if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
            set_timeout(connection)

    return listener


def set_read_timeouts(connection: Connection) -> None:
    """Set the timeouts of a transaction that only reads and begins: one for locks, none for statements."""
    if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
        lock_timeout = f"set_config('lock_timeout', '{milliseconds(READ_LOCK_TIMEOUT)}', true)"
        connection.exec_driver_sql(f"SELECT {lock_timeout}, set_config('statement_timeout', '0', true)")


def limit_read_waits(connection: Connection) -> None:
    """Set the timeouts of a transaction that only reads, and has yet to begin."""
    if connection.dialect.name == "postgresql" and not connection.in_transaction():
        set_read_timeouts(connection)


def _arguments(url: URL, connect_timeout: float | None, pooler: bool, kwargs: dict[str, Any]) -> dict[str, Any]:
    driver = _driver_arguments(url.get_driver_name(), connect_timeout, pooler)
    # The URL overrides these defaults, and the caller overrides the URL.
    connect_args = {name: value for name, value in driver.items() if name not in url.query}
    connect_args |= kwargs.get("connect_args", {})
    return {"hide_parameters": True, "pool_pre_ping": True, **kwargs, "connect_args": connect_args}


def _driver_arguments(driver: str, connect_timeout: float | None, pooler: bool) -> dict[str, Any]:
    """Timeout and pooler as the connect arguments of each driver."""
    if driver in {"pysqlite", "aiosqlite"}:
        return {"timeout": SQLITE_BUSY_TIMEOUT if connect_timeout is None else connect_timeout}
    if driver == "asyncpg":
        arguments: dict[str, Any] = {} if connect_timeout is None else {"timeout": connect_timeout}
        if pooler:
            arguments |= {
                "statement_cache_size": 0,
                "prepared_statement_cache_size": 0,
                # An unnamed statement is prepared and run in one round trip, and not kept on the server.
                "prepared_statement_name_func": lambda: "",
            }
        return arguments
    # libpq takes whole seconds, 2 at least.
    arguments = {} if connect_timeout is None else {"connect_timeout": max(round(connect_timeout), 2)}
    if pooler and driver in {"psycopg", "psycopg_async"}:
        arguments["prepare_threshold"] = None
    return arguments


def _add_listeners(engine: Engine, statement_timeout: float | None, pooler: bool, wal: bool) -> Engine:
    """Set what SQLAlchemy has no argument for."""
    hide_row_values(engine)
    if engine.dialect.name == "sqlite":
        pragmas = ["foreign_keys = ON", *(["journal_mode = WAL"] if wal and not is_read_only(engine.url) else [])]
        event.listen(engine, "connect", _on_connect([f"PRAGMA {pragma}" for pragma in pragmas]))
    else:
        event.listen(engine, "first_connect", unsupported_refused(engine.url))
    if engine.dialect.name == "postgresql" and statement_timeout is not None:
        setting = f"statement_timeout = {round(statement_timeout * 1000)}"
        if pooler:
            event.listen(engine, "begin", _on_begin(f"SET LOCAL {setting}"))
        else:
            event.listen(engine, "connect", _on_connect([f"SET {setting}"]))
    return engine


def _on_connect(statements: list[str]) -> Callable[[Any, object], None]:
    def run(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        cursor.close()
        connection.commit()

    return run


def _on_begin(statement: str) -> Callable[[Connection], None]:
    def run(connection: Connection) -> None:
        connection.exec_driver_sql(statement)

    return run

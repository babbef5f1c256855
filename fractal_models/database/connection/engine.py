"""Engines and sessions that treat SQLite and PostgreSQL alike.

They are SQLAlchemy's own, with what every server needs: foreign keys enforced, no values in the text of errors, dead
connections found before they are used. Every argument of SQLAlchemy passes through.
"""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from logging import DEBUG, Logger, LogRecord, getLogger
from typing import Any
from urllib.parse import quote, quote_plus

import sqlalchemy
from sqlalchemy import URL, Connection, Engine, NullPool, event, make_url, orm
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, StatementError
from sqlalchemy.ext import asyncio as sqlalchemy_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.ext.asyncio import create_async_engine as sqlalchemy_create_async_engine
from sqlmodel import Session

from fractal_models.database.connection.errors import DatabaseError, UnreachableError

SYNC_DRIVERS = {
    "postgres": "postgresql+psycopg2",
    "postgresql": "postgresql+psycopg2",
    "postgresql+asyncpg": "postgresql+psycopg2",
    "postgresql+psycopg_async": "postgresql+psycopg",
    "sqlite+aiosqlite": "sqlite",
}
"""The synchronous driver for each way to write a URL that names none or an asynchronous one."""

LIBPQ_DRIVERS = {"postgresql+psycopg2", "postgresql+psycopg"}
"""Drivers that take the connection parameters of PostgreSQL's own library."""

ASYNC_DRIVERS = {
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "postgresql+psycopg2": "postgresql+asyncpg",
    "sqlite": "sqlite+aiosqlite",
    "sqlite+pysqlite": "sqlite+aiosqlite",
}
"""The asynchronous driver for each way to write a URL that names none or a synchronous one."""

BUSY_TIMEOUT = 30.0
"""Seconds that a statement on SQLite waits for another writer, unless the caller says otherwise."""


def sync_url(url: str | URL) -> URL:
    """Give the URL of the same database for a synchronous driver, psycopg2 unless it says otherwise.

    Raises:
        UnreachableError: It is no URL, or one of neither PostgreSQL nor SQLite.
    """
    return _with_driver(url, SYNC_DRIVERS)


def async_url(url: str | URL) -> URL:
    """Give the URL of the same database for an asynchronous driver, asyncpg or aiosqlite unless it says otherwise.

    Raises:
        UnreachableError: It is no URL, or one of neither PostgreSQL nor SQLite.
    """
    return _with_driver(url, ASYNC_DRIVERS)


def _with_driver(url: str | URL, drivers: dict[str, str]) -> URL:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, ValueError):
        # What was given may hold a password, so it is not repeated.
        message = "what names the database is no URL; it should look like postgresql://USER:PASSWORD@HOST/NAME"
        raise UnreachableError(message) from None
    if backend not in {"postgres", "postgresql", "sqlite"}:
        message = f"a database of {backend} is none that Fractal runs on; use PostgreSQL or SQLite"
        raise UnreachableError(message)
    if "@" in (parsed.host or ""):
        message = "what names the database has an @ too many; in a user or a password, write it as %40"
        raise UnreachableError(message)
    changed = parsed.set(drivername=drivers.get(parsed.drivername, parsed.drivername))
    # The one option that both ways to reach a PostgreSQL need, and write differently.
    old, new = ("sslmode", "ssl") if changed.drivername == "postgresql+asyncpg" else ("ssl", "sslmode")
    if backend != "sqlite" and old in changed.query:
        changed = changed.difference_update_query([old]).update_query_dict({new: changed.query[old]})
    hosts = changed.query.get("host")
    if changed.drivername == "postgresql+asyncpg" and isinstance(hosts, tuple):
        # Of several hosts libpq takes the usual port for granted, asyncpg wants it named.
        changed = changed.update_query_dict({"host": [host if ":" in host else f"{host}:5432" for host in hosts]})
    return changed


def _secret_parameters(url: URL) -> list[str]:
    return [name for name in url.query if "pass" in name.lower()]


def masked(url: URL) -> str:
    """Write a URL without its secrets."""
    secrets = dict.fromkeys(_secret_parameters(url), "***")
    return url.update_query_dict(secrets).render_as_string(hide_password=True).replace("%2A", "*")


SHORT = 5
"""Letters of a password that may well be part of a word."""


def without_secrets(said: str, url: URL) -> str:
    """Take the secrets of a URL out of what a driver said."""
    secrets = {url.password, *(value for name in _secret_parameters(url) for value in url.normalized_query[name])}
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        # As it is, and as URLs are written: by the standard, by forms, by SQLAlchemy.
        for written in (secret, quote(secret, safe=""), quote_plus(secret), quote(secret, safe=" +")):
            # A short one is part of other words as well.
            pattern = re.escape(written) if len(secret) > SHORT else rf"(?<!\w){re.escape(written)}(?!\w)"
            said = re.sub(pattern, "***", said)
    return said


def create_engine(
    url: str | URL,
    *,
    connect_timeout: float | None = None,
    statement_timeout: float | None = None,
    pooler: bool = False,
    wal: bool = True,
    **kwargs: Any,
) -> Engine:
    """Make an engine of SQLAlchemy.

    Args:
        url: Where the database is; see `sync_url` for the driver. Several hosts of one cluster are written
            `postgresql://USER:PASSWORD@/NAME?host=A:5432&host=B:5432&target_session_attrs=read-write`.
        connect_timeout: Seconds to wait for a connection; on SQLite for another writer (30 by default).
        statement_timeout: Seconds after which PostgreSQL gives up a statement; SQLite knows no such thing.
        pooler: Set it behind PgBouncer in transaction mode: nothing is then prepared or set for more than a
            transaction.
        wal: Whether a file of SQLite gets a write-ahead log, with which readers and a writer do not block each other.
        **kwargs: What `sqlalchemy.create_engine` takes, `connect_args` included.

    Raises:
        UnreachableError: The URL is none of a database that Fractal runs on.
    """
    parsed = sync_url(url)
    arguments = _arguments(parsed, connect_timeout, pooler, kwargs)
    return _prepare(sqlalchemy.create_engine(parsed, **arguments), statement_timeout, pooler, wal)


def create_async_engine(
    url: str | URL,
    *,
    connect_timeout: float | None = None,
    statement_timeout: float | None = None,
    pooler: bool = False,
    wal: bool = True,
    **kwargs: Any,
) -> AsyncEngine:
    """Make an asynchronous engine of SQLAlchemy: `create_engine` for async servers, with the same arguments.

    Raises:
        UnreachableError: The URL is none of a database that Fractal runs on.
    """
    parsed, from_url = _for_asyncpg(async_url(url))
    kwargs = {**kwargs, "connect_args": from_url | kwargs.get("connect_args", {})}
    arguments = _arguments(parsed, connect_timeout, pooler, kwargs)
    engine = sqlalchemy_create_async_engine(parsed, **arguments)
    _prepare(engine.sync_engine, statement_timeout, pooler, wal)
    return engine


LIBPQ_ALONE = {"options", "gssencmode", "channel_binding", "sslcert", "sslkey", "sslrootcert", "keepalives"}
"""Options of a URL, the more usual ones, that asyncpg does not know."""


def _for_asyncpg(url: URL) -> tuple[URL, dict[str, Any]]:
    """Take out of a URL what asyncpg wants to be told in other words, and give these."""
    if url.get_driver_name() != "asyncpg":
        return url, {}
    if unknown := sorted(LIBPQ_ALONE & url.query.keys()):
        message = f"asyncpg does not know {', '.join(unknown)}: leave that out of the URL, or use postgresql+psycopg"
        raise UnreachableError(message)
    said: dict[str, Any] = {}
    if "connect_timeout" in url.query:
        said["timeout"] = float(str(url.query["connect_timeout"]))
    if "application_name" in url.query:
        said["server_settings"] = {"application_name": url.query["application_name"]}
    return url.difference_update_query(["connect_timeout", "application_name"]), said


def sessionmaker(engine: Engine, **kwargs: Any) -> orm.sessionmaker[Session]:
    """Make a factory of SQLModel's sessions; keywords are those of `sqlalchemy.orm.sessionmaker`."""
    return orm.sessionmaker(engine, **{"class_": Session, **kwargs})


def async_sessionmaker(engine: AsyncEngine, **kwargs: Any) -> sqlalchemy_asyncio.async_sessionmaker[AsyncSession]:
    """Make a factory of SQLAlchemy's asynchronous sessions.

    Objects stay readable after a commit: there is no loading behind the scenes in async code.
    """
    return sqlalchemy_asyncio.async_sessionmaker(engine, **{"expire_on_commit": False, **kwargs})


CONNECT_TIMEOUT = 10.0
"""Seconds after which the upkeep gives up a server that does not answer; libpq would wait for minutes."""


def maintenance_engine(url: str | URL, connect_timeout: float = CONNECT_TIMEOUT) -> Engine:
    """Make an engine whose connections change nothing by themselves, and are closed after use.

    Raises:
        UnreachableError: The URL is none of a database that Fractal runs on.
    """
    try:
        return create_engine(url, poolclass=NullPool, wal=False, connect_timeout=connect_timeout)
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        message = f"the driver is not there ({error}): install it, or give a URL that names none"
        raise UnreachableError(message) from error


@contextmanager
def connect(url: str | URL) -> Iterator[Connection]:
    """Open one connection that changes nothing by itself, and leave nothing open behind it."""
    with maintenance_engine(url).connect() as connection:
        if connection.dialect.name == "postgresql":
            event.listen(connection, "begin", lock_timeout(READ_WAIT))
        yield connection


def allow_schema_writes(connection: Connection) -> None:
    """Let revisions change the text of table definitions, also in a SQLite that is built not to let anybody.

    Raises:
        DatabaseError: It is, and this Python is too old to change that.
    """
    driver: Any = connection.connection.dbapi_connection
    driver = getattr(driver, "driver_connection", driver)
    # Python 3.12 brought both; aiosqlite has not followed.
    if (defensive := getattr(sqlite3, "SQLITE_DBCONFIG_DEFENSIVE", None)) is not None and hasattr(driver, "setconfig"):
        driver.setconfig(defensive, False)
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    allowed = connection.exec_driver_sql("PRAGMA writable_schema").scalar()
    connection.exec_driver_sql("PRAGMA writable_schema = OFF")
    if not allowed:
        message = (
            "this SQLite is built so that no table definition can be changed; use Python 3.12 or newer, or another"
        )
        raise DatabaseError(message)


READ_WAIT = 5.0
"""Seconds after which a question gives up a table that somebody else has locked."""


def lock_timeout(seconds: float) -> Callable[[Connection], None]:
    """Give PostgreSQL's bound on waiting for locks to a transaction; nothing of it is left after its end."""
    set_bound = _on_begin(f"SET LOCAL lock_timeout = {max(round(seconds * 1000), 1)}")

    def bound(connection: Connection) -> None:
        if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
            set_bound(connection)

    return bound


def _arguments(url: URL, connect_timeout: float | None, pooler: bool, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Say the same thing in the words of each driver."""
    driver = url.get_driver_name()
    connect_args: dict[str, Any] = {}
    if driver in {"pysqlite", "aiosqlite"}:
        connect_args["timeout"] = BUSY_TIMEOUT if connect_timeout is None else connect_timeout
    elif driver == "asyncpg":
        if connect_timeout is not None:
            connect_args["timeout"] = connect_timeout
        if pooler:
            connect_args |= {
                "statement_cache_size": 0,
                "prepared_statement_cache_size": 0,
                # Without a name nothing is left on the server, and the driver prepares and runs in one go.
                "prepared_statement_name_func": lambda: "",
            }
    else:
        if connect_timeout is not None:
            connect_args["connect_timeout"] = max(round(connect_timeout), 2)  # libpq knows no less
        if pooler and driver in {"psycopg", "psycopg_async"}:
            connect_args["prepare_threshold"] = None
    # What the URL says counts for more, and what the caller says for most.
    connect_args = {name: value for name, value in connect_args.items() if name not in url.query}
    connect_args |= kwargs.get("connect_args", {})
    return {"hide_parameters": True, "pool_pre_ping": True, **kwargs, "connect_args": connect_args}


def _prepare(engine: Engine, statement_timeout: float | None, pooler: bool, wal: bool) -> Engine:
    """Listen to what SQLAlchemy has no argument for."""
    hide_row_values(engine)
    if engine.dialect.name == "sqlite":
        read_only = "mode=ro" in str(engine.url) or "immutable=1" in str(engine.url)
        pragmas = ["foreign_keys = ON", *(["journal_mode = WAL"] if wal and not read_only else [])]
        event.listen(engine, "connect", _on_connect([f"PRAGMA {pragma}" for pragma in pragmas]))
    elif statement_timeout is not None:
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


KEY_VIOLATIONS = {"23503", "23505", "23P01"}
"""What PostgreSQL says in detail of these errors is the value of a key; of others, it may be any value of the row."""

DATA_ERROR = "22"
"""First part of the codes of errors whose message itself may quote a value."""

QUOTED = re.compile(r'".*"|(?<=: ).*', re.DOTALL)


def hide_row_values(engine: Engine) -> None:
    """Keep values of rows, secrets among them, out of what PostgreSQL says of errors, and out of logs of level DEBUG.

    `create_engine` and `create_async_engine` do it; for an engine of another make, call it once
    (with `engine.sync_engine` if it is asynchronous).
    """
    event.listen(engine, "handle_error", _without_row_values)
    # SQLAlchemy logs each row there, and aiosqlite each call with its arguments, whatever `hide_parameters` says.
    logger = engine.logger
    (logger if isinstance(logger, Logger) else logger.logger).addFilter(_is_no_row)
    getLogger("aiosqlite").addFilter(_is_no_debugging)


def _is_no_row(record: LogRecord) -> bool:
    return not str(record.msg).startswith("Row ")


def _is_no_debugging(record: LogRecord) -> bool:
    return record.levelno > DEBUG


def _code(error: BaseException) -> str:
    """The code that PostgreSQL gave to an error; empty if it is none of PostgreSQL's."""
    if isinstance(error, ValueError) and type(error).__module__.startswith("asyncpg"):
        return DATA_ERROR  # found by the driver, before it asked the server
    return str(getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or "")


def _without_row_values(context: ExceptionContext) -> None:
    """Leave of an error its message and the name of a key; a row, or a statement with values in it, is not quoted."""
    if isinstance(context.sqlalchemy_exception, StatementError) and getattr(context.engine, "hide_parameters", False):
        context.sqlalchemy_exception.params = None  # those of a whole row, perhaps
    errors: list[BaseException] = [context.original_exception]
    while (cause := errors[-1].__cause__) is not None and cause not in errors:
        errors.append(cause)
    first = next((error for error in reversed(errors) if _code(error)), None)
    code = _code(first) if first else ""
    if first is None and type(errors[0]) in {TypeError, ValueError}:
        first, code = errors[0], DATA_ERROR  # found by SQLAlchemy, before it asked the driver
    if first is None:
        return
    # psycopg has the parts of what was said in an object beside it, asyncpg in the exception itself.
    diagnostics = getattr(first, "diag", None)
    said = str(first)
    message = str((diagnostics and diagnostics.message_primary) or (first.args or [""])[0])
    detail = diagnostics.message_detail if diagnostics else getattr(first, "detail", None)
    kept = QUOTED.sub("…", message) if code.startswith(DATA_ERROR) else message
    if code not in KEY_VIOLATIONS:
        detail = None
    told = f"{kept}\nDETAIL:  {detail}" if detail else kept
    if context.sqlalchemy_exception is not None:
        errors.append(context.sqlalchemy_exception)
    for error in errors:
        error.args = tuple(
            arg.replace(said, told).replace(message, kept) if isinstance(arg, str) else arg for arg in error.args
        )
        if hasattr(error, "detail") and not isinstance(error, StatementError):
            error.detail = detail

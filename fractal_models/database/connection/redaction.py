"""Secrets and row values kept out of messages, errors and logs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from logging import DEBUG, Logger, LogRecord, getLogger
from threading import Thread, current_thread
from typing import Any, NamedTuple
from urllib.parse import quote, quote_plus
from weakref import WeakSet

from sqlalchemy import URL, Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import StatementError
from sqlalchemy.log import instance_logger

SHORT_PASSWORD = 5
"""Longest password that may be part of an ordinary word: it is masked as a whole word only."""

KEY_VIOLATIONS = {"23503", "23505", "23P01"}
"""SQLSTATEs whose DETAIL holds the value of a key; that of others may hold any value of the row."""

DATA_EXCEPTION = "22"
"""SQLSTATE class whose message itself may quote a value."""

LOGGING_NAME = "fractal"
"""Name of an engine in SQLAlchemy's logs, unless it has one."""

_THREADS: WeakSet[Thread] = WeakSet()
"""Threads of the connections of aiosqlite whose calls are not logged."""

QUOTED = re.compile(r'".*"|(?<=: ).*', re.DOTALL)


SEVERAL_HOSTS = "\0"
"""Stands for the hosts of a URL until they are put in, since SQLAlchemy writes one host only."""


def _secret_parameters(url: URL) -> list[str]:
    return [name for name in url.query if "pass" in name.lower()]


def masked(url: URL) -> str:
    """Render a URL without its secrets; several hosts are shown as libpq writes them."""
    secrets = dict.fromkeys(_secret_parameters(url), "***")
    hosts = url.query.get("host")
    shown = url.update_query_dict(secrets)
    if isinstance(hosts, tuple) and not any("/" in host for host in hosts):
        shown = shown.difference_update_query(["host"]).set(host=SEVERAL_HOSTS)
        return _rendered(shown).replace(SEVERAL_HOSTS, ",".join(hosts))
    return _rendered(shown)


def _rendered(url: URL) -> str:
    return url.render_as_string(hide_password=True).replace("%2A", "*")


def without_secrets(message: str, url: URL) -> str:
    """Mask the secrets of a URL in the message of a driver."""
    secrets = {url.password, *(value for name in _secret_parameters(url) for value in url.normalized_query[name])}
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        # Verbatim, and as the URL standard, HTML forms and SQLAlchemy escape it.
        for written in (secret, quote(secret, safe=""), quote_plus(secret), quote(secret, safe=" +")):
            long = len(secret) > SHORT_PASSWORD
            pattern = re.escape(written) if long else rf"(?<!\w){re.escape(written)}(?!\w)"
            message = re.sub(pattern, "***", message)
    return message


def hide_row_values(engine: Engine) -> None:
    """Keep row values, secrets among them, out of PostgreSQL's error messages and out of DEBUG logs.

    `create_engine` and `create_async_engine` do this. For another engine, call it before its first connection (with
    `engine.sync_engine` if it is asynchronous). Logs of other engines are unchanged, so an engine without a
    `logging_name` gets one: its logger is then `sqlalchemy.engine.Engine.fractal`.
    """
    event.listen(engine, "handle_error", _redact_error)
    # SQLAlchemy logs each row at DEBUG, also with `hide_parameters`. Engines share a logger unless they have a name.
    if not engine.logging_name:
        engine.logging_name = LOGGING_NAME
        instance_logger(engine, engine._echo)
    logger = engine.logger
    (logger if isinstance(logger, Logger) else logger.logger).addFilter(_is_not_a_row)
    if engine.dialect.driver == "aiosqlite":
        # It logs each call with its arguments at DEBUG. All connections share a logger; each has a thread of its own.
        getLogger("aiosqlite").addFilter(_is_of_another_thread_or_above_debug)
        event.listen(engine, "connect", _remember_thread)


def _is_not_a_row(record: LogRecord) -> bool:
    return not str(record.msg).startswith("Row ")


def _is_of_another_thread_or_above_debug(record: LogRecord) -> bool:
    return record.levelno > DEBUG or current_thread() not in _THREADS


def _remember_thread(connection: Any, _record: object) -> None:
    """Add the thread of a connection of aiosqlite to `_THREADS`, by a function that SQLite calls in it."""
    connection.create_function("remember_thread", 0, lambda: _THREADS.add(current_thread()))
    cursor = connection.cursor()
    cursor.execute("SELECT remember_thread()")
    cursor.close()


def sqlstate(error: BaseException | None) -> str | None:
    """SQLSTATE of an error of any PostgreSQL driver; None for other errors."""
    code: str | None = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    return code


class _Text(NamedTuple):
    """Text of an error of the server or a driver, and what may be shown of it."""

    message: str
    shown_message: str
    whole: str
    shown_whole: str
    shown_detail: str | None


def _redact_error(context: ExceptionContext) -> None:
    """Leave of an error its message and the values of a key."""
    wrapper = context.sqlalchemy_exception
    if isinstance(wrapper, StatementError) and getattr(context.engine, "hide_parameters", False):
        wrapper.params = None
    errors = _causes(context.original_exception)
    if (text := _text(errors)) is None:
        return
    for error in errors if wrapper is None else [*errors, wrapper]:
        _replace_text(error, text)


def _causes(error: BaseException) -> list[BaseException]:
    causes = [error]
    while (cause := causes[-1].__cause__) is not None and cause not in causes:
        causes.append(cause)
    return causes


def _code(error: BaseException) -> str | None:
    if isinstance(error, ValueError) and type(error).__module__.startswith("asyncpg"):
        return DATA_EXCEPTION  # raised by the driver before it sends the statement
    return sqlstate(error)


def _text(errors: list[BaseException]) -> _Text | None:
    """Text of the innermost error with a SQLSTATE, or of a value that SQLAlchemy refuses before it asks the driver."""
    source = next((error for error in reversed(errors) if _code(error)), None)
    code = _code(source) if source else None
    if source is None and type(errors[0]) in {TypeError, ValueError}:
        source, code = errors[0], DATA_EXCEPTION
    if source is None or code is None:
        return None
    # psycopg keeps message and detail in `diag`, asyncpg in the exception itself.
    diagnostics = getattr(source, "diag", None)
    message = str(getattr(diagnostics, "message_primary", None) or next(iter(source.args), ""))
    detail = diagnostics.message_detail if diagnostics else getattr(source, "detail", None)
    shown = QUOTED.sub("…", message) if code.startswith(DATA_EXCEPTION) else message
    shown_detail = detail if code in KEY_VIOLATIONS else None
    return _Text(message, shown, str(source), _joined([shown, shown_detail]), shown_detail)


def _joined(parts: Iterable[str | None]) -> str:
    return "\nDETAIL:  ".join(part for part in parts if part)


def _replace_text(error: BaseException, text: _Text) -> None:
    error.args = tuple(
        arg.replace(text.whole, text.shown_whole).replace(text.message, text.shown_message)
        if isinstance(arg, str)
        else arg
        for arg in error.args
    )
    if hasattr(error, "detail") and not isinstance(error, StatementError):
        error.detail = text.shown_detail

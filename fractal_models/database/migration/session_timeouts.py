"""Timeouts of PostgreSQL that would end a migration halfway."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, InvalidRequestError

from fractal_models.database.inspection.access import backend_pid

TIMEOUTS = (
    "statement_timeout",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",  # from PostgreSQL 14 on
    "transaction_timeout",  # from PostgreSQL 17 on
)
"""Settings of a role, a database or a session that would end a migration halfway."""


@contextmanager
def without_timeouts(connection: Connection) -> Iterator[None]:
    """Set `TIMEOUTS` to 0 for a session, or in a caller's transaction, and back at the end.

    So is the `lock_timeout` of a session, since each transaction has its own. Behind a pooler a session is not ours,
    and nothing is changed.
    """
    is_local = connection.in_transaction()
    names = TIMEOUTS if is_local else (*TIMEOUTS, "lock_timeout")
    columns = ", ".join(f"current_setting('{name}', true)" for name in names)
    pid, *values = connection.execute(text(f"SELECT pg_backend_pid(), {columns}")).one()
    is_ours = is_local or pid == backend_pid(connection)
    before = {name: value for name, value in zip(names, values, strict=True) if value not in {None, "0"}}
    if is_ours:
        _configure(connection, dict.fromkeys(before, "0"), is_local)
    if not is_local:
        connection.commit()
    try:
        yield
    finally:
        # A lost connection has lost its settings, a failed transaction takes them back.
        with suppress(DBAPIError, InvalidRequestError):
            if not is_local:
                connection.rollback()
            if is_ours and before:
                _configure(connection, before, is_local)
            if not is_local:
                connection.commit()


def _configure(connection: Connection, settings: dict[str, str], is_local: bool) -> None:
    for name, value in settings.items():
        parameters = {"name": name, "value": value, "is_local": is_local}
        connection.execute(text("SELECT set_config(:name, :value, :is_local)"), parameters)

"""Reasons why revisions cannot run on a connection that reads."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from fractal_models.database.connection.errors import DatabaseState, Status
from fractal_models.database.connection.urls import is_read_only


def refuse_unwritable(connection: Connection) -> None:
    """Refuse a connection on which revisions cannot run, or not safely.

    Raises:
        UnreachableError: It is read-only, to a standby, or through a connection pooler.
    """
    if (status := unwritable(connection)) is not None:
        status.raise_for_state()


def unwritable(connection: Connection) -> Status | None:
    """State that keeps revisions from running on a connection; None if there is none."""
    return _unwritable_file(connection) if connection.dialect.name == "sqlite" else _unwritable_server(connection)


def _unwritable_file(connection: Connection) -> Status | None:
    path = connection.exec_driver_sql("PRAGMA database_list").first()[2]  # type: ignore[index]
    # SQLite creates a journal in the folder of the file.
    writable = not path or (os.access(path, os.W_OK) and os.access(Path(path).parent, os.W_OK))
    if writable and not is_read_only(connection.engine.url):
        return None
    return DatabaseState.READ_ONLY.status(f"{path} is read-only")


def _unwritable_server(connection: Connection) -> Status | None:
    if connection.scalar(text("SELECT pg_is_in_recovery()")):
        return DatabaseState.STANDBY.status("the server is a standby, which is read-only")
    if connection.scalar(text("SHOW transaction_read_only")) == "on":
        return DatabaseState.READ_ONLY.status(
            "transactions on this connection are read-only",
            "use a role, and a database, whose default_transaction_read_only is off",
        )
    connected_to = _backend_pid(connection.connection.driver_connection)
    if connected_to is not None and connected_to != connection.scalar(text("SELECT pg_backend_pid()")):
        return DatabaseState.POOLER.status(
            "the connection goes through a pooler (such as PgBouncer), which can break the locks of a migration"
        )
    return None


def _backend_pid(driver: Any) -> int | None:
    """Backend PID the driver received at connection."""
    if hasattr(driver, "get_server_pid"):  # asyncpg
        return int(driver.get_server_pid())
    info = getattr(driver, "info", None)
    return None if info is None else int(info.backend_pid)

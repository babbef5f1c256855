"""Reasons why revisions cannot run on a connection that reads."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from fractal_models.database.connection.errors import DatabaseState, Status
from fractal_models.database.connection.urls import is_read_only

JOURNALS = {
    "-journal": "is the journal of a writer that is at work or was interrupted: SQLite needs it to undo its changes",
    "-wal": "holds the latest changes: move or copy it with the file",
}
"""Suffixes of the files beside a file of SQLite, and what each means."""


def unwritable(connection: Connection) -> Status | None:
    """State that keeps revisions from running on a connection; None if there is none."""
    return _unwritable_file(connection) if connection.dialect.name == "sqlite" else _unwritable_server(connection)


def _unwritable_file(connection: Connection) -> Status | None:
    path = connection.exec_driver_sql("PRAGMA database_list").first()[2]  # type: ignore[index]
    # SQLite creates a journal in the folder of the file.
    writable = not path or (os.access(path, os.W_OK) and os.access(Path(path).parent, os.W_OK))
    if writable and not is_read_only(connection.engine.url):
        return None
    left = "".join(f"; {note}" for note in journals(path))
    return DatabaseState.READ_ONLY.status(f"{path} is read-only{left}")


def journals(path: str) -> list[str]:
    """Journals beside a file of SQLite, which another process uses, or has left behind."""
    return [
        f"{file.name} ({file.stat().st_size:,} bytes) {meaning}"
        for suffix, meaning in JOURNALS.items()
        if (file := Path(f"{path}{suffix}")).is_file() and file.stat().st_size
    ]


def _unwritable_server(connection: Connection) -> Status | None:
    if connection.scalar(text("SELECT pg_is_in_recovery()")):
        return DatabaseState.STANDBY.status("the server is a standby, which is read-only")
    if connection.scalar(text("SHOW transaction_read_only")) == "on":
        return DatabaseState.READ_ONLY.status(
            "transactions on this connection are read-only",
            "use a role, and a database, whose default_transaction_read_only is off",
        )
    connected_to = backend_pid(connection)
    if connected_to is not None and connected_to != connection.scalar(text("SELECT pg_backend_pid()")):
        return DatabaseState.POOLER.status(
            "the connection goes through a pooler (such as PgBouncer), which can break the locks of a migration"
        )
    return None


def backend_pid(connection: Connection) -> int | None:
    """Backend PID the driver received at connection."""
    driver: Any = connection.connection.driver_connection
    if hasattr(driver, "get_server_pid"):  # asyncpg
        return int(driver.get_server_pid())
    info = getattr(driver, "info", None)
    return None if info is None else int(info.backend_pid)

"""URLs of databases: drivers, and the options that each of them takes."""

from __future__ import annotations

import getpass
import os
import stat
from pathlib import Path
from typing import Any

from sqlalchemy import URL

from fractal_models.database.connection.errors import UPGRADE, DatabaseState, Status, UnreachableError
from fractal_models.database.connection.parsing import DEFAULT_PORT, parse

DEFAULT_URL = "sqlite:///fractal.db"
"""A file in the current folder."""

URL_VARIABLE = "FRACTAL_DATABASE_URL"
"""Environment variable that names the database."""

SYNC_DRIVERS = {
    "postgres": "postgresql+psycopg2",
    "postgresql": "postgresql+psycopg2",
    "postgresql+asyncpg": "postgresql+psycopg2",
    "postgresql+psycopg_async": "postgresql+psycopg",
    "sqlite+aiosqlite": "sqlite",
}
"""Synchronous driver for each URL scheme that names none or an asynchronous one."""

ASYNC_DRIVERS = {
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "postgresql+psycopg2": "postgresql+asyncpg",
    "sqlite": "sqlite+aiosqlite",
    "sqlite+pysqlite": "sqlite+aiosqlite",
}
"""Asynchronous driver for each URL scheme that names none or a synchronous one."""

LIBPQ_OPTIONS = {"options", "gssencmode", "channel_binding", "sslcert", "sslkey", "sslrootcert", "keepalives"}
"""Common URL options of libpq that asyncpg does not know."""


def environment_url() -> str | None:
    """URL in the environment; None if the variable is not set.

    Raises:
        UnreachableError: It is set, but blank, as by a secret that is missing.
    """
    url = os.environ.get(URL_VARIABLE)
    if url is not None and not url.strip():
        raise UnreachableError(f"{URL_VARIABLE} is set, but empty; give it the URL of the database, or unset it")
    return url


def sync_url(url: str | URL) -> URL:
    """Convert a URL to a synchronous driver: psycopg2, unless it names psycopg.

    Raises:
        UnreachableError: Not a URL, or not of PostgreSQL or SQLite.
    """
    return _with_driver(url, SYNC_DRIVERS)


def async_url(url: str | URL) -> URL:
    """Convert a URL to an asynchronous driver: asyncpg or aiosqlite, unless it names another.

    Raises:
        UnreachableError: Not a URL, or not of PostgreSQL or SQLite.
    """
    return _with_driver(url, ASYNC_DRIVERS)


def _with_driver(url: str | URL, drivers: dict[str, str]) -> URL:
    parsed = parse(url)
    driver = drivers.get(parsed.drivername, parsed.drivername)
    changed = parsed.set(drivername=driver)
    if parsed.get_backend_name() == "sqlite":
        return changed
    # libpq and asyncpg write this option differently.
    old, new = ("sslmode", "ssl") if driver == "postgresql+asyncpg" else ("ssl", "sslmode")
    if old in changed.query:
        changed = changed.difference_update_query([old]).update_query_dict({new: changed.query[old]})
    hosts = changed.query.get("host")
    if driver == "postgresql+asyncpg" and isinstance(hosts, tuple):
        # With several hosts, libpq has a default port; SQLAlchemy requires ports for asyncpg.
        changed = changed.update_query_dict(
            {"host": [host if ":" in host else f"{host}:{DEFAULT_PORT}" for host in hosts]}
        )
    return changed


def asyncpg_arguments(url: URL) -> tuple[URL, dict[str, Any]]:
    """Move URL options that asyncpg takes as connect arguments; URLs of other drivers stay as they are.

    Raises:
        UnreachableError: asyncpg does not know an option of the URL.
    """
    if url.get_driver_name() != "asyncpg":
        return url, {}
    if unknown := sorted(LIBPQ_OPTIONS & url.query.keys()):
        message = f"asyncpg does not know {', '.join(unknown)}; remove it from the URL, or use postgresql+psycopg"
        raise UnreachableError(message)
    arguments: dict[str, Any] = {}
    if "connect_timeout" in url.query:
        arguments["timeout"] = float(str(url.query["connect_timeout"]))
    if "application_name" in url.query:
        arguments["server_settings"] = {"application_name": url.query["application_name"]}
    return url.difference_update_query(["connect_timeout", "application_name"]), arguments


def is_read_only(url: URL) -> bool:
    """Whether a SQLite URL opens its file read-only."""
    return "mode=ro" in str(url) or "immutable=1" in str(url)


JOURNALS = ("-wal", "-shm", "-journal")
"""Ends of the names of SQLite's files beside a database."""


def sqlite_file(url: URL) -> Path | None:
    """File of a SQLite URL; None for databases in memory, for URIs, and for servers."""
    path = url.database or ""
    if url.get_backend_name() != "sqlite" or path in {"", ":memory:"} or path.startswith("file:"):
        return None
    return Path(path)


def missing_file(url: URL) -> Status | None:
    """Look for the file of a SQLite URL, since connecting would create it; None if it can be read."""
    path = sqlite_file(url)
    if path is None:
        return None
    try:
        mode = path.stat().st_mode
    except PermissionError:
        return closed_file(path)
    except OSError:
        return _missing(path)
    if stat.S_ISDIR(mode):
        return DatabaseState.NOT_A_DATABASE.status(f"{path} is a folder", "give the path of a file")
    return None if os.access(path, os.R_OK) else closed_file(path)


def _missing(path: Path) -> Status:
    if not path.parent.is_dir():
        return DatabaseState.FILE_NOT_FOUND.status(f"the folder {path.parent} does not exist", "check the path")
    remedy = f"check the path, or create a new database there: {UPGRADE}"
    return DatabaseState.FILE_NOT_FOUND.status(f"{path} does not exist", remedy, UPGRADE)


def closed_file(path: Path) -> Status:
    """State of a file of SQLite that may not be opened."""
    return DatabaseState.NO_PERMISSION.status(
        f"{path} cannot be opened by this user ({getpass.getuser()})",
        "give the user access to the file, to its folder, and to the journals beside it",
        "",
    )

"""Engines that treat SQLite and PostgreSQL alike."""

from typing import Any

import sqlalchemy
from sqlalchemy import URL, Engine, event, make_url

SYNC_DRIVERS = {
    "postgres": "postgresql+psycopg2",
    "postgresql": "postgresql+psycopg2",
    "postgresql+asyncpg": "postgresql+psycopg2",
    "sqlite+aiosqlite": "sqlite",
}
"""The synchronous driver for each way to write a URL that names none or an asynchronous one."""


def sync_url(url: str | URL) -> URL:
    """Give the URL of the same database for a synchronous driver, psycopg2 unless it says otherwise."""
    parsed = make_url(url)
    return parsed.set(drivername=SYNC_DRIVERS.get(parsed.drivername, parsed.drivername))


def create_engine(url: str | URL, **kwargs: Any) -> Engine:
    """Make a SQLAlchemy engine: foreign keys enforced on SQLite too, no values in the text of errors.

    Args:
        url: Where the database is; see `sync_url` for the driver.
        **kwargs: What `sqlalchemy.create_engine` takes.
    """
    engine = sqlalchemy.create_engine(sync_url(url), **{"hide_parameters": True, "pool_pre_ping": True, **kwargs})
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _enforce_foreign_keys)
    return engine


def _enforce_foreign_keys(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA foreign_keys = ON")

"""The check that a server makes when it starts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL, Connection, Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from fractal_models.database.inspection.state import (
    bound_waits,
    explain,
    inspect_database,
    missing_file,
    read_revisions,
    sqlstate,
)
from fractal_models.database.revisions.history import head


def check_database(target: Engine | Connection) -> None:
    """Return if the database is at head, so that a server may start.

    It only reads `alembic_version`; the schema itself is compared by `fractal-models doctor`.

    Raises:
        NeedsUpgradeError: It is empty or behind.
        WrongDatabaseError: It is too old, too new, or somebody else's.
        UnreachableError: There is no way to it.
    """
    with _explained(target.engine.url):
        if isinstance(target, Connection):
            _require_head(target)
        else:
            with target.connect() as connection:
                _require_head(connection)


async def check_database_async(target: AsyncEngine | AsyncConnection) -> None:
    """Return if the database is at head: `check_database` for async servers.

    Raises:
        DatabaseError: As `check_database` does.
    """
    if isinstance(target, AsyncConnection):
        with _explained(target.engine.url):
            await target.run_sync(_require_head)
        return
    with _explained(target.url):
        async with target.connect() as connection:
            await connection.run_sync(_require_head)


def _require_head(connection: Connection) -> None:
    began = not connection.in_transaction()
    try:
        bound_waits(connection)
        if read_revisions(connection) != (head(),):
            inspect_database(connection, check_drift=False).raise_for_state()
    finally:
        if began:
            connection.rollback()


@contextmanager
def _explained(url: URL) -> Iterator[None]:
    """Tell what drivers raise by our own exceptions."""
    if (missing := missing_file(url)) is not None:
        missing.raise_for_state()
    try:
        yield
    except Exception as error:
        # SQLAlchemy passes on as it is what asyncpg raises when it connects.
        if not isinstance(error, SQLAlchemyError | OSError) and sqlstate(error) is None:
            raise
        explain(error, url).raise_for_state()

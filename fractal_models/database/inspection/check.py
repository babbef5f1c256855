"""The check that a server makes when it starts."""

from __future__ import annotations

from sqlalchemy import Connection, Engine
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from fractal_models.database.connection.driver_errors import translated
from fractal_models.database.connection.engine import limit_read_waits
from fractal_models.database.connection.urls import missing_file
from fractal_models.database.inspection.contents import read_revisions
from fractal_models.database.inspection.state import read_state
from fractal_models.database.revisions.history import head


def check_database(target: Engine | Connection) -> None:
    """Raise an error unless the database is at head, so that a server may start.

    Only `alembic_version` is read; `fractal-models doctor` compares the schema.

    Args:
        target: An engine or a connection, not a URL.

    Raises:
        NeedsUpgradeError: The database is empty, behind head, or older than 2.9.
        WrongDatabaseError: It is newer than these models, or of another application.
        UnreachableError: It is unreachable.
    """
    _require_file(target)
    with translated(target.engine.url, unknown=True):
        if isinstance(target, Connection):
            _require_head(target)
        else:
            with target.connect() as connection:
                _require_head(connection)


async def check_database_async(target: AsyncEngine | AsyncConnection) -> None:
    """Raise an error unless the database is at head: `check_database` for asynchronous servers.

    Raises:
        DatabaseError: As `check_database` does.
    """
    engine = target.engine if isinstance(target, AsyncConnection) else target
    _require_file(engine.sync_engine)
    with translated(engine.url, unknown=True):
        if isinstance(target, AsyncConnection):
            await target.run_sync(_require_head)
        else:
            async with target.connect() as connection:
                await connection.run_sync(_require_head)


def _require_file(target: Engine | Connection) -> None:
    if (missing := missing_file(target.engine.url)) is not None:
        missing.raise_for_state()


def _require_head(connection: Connection) -> None:
    begins = not connection.in_transaction()
    try:
        limit_read_waits(connection)
        if read_revisions(connection) != (head(),):
            read_state(connection, check_drift=False).raise_for_state()
    finally:
        if begins:
            connection.rollback()

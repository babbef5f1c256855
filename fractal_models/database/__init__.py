"""Engines, and the state of a database, for servers and operators."""

from fractal_models.database.connection.engine import (
    async_sessionmaker,
    create_async_engine,
    create_engine,
    sessionmaker,
)
from fractal_models.database.connection.errors import (
    BlockedByDataError,
    BusyError,
    DatabaseError,
    DatabaseState,
    DeclinedError,
    DependentObjectsError,
    DriftError,
    NeedsUpgradeError,
    Status,
    UnreachableError,
    WrongDatabaseError,
)
from fractal_models.database.connection.redaction import hide_row_values
from fractal_models.database.connection.urls import async_url, sync_url
from fractal_models.database.inspection.autogenerate import server_history
from fractal_models.database.inspection.check import check_database, check_database_async
from fractal_models.database.inspection.state import inspect_database
from fractal_models.database.inspection.unknown import read_notes
from fractal_models.database.read_sessions import UndefinedError, read_session, read_session_async
from fractal_models.database.revisions.history import alembic_config
from fractal_models.database.row_locks import lock_row, lock_row_async
from fractal_models.types import UnstorableValueError

__all__ = [
    "BlockedByDataError",
    "BusyError",
    "DatabaseError",
    "DatabaseState",
    "DeclinedError",
    "DependentObjectsError",
    "DriftError",
    "NeedsUpgradeError",
    "Status",
    "UndefinedError",
    "UnreachableError",
    "UnstorableValueError",
    "WrongDatabaseError",
    "alembic_config",
    "async_sessionmaker",
    "async_url",
    "check_database",
    "check_database_async",
    "create_async_engine",
    "create_engine",
    "hide_row_values",
    "inspect_database",
    "lock_row",
    "lock_row_async",
    "read_notes",
    "read_session",
    "read_session_async",
    "server_history",
    "sessionmaker",
    "sync_url",
]

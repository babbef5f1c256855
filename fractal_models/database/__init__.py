"""What servers and operators call: engines, and the upkeep of a database."""

from fractal_models.database.connection.engine import (
    async_sessionmaker,
    async_url,
    create_async_engine,
    create_engine,
    hide_row_values,
    sessionmaker,
    sync_url,
)
from fractal_models.database.connection.errors import (
    BlockedByDataError,
    BusyError,
    DatabaseError,
    DeclinedError,
    DriftError,
    NeedsUpgradeError,
    UnreachableError,
    WrongDatabaseError,
)
from fractal_models.database.inspection.check import check_database, check_database_async
from fractal_models.database.inspection.state import DatabaseState, Status, inspect_database
from fractal_models.database.revisions.history import alembic_config

__all__ = [
    "BlockedByDataError",
    "BusyError",
    "DatabaseError",
    "DatabaseState",
    "DeclinedError",
    "DriftError",
    "NeedsUpgradeError",
    "Status",
    "UnreachableError",
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
    "sessionmaker",
    "sync_url",
]

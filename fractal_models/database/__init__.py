"""What servers and operators call: engines, and the upkeep of a database."""

from fractal_models.database.check import check_database, check_database_async
from fractal_models.database.engine import (
    async_session_maker,
    async_url,
    create_async_engine,
    create_engine,
    hide_row_values,
    session_maker,
    sync_url,
)
from fractal_models.database.errors import (
    BlockedByDataError,
    BusyError,
    DatabaseError,
    DeclinedError,
    DriftError,
    NeedsUpgradeError,
    UnreachableError,
    WrongDatabaseError,
)
from fractal_models.database.migrations import alembic_config
from fractal_models.database.state import State, Status, inspect_database

__all__ = [
    "BlockedByDataError",
    "BusyError",
    "DatabaseError",
    "DeclinedError",
    "DriftError",
    "NeedsUpgradeError",
    "State",
    "Status",
    "UnreachableError",
    "WrongDatabaseError",
    "alembic_config",
    "async_session_maker",
    "async_url",
    "check_database",
    "check_database_async",
    "create_async_engine",
    "create_engine",
    "hide_row_values",
    "inspect_database",
    "session_maker",
    "sync_url",
]

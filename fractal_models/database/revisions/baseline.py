"""Tables of fractal-server 2.9, as the first revision of this package creates them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import sqlalchemy as sa

from fractal_models.database.revisions.history import BASELINE, scripts

if TYPE_CHECKING:
    from alembic.operations import MigrateOperation


@cache
def baseline_operations() -> dict[str, list[MigrateOperation]]:
    """Operations that create each table and its indexes; parents first."""
    from alembic.operations.ops import CreateIndexOp, CreateTableOp

    from fractal_models.database.revisions.operations.recorder import record

    found: dict[str, list[MigrateOperation]] = {}
    for operation in record(scripts().get_revision(BASELINE)):
        assert isinstance(operation, CreateTableOp | CreateIndexOp)
        found.setdefault(operation.table_name, []).append(operation)
    return found


@cache
def baseline_tables() -> dict[str, sa.Table]:
    """Tables with their columns and constraints; parents first."""
    from alembic.operations.ops import CreateTableOp

    return {
        operation.table_name: operation.to_table()
        for operations in baseline_operations().values()
        for operation in operations
        if isinstance(operation, CreateTableOp)
    }

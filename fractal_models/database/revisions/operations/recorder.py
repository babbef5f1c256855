"""The operations of a revision, without running them."""

from __future__ import annotations

import os.path
from io import StringIO
from typing import TYPE_CHECKING, Any

from alembic.operations import MigrateOperation, Operations
from alembic.runtime.migration import MigrationContext
from alembic.util import load_python_file

from fractal_models.database.revisions.operations.base import Operation

if TYPE_CHECKING:
    from alembic.script import Script


class Recorder(Operations):
    """Keeps operations instead of running them; no database is needed, as with `alembic upgrade --sql`."""

    def __init__(self) -> None:
        options = {"as_sql": True, "output_buffer": StringIO()}
        super().__init__(MigrationContext.configure(dialect_name="postgresql", opts=options))
        self.operations: list[MigrateOperation] = []

    def invoke(self, operation: MigrateOperation) -> Any:
        """Keep an operation."""
        self.operations.append(operation)


def record(revision: Script) -> list[MigrateOperation]:
    """Operations that the upgrade of a revision calls."""
    # In a copy of the module: an upgrade that is running may be using `op` of the original.
    module = load_python_file(*os.path.split(revision.path))
    recorder = vars(module)["op"] = Recorder()
    module.upgrade()
    return recorder.operations


def recorded(revision: Script) -> dict[type[Operation], list[Operation]]:
    """Operations of our own that the upgrade of a revision calls, by class."""
    found: dict[type[Operation], list[Operation]] = {}
    for operation in record(revision):
        if isinstance(operation, Operation):
            found.setdefault(type(operation), []).append(operation)
    return found


def altered_tables(revision: Script) -> set[str]:
    """Tables that a revision alters, or whose keys it locks."""
    names = ("table", "parent", "table_name", "source_table", "referent_table")
    found = (getattr(operation, name, None) for operation in record(revision) for name in names)
    return {table for table in found if isinstance(table, str)}

"""Check constraints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from alembic.operations import Operations

from fractal_models.database.revisions.findings import Rule
from fractal_models.database.revisions.operations.base import (
    Operation,
    at_revision,
    is_postgresql,
    literal,
    literals,
    own_transaction,
)
from fractal_models.database.revisions.operations.sqlite_tables import change_definition, not_rebuilt, require_intact

ADD = """
DO $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conrelid = '{table}'::regclass AND conname = '{name}') THEN
        ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({condition}) NOT VALID;
    END IF;
END $$
"""

TAKEN_ON_POSTGRESQL = """
    SELECT c.conname FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
    WHERE pg_table_is_visible(t.oid) AND c.conname IN ({names}) AND NOT {interrupted} ORDER BY c.conname
"""


@Operations.register_operation("add_check", "call")
@dataclass
class AddCheck(Operation):
    """Add a check to a table with the primary key `id`, unless it is there.

    On PostgreSQL it counts for new rows at once; the others are validated while others read and write.
    """

    noun = "check"

    name: str
    table: str
    condition: str
    remedy: str
    """How to correct rows that break it, as in `Rule`."""

    def run(self, operations: Operations) -> None:
        """Add the check."""
        if is_postgresql(operations):
            with own_transaction(operations):
                operations.execute(ADD.format(**vars(self)))
                operations.execute(f"ALTER TABLE {self.table} VALIDATE CONSTRAINT {self.name}")
        else:
            key = _primary_key(self.table)
            change_definition(operations, self.table, [(key, key + _definition(self.name, self.condition))])
            require_intact(operations, self.table)

    @classmethod
    def rules(cls, operations: Sequence[Self], below: str) -> Iterator[Rule]:
        """No rows that break the check, a primary key that is found on SQLite, and no other check of the name."""
        for operation in operations:
            yield Rule(
                table=operation.table,
                reason=f"breaks the rule {operation.condition}",
                remedy=operation.remedy,
                query=f"SELECT id FROM {operation.table} WHERE NOT ({operation.condition}) ORDER BY id",
                condition=f"NOT ({operation.condition})" * operation.remedy.endswith(" IN (…)"),
            )
        tables = dict.fromkeys(operation.table for operation in operations)
        yield not_rebuilt(((table, _primary_key(table)) for table in tables), "the place for a check is not found")
        yield Rule(
            table="check",
            reason="has the name of a check that this revision adds",
            remedy="Rename it (ALTER TABLE … RENAME CONSTRAINT … TO …) or drop it",
            query={
                "postgresql": TAKEN_ON_POSTGRESQL.format(
                    names=literals(operation.name for operation in operations), interrupted=at_revision(below)
                ),
                "sqlite": " UNION ".join(
                    f"SELECT {literal(operation.name)} FROM sqlite_master WHERE type = 'table' "
                    f"AND name = {literal(operation.table)} AND instr(sql, {literal(operation.name)}) > 0"
                    for operation in operations
                ),
            },
        )


@Operations.register_operation("drop_check", "call")
@dataclass
class DropCheck(Operation):
    """Drop a check that `add_check` has added, if it is there."""

    noun = "check"

    name: str
    table: str
    condition: str

    def run(self, operations: Operations) -> None:
        """Drop the check."""
        if is_postgresql(operations):
            with own_transaction(operations):
                operations.execute(f"ALTER TABLE {self.table} DROP CONSTRAINT IF EXISTS {self.name}")
        else:
            change_definition(operations, self.table, [(_definition(self.name, self.condition), "")])


def _primary_key(table: str) -> str:
    """The primary key, after which a check has its place, as SQLAlchemy writes it on SQLite."""
    return f"CONSTRAINT pk_{table} PRIMARY KEY (id)"


def _definition(name: str, condition: str) -> str:
    return f", \n\tCONSTRAINT {name} CHECK ({condition})"

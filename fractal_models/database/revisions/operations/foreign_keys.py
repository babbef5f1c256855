"""Foreign keys with another ON DELETE rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from alembic.operations import Operations

from fractal_models.database.revisions.findings import Rule, orphaned, without_parent
from fractal_models.database.revisions.operations.base import Operation, is_postgresql, own_transaction
from fractal_models.database.revisions.operations.sqlite_tables import change_definition, not_rebuilt

CODES = {"SET NULL": "n", "CASCADE": "c", "NO ACTION": "a"}
"""ON DELETE rules in `pg_constraint.confdeltype`."""

SUCCESSOR = "SELECT 1 FROM pg_constraint WHERE conrelid = '{table}'::regclass AND conname = '{name}_new'"

# An interrupted run in the other direction may have left a successor with another rule.
ADD = """
DO $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM pg_constraint WHERE conrelid = '{table}'::regclass
        AND conname = '{name}_new' AND confdeltype <> '{code}'
    ) THEN
        ALTER TABLE {table} DROP CONSTRAINT {name}_new;
    END IF;
    IF NOT EXISTS (
        SELECT 1 FROM pg_constraint WHERE conrelid = '{table}'::regclass
        AND (conname = '{name}_new' OR conname = '{name}' AND confdeltype = '{code}' AND convalidated)
    ) THEN
        ALTER TABLE {table} ADD CONSTRAINT {name}_new
        FOREIGN KEY ({column}) REFERENCES {parent} (id) ON DELETE {on_delete} NOT VALID;
    END IF;
END $$
"""

VALIDATE = f"""
DO $$
BEGIN
    IF EXISTS ({SUCCESSOR} AND NOT convalidated) THEN
        ALTER TABLE {{table}} VALIDATE CONSTRAINT {{name}}_new;
    END IF;
END $$
"""

# A statement of its own, so that the time to wait for the locks of both tables is bounded together.
LOCK = f"""
DO $$
BEGIN
    IF EXISTS ({SUCCESSOR}) THEN
        LOCK TABLE {{parent}} IN ACCESS EXCLUSIVE MODE;
    END IF;
END $$
"""

# The comment may be the former name of the key, which `restore_constraint_names` needs.
REPLACE = f"""
DO $$
DECLARE
    comment text := (
        SELECT obj_description(oid, 'pg_constraint') FROM pg_constraint
        WHERE conrelid = '{{table}}'::regclass AND conname = '{{name}}'
    );
BEGIN
    IF EXISTS ({SUCCESSOR}) THEN
        ALTER TABLE {{table}} DROP CONSTRAINT IF EXISTS {{name}};
        ALTER TABLE {{table}} RENAME CONSTRAINT {{name}}_new TO {{name}};
        EXECUTE format('COMMENT ON CONSTRAINT {{name}} ON {{table}} IS %L', comment);
    END IF;
END $$
"""


@Operations.register_operation("replace_foreign_key", "call")
@dataclass
class ReplaceForeignKey(Operation):
    """Give a foreign key to the `id` of another table an ON DELETE rule.

    On PostgreSQL its successor is validated while others read and write, then takes its place; there is always one of
    the two.
    """

    noun = "foreign key"

    name: str
    table: str
    column: str
    parent: str
    on_delete: str
    primary_key: str = "id"
    """Columns that identify a row whose parent is missing."""

    def run(self, operations: Operations) -> None:
        """Replace the key."""
        if is_postgresql(operations):
            values = {**vars(self), "code": CODES[self.on_delete]}
            with own_transaction(operations):
                operations.execute(ADD.format(**values))
                operations.execute(VALIDATE.format(**values))
            # Both in one transaction, the next one.
            operations.execute(LOCK.format(**values))
            operations.execute(REPLACE.format(**values))
        else:
            key = self._sqlite_definition()
            replacements = [(f"{key} ON DELETE {rule}", key) for rule in CODES if rule != "NO ACTION"]
            rule = "" if self.on_delete == "NO ACTION" else f" ON DELETE {self.on_delete}"
            change_definition(operations, self.table, [*replacements, (key, key + rule)])

    def _sqlite_definition(self) -> str:
        return f"CONSTRAINT {self.name} FOREIGN KEY({self.column}) REFERENCES {self.parent} (id)"

    @classmethod
    def rules(cls, operations: Sequence[Self], below: str) -> Iterator[Rule]:
        """No rows without parent, and keys that are found on SQLite."""
        del below
        for operation in operations:
            yield operation._no_orphans()
        keys = [(operation.table, operation._sqlite_definition()) for operation in operations]
        yield not_rebuilt(keys, "its foreign keys are not found")

    def _no_orphans(self) -> Rule:
        unlink = f"UPDATE {self.table} SET {self.column} = "
        correction = (
            f"{unlink}NULL"
            if self.on_delete == "SET NULL"
            else f"Correct it ({unlink}…) or delete it: DELETE FROM {self.table}"
        )
        key = f"({self.primary_key})" if "," in self.primary_key else self.primary_key
        condition = orphaned(self.table, self.column, self.parent)
        return Rule(
            table=self.table,
            reason=without_parent(self.column, self.parent),
            remedy=f"{correction} WHERE {key} IN (…)",
            query=f"SELECT {self.primary_key} FROM {self.table} WHERE {condition} ORDER BY 1",
            condition=condition,
        )

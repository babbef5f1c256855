"""Defaults of columns that some databases lack; on SQLite none does."""

from __future__ import annotations

from dataclasses import dataclass

from alembic.operations import Operations

from fractal_models.database.revisions.operations.base import Operation, is_postgresql, literal, own_transaction

# A comment on the column itself would be part of the schema; that on its table's primary key is not.
PRIMARY_KEY = """
    key record;
BEGIN
    SELECT conname AS name, obj_description(oid, 'pg_constraint') AS note INTO key FROM pg_constraint
    WHERE conrelid = '{table}'::regclass AND contype = 'p';
"""

SET = f"""
DO $$
DECLARE {PRIMARY_KEY}
    IF NOT EXISTS (
        SELECT 1 FROM pg_attribute WHERE attrelid = '{{table}}'::regclass AND attname = '{{column}}' AND atthasdef
    ) THEN
        ALTER TABLE {{table}} ALTER COLUMN {{column}} SET DEFAULT {{default}};
        EXECUTE format(
            'COMMENT ON CONSTRAINT %I ON {{table}} IS %L', key.name, concat_ws(E'\\n', key.note, '{{note}}')
        );
    END IF;
END $$
"""

DROP = f"""
DO $$
DECLARE {PRIMARY_KEY}
    IF strpos(key.note, '{{note}}') > 0 THEN
        ALTER TABLE {{table}} ALTER COLUMN {{column}} DROP DEFAULT;
        EXECUTE format(
            'COMMENT ON CONSTRAINT %I ON {{table}} IS %L',
            key.name, nullif(rtrim(replace(key.note, '{{note}}', ''), E'\\n'), '')
        );
    END IF;
END $$
"""


def _note(column: str) -> str:
    return f"fractal-models: {column} had no default"


@Operations.register_operation("set_missing_default", "call")
@dataclass
class SetMissingDefault(Operation):
    """Set the default of a column that has none; a comment on the primary key keeps that it had none."""

    noun = "default"

    table: str
    column: str
    default: str

    def run(self, operations: Operations) -> None:
        """Set it."""
        if is_postgresql(operations):
            values = {**vars(self), "default": literal(self.default), "note": _note(self.column)}
            with own_transaction(operations):
                operations.execute(SET.format(**values))


@Operations.register_operation("drop_missing_default", "call")
@dataclass
class DropMissingDefault(Operation):
    """Drop the default that `set_missing_default` has set."""

    noun = "default"

    table: str
    column: str

    def run(self, operations: Operations) -> None:
        """Drop it."""
        if is_postgresql(operations):
            with own_transaction(operations):
                operations.execute(DROP.format(**vars(self), note=_note(self.column)))

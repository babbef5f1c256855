"""Names of constraints by the naming convention, and back; on SQLite all have these names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from alembic.operations import Operations

from fractal_models.database.revisions.operations.base import Operation, is_postgresql, own_transaction

KINDS = {"pk": "p", "fk": "f", "uq": "u"}
"""Prefixes of names, and what `pg_constraint.contype` says."""

NOTE = "fractal-models: formerly "
"""Start of the comment that keeps an old name; a comment that was there before follows on the next line."""

# It takes no strong lock where there is nothing to rename.
RENAME = """
DO $$
DECLARE
    wanted record;
    found record;
BEGIN
    FOR wanted IN SELECT * FROM (VALUES {wanted}) AS w (name, kind, columns) LOOP
        SELECT c.conname AS name, obj_description(c.oid, 'pg_constraint') AS note INTO found
        FROM pg_constraint c
        WHERE c.conrelid = '{table}'::regclass AND c.contype::text = wanted.kind AND wanted.columns = ARRAY(
            SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY AS k (number, position)
            JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number ORDER BY k.position
        )
        ORDER BY c.conname <> wanted.name LIMIT 1;
        IF found.name <> wanted.name THEN
            EXECUTE format('ALTER TABLE {table} RENAME CONSTRAINT %I TO %I', found.name, wanted.name);
            EXECUTE format(
                'COMMENT ON CONSTRAINT %I ON {table} IS %L',
                wanted.name, concat_ws(E'\\n', '{note}' || found.name, found.note)
            );
        END IF;
    END LOOP;
END $$
"""

RENAME_BACK = """
DO $$
DECLARE
    renamed record;
BEGIN
    FOR renamed IN
        SELECT conname AS name,
            substr(split_part(note, E'\\n', 1), length('{note}') + 1) AS former,
            nullif(substr(note, length(split_part(note, E'\\n', 1)) + 2), '') AS note
        FROM (
            SELECT conname, obj_description(oid, 'pg_constraint') AS note FROM pg_constraint
            WHERE conrelid = '{table}'::regclass
        ) AS noted
        WHERE note LIKE '{note}%'
    LOOP
        EXECUTE format('COMMENT ON CONSTRAINT %I ON {table} IS %L', renamed.name, renamed.note);
        EXECUTE format('ALTER TABLE {table} RENAME CONSTRAINT %I TO %I', renamed.name, renamed.former);
    END LOOP;
END $$
"""


@Operations.register_operation("normalize_constraint_names", "call")
@dataclass
class NormalizeConstraintNames(Operation):
    """Rename the constraints of a table that have other names; each old name is kept as a comment."""

    noun = "constraint names"

    table: str
    constraints: Mapping[str, Sequence[str]]
    """Columns by name; the prefix of the name tells the kind, the columns tell which one it is."""

    def run(self, operations: Operations) -> None:
        """Rename them."""
        if is_postgresql(operations):
            wanted = ", ".join(
                f"('{name}', '{KINDS[name[:2]]}', ARRAY{list(columns)})" for name, columns in self.constraints.items()
            )
            with own_transaction(operations):
                operations.execute(RENAME.format(table=self.table, wanted=wanted, note=NOTE))


@Operations.register_operation("restore_constraint_names", "call")
@dataclass
class RestoreConstraintNames(Operation):
    """Give the constraints of a table the names that `normalize_constraint_names` found, and their comments."""

    noun = "constraint names"

    table: str

    def run(self, operations: Operations) -> None:
        """Rename them back."""
        if is_postgresql(operations):
            with own_transaction(operations):
                operations.execute(RENAME_BACK.format(table=self.table, note=NOTE))

"""Indexes, created and dropped while others read and write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from alembic.operations import Operations
from sqlalchemy import TextClause, text

from fractal_models.database.revisions.findings import Rule
from fractal_models.database.revisions.operations.base import (
    Operation,
    at_revision,
    commits_at_once,
    is_postgresql,
    literals,
    own_transaction,
)

DROP_INVALID = """
DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_index WHERE indexrelid = to_regclass('{name}') AND NOT indisvalid) THEN
        DROP INDEX {name};
    END IF;
END $$
"""

TAKEN = {
    "postgresql": """
        SELECT c.relname FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
        WHERE pg_table_is_visible(c.oid) AND i.indisvalid IS NOT FALSE AND c.relname IN ({names})
        AND NOT (
            {interrupted} AND coalesce(pg_get_indexdef(i.indexrelid, 0, true), '') LIKE ANY (ARRAY[{definitions}])
        ) ORDER BY c.relname
    """,
    "sqlite": """
        SELECT name FROM sqlite_master WHERE name IN ({names})
        AND NOT ({interrupted} AND coalesce(sql, '') IN ({definitions})) ORDER BY name
    """,
}
"""Names in use, except for an index that an interrupted run of the revision has created."""


@Operations.register_operation("create_index_online", "call")
@dataclass
class CreateIndexOnline(Operation):
    """Create an index while others read and write, unless it is there.

    PostgreSQL does not use an index whose creation was interrupted, but its name is taken; it is dropped first.
    """

    noun = "index"

    name: str
    table: str
    columns: Sequence[str | TextClause]
    """Names of columns; an expression is given as `sa.text(…)`."""
    unique: bool = False
    where: str | None = None
    reason: str = ""
    """Why rows with the same values are refused, as in `Rule`; for a unique index."""
    remedy: str = ""
    """How to correct such rows, as in `Rule`; for a unique index."""

    def run(self, operations: Operations) -> None:
        """Create the index."""
        where = None if self.where is None else text(self.where)
        with own_transaction(operations):
            if is_postgresql(operations):
                operations.execute(DROP_INVALID.format(name=self.name))
            operations.create_index(
                self.name,
                self.table,
                list(self.columns),
                unique=self.unique,
                if_not_exists=True,
                postgresql_concurrently=commits_at_once(operations),
                postgresql_where=where,
                sqlite_where=where,
            )

    @classmethod
    def rules(cls, operations: Sequence[Self], below: str) -> Iterator[Rule]:
        """No rows with the same values for a unique index, and no other index of the name."""
        for operation in operations:
            if operation.unique:
                yield operation._no_duplicates()
        names = literals(operation.name for operation in operations)
        interrupted = at_revision(below)
        definitions = {
            "postgresql": literals(operation._postgresql_definition() for operation in operations),
            "sqlite": literals(operation._sqlite_definition() for operation in operations),
        }
        yield Rule(
            table="index",
            reason="has the name of an index that this revision creates",
            remedy="Rename it (ALTER INDEX … RENAME TO …) or drop it",
            query={
                engine: query.format(names=names, interrupted=interrupted, definitions=definitions[engine])
                for engine, query in TAKEN.items()
            },
        )

    def _no_duplicates(self) -> Rule:
        columns, condition = self._columns(), self.where or "true"
        return Rule(
            table=self.table,
            reason=self.reason,
            remedy=self.remedy,
            query=f"""
                SELECT id FROM {self.table} WHERE {condition} AND ({columns}) IN (
                    SELECT {columns} FROM {self.table} WHERE {condition} GROUP BY {columns} HAVING count(*) > 1
                ) ORDER BY {columns}, id
            """,
        )

    def _columns(self) -> str:
        return ", ".join(map(str, self.columns))

    def _begin(self, using: str) -> str:
        return f"CREATE {'UNIQUE ' if self.unique else ''}INDEX {self.name} ON {self.table}{using} ("

    def _postgresql_definition(self) -> str:
        """A pattern: PostgreSQL writes expressions in its own form."""
        if any(isinstance(column, TextClause) for column in self.columns):
            return self._begin(" USING btree") + "%"
        return f"{self._begin(' USING btree')}{self._columns()}){'' if self.where is None else ' WHERE %'}"

    def _sqlite_definition(self) -> str:
        return f"{self._begin('')}{self._columns()}){'' if self.where is None else f' WHERE {self.where}'}"


@Operations.register_operation("drop_index_online", "call")
@dataclass
class DropIndexOnline(Operation):
    """Drop an index while others read and write, if it is there."""

    noun = "index"

    name: str
    table: str

    def run(self, operations: Operations) -> None:
        """Drop the index."""
        with own_transaction(operations):
            operations.drop_index(
                self.name, self.table, if_exists=True, postgresql_concurrently=commits_at_once(operations)
            )

"""Rules for the rows of a database, and the rows that break them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

SHOWN = 10
"""Number of rows that a message names."""


@dataclass(frozen=True)
class Rule:
    """A condition that the rows of a table, or the objects of the schema, must meet."""

    table: str
    reason: str
    """Why a row that the query finds is refused, as the end of a sentence: "shares its e-mail with …"."""
    remedy: str
    """How to correct it, as a sentence without a period."""
    query: str | dict[str, str]
    """SQL that gives the primary keys of these rows; by dialect name where the two differ, or one has none."""
    condition: str = ""
    """SQL condition of these rows, if the remedy is right for all of them; it then ends with `WHERE … IN (…)`."""

    def find(self, connection: Connection) -> Finding | None:
        """Run the query."""
        query = self.query if isinstance(self.query, str) else self.query.get(connection.dialect.name)
        if query is None:
            return None
        keys = [row[0] if len(row) == 1 else tuple(row) for row in connection.execute(text(query))]
        return Finding(self, tuple(keys)) if keys else None


@dataclass(frozen=True)
class Finding:
    """The rows that break a rule."""

    rule: Rule
    keys: tuple[Any, ...]

    @property
    def remedy(self) -> str:
        """Remedy for these rows: a statement names them, or states their condition if there are many."""
        if not self.rule.condition:
            return self.rule.remedy
        if len(self.keys) > SHOWN:
            statement, where, _ = self.rule.remedy.rpartition(" WHERE ")
            return statement + where + self.rule.condition
        return f"{self.rule.remedy.removesuffix('(…)')}({', '.join(map(repr, self.keys))})"

    def __str__(self) -> str:
        more = f", … ({len(self.keys):,} in all)" if len(self.keys) > SHOWN else ""
        rows = ", ".join(map(str, self.keys[:SHOWN])) + more
        return f"{self.rule.table} {rows}: {self.rule.reason}. {self.remedy}."


def without_parent(column: str, parent: str) -> str:
    """Reason of a rule for rows whose parent is missing."""
    return f"refers, by {column}, to a row of {parent} that does not exist"


def orphaned(table: str, column: str, parent: str, key: str = "id") -> str:
    """SQL condition of the rows of a table whose parent is missing."""
    return f"{column} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {parent} WHERE {parent}.{key} = {table}.{column})"

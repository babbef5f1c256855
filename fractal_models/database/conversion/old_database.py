"""What is there before a conversion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from fractal_models.database.conversion.dialects import PostgreSQLWords, SQLiteWords, Words
from fractal_models.database.inspection.contents import column_types
from fractal_models.database.revisions.baseline import baseline_tables
from fractal_models.database.revisions.older_schemas import dropped_columns, spans

OLD_PREFIX = "fractal_old_"
"""Prefix of the old tables on SQLite, while new ones have their names."""


@dataclass
class OldDatabase:
    """Tables and columns of an older database, and where its rows are during the conversion."""

    connection: Connection

    columns: dict[str, dict[str, Any]]
    """Types by table and column, those of a site among them."""

    prefix: str = ""
    """Prefix of the old tables."""

    words: Words = field(default_factory=PostgreSQLWords)

    @classmethod
    def read(cls, connection: Connection) -> OldDatabase:
        """Read the tables that any revision of fractal-server up to 2.9 has."""
        known = {table for table, _ in spans()}
        columns = {table: found for table, found in sorted(column_types(connection).items()) if table in known}
        words = SQLiteWords() if connection.dialect.name == "sqlite" else PostgreSQLWords()
        return cls(connection, columns, words=words)

    def has(self, table: str, column: str) -> bool:
        """Whether a column was there."""
        return column in self.columns.get(table, {})

    def name(self, table: str) -> str:
        """Name under which the rows of an old table are found."""
        return f"{self.prefix if table in self.columns else ''}{table}"

    def table(self, table: str) -> sa.Table:
        """The old table, with the columns of the baseline."""
        return baseline_tables()[table].to_metadata(sa.MetaData(), name=self.name(table))

    def dropped(self) -> Iterator[tuple[str, str]]:
        """Columns that the baseline lacks, those that a site has added to a table that it lacks among them."""
        lost = {table for table, _ in dropped_columns()} - baseline_tables().keys()
        for table in self.columns:
            for column in self.columns[table]:
                if table in lost or (table, column) in dropped_columns():
                    yield table, column

    def dropped_tables(self) -> list[str]:
        """Tables that the baseline lacks."""
        return [table for table in self.columns if table not in baseline_tables()]

    def count(self, table: str) -> int:
        """Number of rows of an old table; 0 if it was not there."""
        return (
            int(self.execute(f"SELECT count(*) FROM {self.name(table)}").scalar_one()) if table in self.columns else 0
        )

    def execute(self, statement: str, **parameters: Any) -> sa.CursorResult[*tuple[Any, ...]]:
        """Run SQL."""
        return self.connection.execute(sa.text(statement), parameters)

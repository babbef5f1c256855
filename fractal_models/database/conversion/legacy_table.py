"""Table `fractal_legacy`: values of older databases that have no column any more, and notes on what was filled in.

It is none of the tables of the models, and no revision changes it. `value` is JSON: of a column in its type, of a
column that was JSON as it was.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from fractal_models.database.connection.errors import DependentObjectsError
from fractal_models.database.conversion.mends import Mend
from fractal_models.database.conversion.old_database import OldDatabase
from fractal_models.database.inspection.autogenerate import LEGACY_TABLE

LEGACY = sa.Table(
    LEGACY_TABLE,
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("table_name", sa.String, nullable=False),
    sa.Column("row_id", sa.Integer),
    sa.Column("column_name", sa.String, nullable=False),
    sa.Column("value", sa.JSON(none_as_null=True)),
    sa.Column("note", sa.String),
    sa.Index("ix_fractal_legacy_table_name_row_id", "table_name", "row_id"),
)
"""`row_id` is null where a note is about all rows."""


MOVED = "value that has no column in fractal-server 2.9"
"""Note on what is kept."""


def refuse_other_table(old: OldDatabase) -> None:
    """Refuse a table of another application with this name.

    Raises:
        DependentObjectsError: There is one.
    """
    inspector = sa.inspect(old.connection)
    if inspector.has_table(LEGACY.name):
        found = {column["name"] for column in inspector.get_columns(LEGACY.name)}
        if found != set(LEGACY.columns.keys()):
            message = f"the database has a table {LEGACY.name} of another application; rename it"
            raise DependentObjectsError(message)


def create(old: OldDatabase) -> None:
    """Create the table, unless an earlier conversion has."""
    LEGACY.create(old.connection, checkfirst=True)


def keep_dropped(old: OldDatabase) -> None:
    """Keep the values of columns and tables that the baseline lacks; `users` keeps those of users."""
    for table, column in old.dropped():
        if table != "user_oauth":
            keep(old, table, column, f"o.{column} IS NOT NULL")


def keep(old: OldDatabase, table: str, column: str, condition: str, joins: str = "") -> None:
    """Keep the values of a column of the old table `o` in rows that meet a condition."""
    value = old.words.as_json(f'o."{column}"', old.columns[table][column])
    old.execute(
        f"INSERT INTO fractal_legacy (table_name, row_id, column_name, value, note) "
        f"SELECT '{table}', o.id, :column, {value}, :note FROM {old.name(table)} o {joins} "
        f"WHERE {condition} ORDER BY o.id",
        column=column,
        note=MOVED,
    )


def note_rows(old: OldDatabase, mend: Mend, source: str) -> None:
    """Write a note on each row of an old table that it is about.

    Args:
        old: The database.
        mend: What is changed in the rows.
        source: What follows FROM; `o` is the row.
    """
    old.execute(
        f"INSERT INTO fractal_legacy (table_name, row_id, column_name, note) "
        f"SELECT '{mend.table}', o.id, :column, :note FROM {source} WHERE {mend.condition} ORDER BY o.id",
        column=mend.column,
        note=mend.note,
    )


def note_all(old: OldDatabase, table: str, column: str, text: str) -> None:
    """Write one note on all rows."""
    write(old, [note(table, None, column, text)])


def write(old: OldDatabase, entries: list[dict[str, Any]]) -> None:
    """Write rows whose `value` is a text of JSON, or None."""
    if entries:
        old.connection.execute(
            sa.text(
                f"INSERT INTO fractal_legacy (table_name, row_id, column_name, value, note) VALUES "
                f"(:table_name, :row_id, :column_name, {old.words.from_text(':value')}, :note)"
            ),
            entries,
        )


def note(table: str, row: int | None, column: str, text: str) -> dict[str, Any]:
    """A row with a note, and without value."""
    return {"table_name": table, "row_id": row, "column_name": column, "value": None, "note": text}

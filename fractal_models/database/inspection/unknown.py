"""Values of rows that were never recorded, or were filled in later: information, and no errors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Table, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from fractal_models.base import Base
from fractal_models.database.inspection.autogenerate import LEGACY_TABLE
from fractal_models.database.inspection.later_queries import readable_json
from fractal_models.provenance import DUMPS, MAYBE_REBUILT, NOT_RECORDED, PLACEHOLDERS, REBUILT, UNKNOWN_ID
from fractal_models.tables import METADATA

NOTES = LEGACY_TABLE
"""Table with the notes of the conversion of an older database."""

NOTED_EMAILS = f"SELECT row_id FROM {NOTES} WHERE table_name = '{{table}}' AND column_name = 'user_email'"


@dataclass(frozen=True)
class Unknown:
    """Rows in which a value is not known."""

    table: str
    column: str
    number: int
    total: int
    """Number of all rows of the table."""
    reason: str

    def __str__(self) -> str:
        return f"{self.table}.{self.column}: {self.reason} in {self.number:,} of {self.total:,} rows"


def read_notes(session: Session, row: Base) -> list[tuple[str, str]]:
    """Notes that a conversion made on a row, or on all rows of its table: pairs of column and note.

    The list is empty without a conversion. In asynchronous code: `await session.run_sync(read_notes, row)`.
    """
    if not inspect(session.connection()).has_table(NOTES):
        return []
    query = f"""
        SELECT column_name, note FROM {NOTES} WHERE table_name = :table AND (row_id = :id OR row_id IS NULL)
        AND note IS NOT NULL ORDER BY id
    """
    parameters = {"table": row.__tablename__, "id": getattr(row, "id", None)}
    return [(column, note) for column, note in session.connection().execute(text(query), parameters)]


def count_unknown(connection: Connection) -> Iterator[Unknown]:
    """Count the rows of each table in which a value is a placeholder, or has a note."""
    has_notes = inspect(connection).has_table(NOTES)
    for table in METADATA.sorted_tables:
        try:
            yield from _placeholders(connection, table, has_notes)
        except DBAPIError:
            # A column or the table is missing: it is among the differences of the schema.
            connection.rollback()
    if has_notes:
        yield from _notes(connection)


def _placeholders(connection: Connection, table: Table, has_notes: bool) -> Iterator[Unknown]:
    conditions = list(_conditions(table, connection.dialect.name, has_notes))
    if not conditions:
        return
    counts = ", ".join(f"count(CASE WHEN {condition} THEN 1 END)" for _, _, condition in conditions)
    total, *numbers = connection.execute(text(f"SELECT count(*), {counts} FROM {table.name}")).one()
    for (column, reason, _), number in zip(conditions, numbers, strict=True):
        if number:
            yield Unknown(table.name, column, number, total, reason)


def _notes(connection: Connection) -> Iterator[Unknown]:
    query = f"""
        SELECT table_name, column_name, note, count(DISTINCT row_id), count(*) > count(row_id) FROM {NOTES}
        WHERE note IS NOT NULL GROUP BY table_name, column_name, note ORDER BY table_name, column_name, note
    """
    for name, column, note, number, is_on_all in connection.execute(text(query)).all():
        if name in METADATA.tables and column in METADATA.tables[name].columns:
            total = connection.scalar(text(f"SELECT count(*) FROM {name}")) or 0
            yield Unknown(name, column, total if is_on_all else number, total, note)


def _conditions(table: Table, dialect: str, has_notes: bool) -> Iterator[tuple[str, str, str]]:
    """Columns whose value may not be known, with the reason, and the condition of `provenance.unknown_fields`."""
    for column in [each.name for each in table.columns]:
        if column in PLACEHOLDERS:
            also = " OR timestamp_last_used = timestamp_created" if column == "timestamp_last_used" else ""
            yield column, NOT_RECORDED, f"{_equals(column, dialect)}{also}"
        elif column in DUMPS:
            gone = {
                "postgresql": readable_json(f"{column} ->> 'id' = '{UNKNOWN_ID}'", column),
                "sqlite": f"json_extract({column}, '$.id') = {UNKNOWN_ID}",
            }[dialect]
            unknown = f"({column} IS NULL OR CAST({column} AS TEXT) IN ('null', '{{}}') OR coalesce({gone}, false))"
            yield column, NOT_RECORDED, unknown
            noted = f" OR id IN ({NOTED_EMAILS.format(table=table.name)})" if has_notes else ""
            early = f"NOT {unknown} AND ({_equals('user_email', dialect)}{noted})"
            without_index = _equals("first_task_index", dialect)
            if column == "workflow_dump":
                yield column, REBUILT, f"{early} AND {without_index}"
                yield column, MAYBE_REBUILT, f"{early} AND NOT {without_index}"
            else:
                yield column, REBUILT, early


def _equals(column: str, dialect: str) -> str:
    """Condition that a column has its placeholder."""
    value = PLACEHOLDERS[column]
    if isinstance(value, datetime):
        # On SQLite, some have microseconds, and some an offset.
        written = f"{value:%Y-%m-%d %H:%M:%S}"
        return f"{column} LIKE '{written}%'" if dialect == "sqlite" else f"{column} = '{written}+00'"
    return f"{column} = '{value}'" if isinstance(value, str) else f"{column} = {value}"

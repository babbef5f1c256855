"""Rows of old databases as plain data, written and read alike on both engines."""

import random
import zlib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import URL, Connection

from fractal_models.database.connection.engine import connect, maintenance_engine
from tests.support.old_databases.schemas import Column, Schema, depth

Row = dict[str, Any]
Tables = dict[str, list[Row]]


class Json(str):
    """The text of a JSON value, as it is stored: `Json("null")` is the JSON null, None is NULL."""

    __slots__ = ()


NO_DATE = datetime(2000, 1, 1, tzinfo=UTC)
"""Placeholder of creation dates."""


def key_of(row: Row) -> tuple[Any, ...]:
    """Primary key of a row."""
    return (row["id"],) if "id" in row else tuple(row[name] for name in sorted(row) if name.endswith("_id"))


def write(url: URL, schema: Schema, tables: Tables) -> None:
    """Insert rows, as servers and their migrations wrote them, and move the sequences behind them."""
    engine = maintenance_engine(url)
    with engine.begin() as connection:
        for name in sorted((name for name in tables if tables[name]), key=lambda name: depth(schema, name)):
            columns = ", ".join(f'"{column}"' for column in schema[name])
            values = ", ".join(f":{column}" for column in schema[name])
            statement = sa.text(f"INSERT INTO {name} ({columns}) VALUES ({values})")
            connection.execute(statement, [_bound(connection, name, row) for row in tables[name]])
            if connection.dialect.name == "postgresql" and "id" in schema[name]:
                last = max(row["id"] for row in tables[name]) + SKIPPED
                connection.execute(sa.text(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), {last})"))
    engine.dispose()


SKIPPED = 5
"""Number of ids after the last one that deleted rows had on PostgreSQL."""


def _bound(connection: Connection, table: str, row: Row) -> Row:
    if connection.dialect.name == "postgresql":
        return {name: str(value) if isinstance(value, Json) else value for name, value in row.items()}
    draw = random.Random(zlib.crc32(repr((table, key_of(row))).encode()))
    return {name: _sqlite_value(value, draw) for name, value in row.items()}


def _sqlite_value(value: Any, draw: random.Random) -> Any:
    """A value as SQLite stores it: moments that a migration filled in have an offset, those of the server have none."""
    if isinstance(value, datetime):
        if value == NO_DATE and draw.random() < 0.7:
            return "2000-01-01 00:00:00+00:00"
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return str(value) if isinstance(value, Json) else value


def read(url: URL, schema: Schema) -> Tables:
    """All rows of the tables of a schema, in order of their keys."""
    with connect(url) as connection:
        return {
            table: sorted(_rows(connection, table, columns.values()), key=key_of) for table, columns in schema.items()
        }


def _rows(connection: Connection, table: str, columns: Iterable[Column]) -> list[Row]:
    columns = list(columns)
    text = "::text" if connection.dialect.name == "postgresql" else ""
    selected = ", ".join(f'"{column.name}"{text if column.type == "json" else ""}' for column in columns)
    found = connection.exec_driver_sql(f"SELECT {selected} FROM {table}")
    return [
        {column.name: _plain(column.type, value) for column, value in zip(columns, row, strict=True)} for row in found
    ]


def _plain(type_: str, value: Any) -> Any:
    if value is None:
        return None
    if type_ == "timestamp":
        return moment(value) if isinstance(value, str) else value.astimezone(UTC)
    if type_ == "boolean":
        assert value in (0, 1)
        return bool(value)
    return Json(value) if type_ == "json" else value


def moment(text: str) -> datetime:
    """Point in time that a text stands for; UTC where it has no offset."""
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)

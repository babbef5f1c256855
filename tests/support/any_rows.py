"""Rows of every table with any value that PostgreSQL stores, written by SQL, and read back as text."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from hypothesis import strategies as st
from sqlalchemy import URL

from fractal_models.database.connection.engine import connect
from fractal_models.tables import METADATA

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ["\\N", "\\.", "\\", "\\\\n", "a\tb\\\r\n\b\f\v", "'\"", "ß日本🧬\u2028", "NULL", "12", " 1.0 "]
)
MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)) | st.just(  # noqa: DTZ001
    datetime(2000, 1, 1, tzinfo=UTC)
)
INTEGERS = st.integers(-(2**31) + 1, 2**31 - 1)
STRANGE_JSON = [
    "null",
    ' {"b" : 1,\n\t"a": 1.50, "a": 1E400, "c": -0.0} ',
    '{"\\u0000\\ud83e\\uddec": "\\\\n\\ud800", "ß": "🧬\u2028"}',
    '"12"',
    "[1, 1.0, 10000000000000000000000, true]",
    "7",
    "false",
]
"""Written by other programs than Python's `json`; repeated keys, and escapes that text columns cannot hold."""

JSON = st.sampled_from(STRANGE_JSON) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
).filter(lambda value: not isinstance(value, int | float) or isinstance(value, bool)).map(json.dumps)

CHECKED: dict[str, dict[str | None, list[str]]] = {
    "status": {"taskgroupactivityv2": ["pending", "ongoing", "failed", "OK"], None: ["done", "failed"]},
    "action": {None: ["collect", "deactivate", "reactivate"]},
}
"""Documented values; submitted jobs are unique for a dataset, so there is none."""


def value_of(table: sa.Table, column: sa.Column[Any], number: int, size: int) -> st.SearchStrategy[Any]:
    """Any value of a column, in row `number` of `size` in each table."""
    type_ = getattr(column.type, "impl_instance", column.type)
    found: st.SearchStrategy[Any]
    if column.primary_key or column.name in {"first_task_index", "last_task_index"}:
        return st.just(number)
    if column.name in CHECKED:
        values = CHECKED[column.name]
        return st.sampled_from(values.get(table.name, values[None]))
    if column.foreign_keys:
        found = st.integers(1, size)
    elif column.unique or (table.name, column.name) in {("user_oauth", "email"), ("oauthaccount", "account_id")}:
        found = TEXT.map(lambda text: f"{number} {text}")
    elif isinstance(type_, sa.JSON):
        found = JSON
    elif isinstance(type_, sa.DateTime):
        found = MOMENTS
    elif isinstance(type_, sa.Boolean):
        found = st.booleans()
    else:
        found = INTEGERS if isinstance(type_, sa.Integer) else TEXT
    return st.none() | found if column.nullable else found


@st.composite
def sites(draw: st.DrawFn) -> dict[str, list[dict[str, Any]]]:
    """Rows of every table."""
    size = draw(st.integers(1, 3))
    return {
        table.name: [
            {column.name: draw(value_of(table, column, number, size)) for column in table.columns}
            for number in range(1, size + 1)
        ]
        for table in METADATA.sorted_tables
    }


def write(url: URL, site: dict[str, list[dict[str, Any]]], last_id: int) -> None:
    """Replace all rows of a database on PostgreSQL; the sequences have given IDs up to `last_id`."""
    with connect(url) as connection:
        connection.exec_driver_sql(f"TRUNCATE {', '.join(site)}")
        for name, rows in site.items():
            table = METADATA.tables[name]
            places = ", ".join(
                f"CAST(:{column.name} AS json)" if _is_json(column) else f":{column.name}" for column in table.columns
            )
            columns = ", ".join(f'"{column.name}"' for column in table.columns)
            connection.execute(sa.text(f"INSERT INTO {name} ({columns}) VALUES ({places})"), rows)
        for table in METADATA.sorted_tables:
            if "id" in table.columns:
                connection.exec_driver_sql(f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), {last_id})")
        connection.commit()


def _is_json(column: sa.Column[Any]) -> bool:
    return isinstance(getattr(column.type, "impl_instance", None), sa.JSON)


def every_row(url: URL) -> dict[str, list[str]]:
    """Rows of a database on PostgreSQL in its own words, JSON as it is stored, and the state of its sequences."""
    with connect(url) as connection:
        connection.exec_driver_sql("SET TIME ZONE 'UTC'")
        found = {
            table.name: list(connection.scalars(sa.text(f"SELECT CAST(t AS text) FROM {table.name} t ORDER BY 1")))
            for table in METADATA.sorted_tables
        }
        found["sequences"] = list(
            connection.scalars(sa.text("SELECT sequencename || ' ' || last_value FROM pg_sequences ORDER BY 1"))
        )
        return found


def cells(site: dict[str, list[dict[str, Any]]]) -> Iterator[tuple[str, int, str, Any]]:
    """Table, row ID, column and value as SQLite should hold it."""
    for name, rows in site.items():
        for row in rows:
            for column, value in row.items():
                if "id" in row:
                    moment = isinstance(value, datetime)
                    text = value.replace(tzinfo=None).isoformat(" ", "microseconds") if moment else value
                    yield name, row["id"], column, text


def values(url: URL) -> dict[str, list[Any]]:
    """Rows of a database of either engine, as the models read them; the order of keys in JSON counts."""
    with connect(url) as connection:
        return {
            table.name: [
                [json.dumps(value) if isinstance(value, dict | list) else value for value in row]
                for row in connection.execute(sa.select(table).order_by(*table.primary_key))
            ]
            for table in METADATA.sorted_tables
        }

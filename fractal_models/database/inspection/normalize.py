"""One form for what PostgreSQL and SQLite write differently: types, defaults, conditions, indexes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

FAMILIES: tuple[tuple[type[TypeEngine[Any]], str], ...] = (
    (sa.JSON, "json"),
    (sa.Text, "text"),
    (sa.String, "varchar"),
    (sa.Boolean, "boolean"),
    (sa.BigInteger, "bigint"),
    (sa.SmallInteger, "smallint"),
    (sa.Integer, "integer"),
    (sa.DateTime, "timestamp"),
)
"""Types by what both engines call them; the first match counts."""


def type_name(type_: TypeEngine[Any]) -> str:
    """Name of a reflected type, such as `varchar`, `varchar(20)`, `json`, `timestamp`."""
    if isinstance(type_, postgresql.JSONB):
        return "jsonb"
    if isinstance(type_, postgresql.TIMESTAMP) and not type_.timezone:
        return "timestamp without time zone"
    names = (name for family, name in FAMILIES if isinstance(type_, family))
    if (isinstance(type_, sa.String) and type_.length is not None) or (name := next(names, None)) is None:
        return type_.compile().lower()
    return name


def default_value(default: str, type_: TypeEngine[Any]) -> str:
    """A server default without quotes and casts; timestamps in UTC."""
    value = default.split("::")[0].strip("'")
    if not isinstance(type_, sa.DateTime):
        return value
    try:
        # PostgreSQL writes it in the time zone of the session.
        return str(datetime.fromisoformat(value).astimezone(UTC))
    except ValueError:
        return value


def condition(sql: str) -> str:
    """A condition without parentheses; PostgreSQL writes `IN (…)` as `= ANY (ARRAY[…])`."""
    return re.sub(r"= ANY ARRAY\[(.*?)\](\[\])?", r"IN \1", re.sub(r"[()]", "", _without_casts(sql)))


def index_definition(statement: str) -> str:
    """Uniqueness, columns or expressions, condition and method of a `CREATE INDEX` statement."""
    unique = "unique " if statement.upper().startswith("CREATE UNIQUE") else ""
    method = re.search(r"\bUSING (?!btree)\w+", statement)
    body, *predicate = re.split(r"\bWHERE\b", statement, maxsplit=1, flags=re.IGNORECASE)
    columns = re.sub(r"\(\((\w+)\)\)", r"(\1)", _without_casts(body[body.index("(") :]))
    parts = " where ".join([columns, *map(condition, predicate)])
    return f"{unique}over {parts}" + (f", {method[0].lower()}" if method else "")


def _without_casts(sql: str) -> str:
    return " ".join(re.sub(r"::(character varying|[a-z]+)|[\"`]", "", sql).split())

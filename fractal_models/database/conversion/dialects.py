"""SQL expressions that PostgreSQL and SQLite write differently."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import Connection
from sqlalchemy.types import Boolean, TypeEngine

from fractal_models.database.conversion.raw_json import members
from fractal_models.database.revisions.operations.base import literals
from fractal_models.provenance import UNKNOWN_LAST_USED, UNKNOWN_TIMESTAMP

UNKNOWN_DATE = str(UNKNOWN_TIMESTAMP)
"""Placeholder for a date, as columns take it and as dumps have it."""

LAST_USED = str(UNKNOWN_LAST_USED)
"""Placeholder for the last use of a task group."""

SQLITE_TIMESTAMP = "%Y-%m-%d %H:%M:%S.%f"
"""Form in which servers wrote timestamps into SQLite, in UTC."""

MAX_EMPTY = 16
"""Length of the longest text that may be an empty JSON object, with spaces."""


class PostgreSQLWords:
    """Expressions of PostgreSQL."""

    unknown_date = f"TIMESTAMPTZ '{UNKNOWN_DATE}'"
    last_used = f"TIMESTAMPTZ '{LAST_USED}'"

    def date(self, expression: str) -> str:
        """A timestamp that compares with others."""
        return expression

    def isoformat(self, expression: str) -> str:
        """A timestamp as text, in UTC, as Python's `isoformat` writes it."""
        text = f"""to_char({expression} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') || '+00:00'"""
        return f"replace({text}, '.000000', '')"

    def text(self, expression: str) -> str:
        """JSON as text."""
        return f"CAST({expression} AS text)"

    def from_text(self, expression: str) -> str:
        """JSON from text."""
        return f"CAST({expression} AS json)"

    def size(self, text: str) -> str:
        """Length of a text, at least."""
        return f"octet_length({text})"

    def texts(self, columns: Iterable[str]) -> str:
        """Join that gives the JSON columns of `o` as texts in `t`, each read from its row once."""
        selected = ", ".join(f"{self.text(f'o.{column}')} AS {column}" for column in columns)
        return f"CROSS JOIN LATERAL (SELECT {selected} OFFSET 0) t"

    def is_undated(self, column: str) -> str:
        """Whether a dump of `o` is an object without `timestamp_created`; most are told apart without parsing them."""
        return (
            f"CASE WHEN t.{column} NOT LIKE '{{%' THEN false "
            f"WHEN strpos(t.{column}, '\"timestamp_created\"') = 0 THEN true "
            f"ELSE o.{column} -> 'timestamp_created' IS NULL END"
        )

    def dated(self, column: str, date: str) -> str:
        """An undated dump of `o` with a date as its last member."""
        # Of one byte is the last character; `left` would count them all.
        octets = f"convert_to(rtrim(t.{column}, E' \\t\\r\\n'), 'UTF8')"
        octets = f"CASE WHEN t.{column} LIKE '%}}' THEN convert_to(t.{column}, 'UTF8') ELSE {octets} END"
        start = (
            f"(SELECT convert_from(substring(b FROM 1 FOR octet_length(b) - 1), 'UTF8') FROM (SELECT {octets} AS b) s)"
        )
        return f"""CAST({start} || ', "timestamp_created": "' || {date} || '"}}' AS json)"""

    def as_json(self, expression: str, _type: TypeEngine[object]) -> str:
        """A value of any type as JSON."""
        return f"to_json({expression})"

    def is_object(self, expression: str) -> str:
        """Whether JSON is an object."""
        return f"json_typeof({expression}) = 'object'"

    def has_path(self, expression: str, *path: str | int) -> str:
        """Whether JSON has a value at a path."""
        return f"({expression} #> '{{{','.join(map(str, path))}}}') IS NOT NULL"

    def has_other_keys(self, expression: str, keys: Iterable[str]) -> str:
        """Whether a JSON object has keys beside these."""
        members = f"json_object_keys(CASE WHEN {self.is_object(expression)} THEN {expression} ELSE '{{}}' END)"
        return f"EXISTS (SELECT 1 FROM {members} AS key WHERE key NOT IN ({literals(keys)}))"


class SQLiteWords:
    """Expressions of SQLite, and the functions that they call."""

    unknown_date = f"'{UNKNOWN_TIMESTAMP:{SQLITE_TIMESTAMP}}'"
    last_used = f"'{UNKNOWN_LAST_USED:{SQLITE_TIMESTAMP}}'"

    def register(self, connection: Connection) -> None:
        """Create the functions on a connection."""
        driver = connection.connection.dbapi_connection
        assert driver is not None
        driver.create_function("fractal_date", 1, stored_date, deterministic=True)
        driver.create_function("fractal_dated", 2, dated, deterministic=True)

    def date(self, expression: str) -> str:
        """A timestamp that compares with others: in UTC, without offset, with microseconds."""
        return f"fractal_date({expression})"

    def isoformat(self, expression: str) -> str:
        """A timestamp as text, in UTC, as Python's `isoformat` writes it."""
        return f"replace(replace({expression}, ' ', 'T') || '+00:00', '.000000', '')"

    def text(self, expression: str) -> str:
        """JSON as text."""
        return expression

    def from_text(self, expression: str) -> str:
        """JSON from text."""
        return expression

    def size(self, text: str) -> str:
        """Length of a text, at least."""
        return f"length({text})"

    def texts(self, columns: Iterable[str]) -> str:
        """Join that gives the JSON columns of `o` as texts; here they are texts."""
        del columns
        return ""

    def is_undated(self, column: str) -> str:
        """Whether a dump of `o` is an object without `timestamp_created`."""
        return f"fractal_dated(o.{column}, 'x') <> o.{column}"

    def dated(self, column: str, date: str) -> str:
        """A dump of `o` with a date as its last member, unless it has one."""
        return f"fractal_dated(o.{column}, {date})"

    def as_json(self, expression: str, type_: TypeEngine[object]) -> str:
        """A value of any type as JSON."""
        if str(type_) == "JSON":
            return expression
        if isinstance(type_, Boolean):
            return f"CASE {expression} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END"
        return f"json_quote({expression})"

    def is_object(self, expression: str) -> str:
        """Whether JSON is an object."""
        return f"CASE WHEN json_valid({expression}) THEN json_type({expression}) = 'object' END"

    def has_path(self, expression: str, *path: str | int) -> str:
        """Whether JSON has a value at a path."""
        written = "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
        return f"CASE WHEN json_valid({expression}) THEN json_type({expression}, '{written}') END IS NOT NULL"

    def has_other_keys(self, expression: str, keys: Iterable[str]) -> str:
        """Whether a JSON object has keys beside these."""
        members = f"json_each(CASE WHEN {self.is_object(expression)} THEN {expression} ELSE '{{}}' END)"
        return f"EXISTS (SELECT 1 FROM {members} AS member WHERE member.key NOT IN ({literals(keys)}))"


Words = PostgreSQLWords | SQLiteWords


def stored_date(text: str | None) -> str | None:
    """Write a timestamp as SQLAlchemy does on SQLite; text that is none stays as it is."""
    if text and STORED.fullmatch(text):
        return text
    try:
        parsed = datetime.fromisoformat(text) if text else None
    except ValueError:
        return text
    if parsed is None:
        return text
    return parsed.astimezone(UTC).strftime(SQLITE_DATE) if parsed.tzinfo else parsed.strftime(SQLITE_DATE)


def dated(dump: str | None, date: str) -> str | None:
    """Add `timestamp_created` to a dump that is an object without it."""
    if not dump or not dump.startswith("{"):
        return dump
    if '"timestamp_created"' in dump and "timestamp_created" in (members(dump) or ["timestamp_created"]):
        return dump
    return f'{dump.rstrip()[:-1]}, "timestamp_created": "{date}"}}'


SQLITE_DATE = "%Y-%m-%d %H:%M:%S.%f"

STORED = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}")
"""Timestamps as SQLAlchemy writes them."""


def is_unknown(words: Words, dump: str) -> str:
    """Whether a dump is null, JSON null or `{}`."""
    text = words.text(dump)
    written = f"CASE WHEN {words.size(text)} <= {MAX_EMPTY} THEN replace({text}, ' ', '') ELSE '' END"
    return f"({dump} IS NULL OR {written} IN ('null', '{{}}'))"

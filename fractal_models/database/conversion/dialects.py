"""SQL expressions that PostgreSQL and SQLite write differently."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import Connection
from sqlalchemy.types import Boolean, TypeEngine

from fractal_models.database.revisions.operations.base import literal, literals

UNKNOWN_DATE = "2000-01-01 00:00:00+00:00"
"""Placeholder for a date, as columns take it and as dumps have it."""

LAST_USED = "2024-11-20 00:00:00+00:00"
"""Placeholder for the last use of a task group."""

UNKNOWN_TEXT = "__UNDEFINED__"
"""Placeholder for a name or an e-mail."""

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

    def position(self, part: str, text: str) -> str:
        """Position of a text in another; 0 if it is not there."""
        return f"strpos({text}, {part})"

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

    unknown_date = "'2000-01-01 00:00:00.000000'"
    last_used = "'2024-11-20 00:00:00.000000'"

    def register(self, connection: Connection) -> None:
        """Create the functions on a connection."""
        driver = connection.connection.dbapi_connection
        assert driver is not None
        driver.create_function("fractal_date", 1, stored_date, deterministic=True)

    def date(self, expression: str) -> str:
        """A timestamp that compares with others: in UTC, without offset, with microseconds."""
        return f"fractal_date({expression})"

    def isoformat(self, expression: str) -> str:
        """A timestamp as text, in UTC, as Python's `isoformat` writes it."""
        return f"replace(replace({self.date(expression)}, ' ', 'T') || '+00:00', '.000000', '')"

    def text(self, expression: str) -> str:
        """JSON as text."""
        return expression

    def from_text(self, expression: str) -> str:
        """JSON from text."""
        return expression

    def position(self, part: str, text: str) -> str:
        """Position of a text in another; 0 if it is not there."""
        return f"instr({text}, {part})"

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
    try:
        parsed = datetime.fromisoformat(text) if text else None
    except ValueError:
        return text
    if parsed is None:
        return text
    return parsed.astimezone(UTC).strftime(SQLITE_DATE) if parsed.tzinfo else parsed.strftime(SQLITE_DATE)


SQLITE_DATE = "%Y-%m-%d %H:%M:%S.%f"


def is_unknown(words: Words, dump: str) -> str:
    """Whether a dump is null, JSON null or `{}`."""
    text = words.text(dump)
    written = f"CASE WHEN length({text}) <= {MAX_EMPTY} THEN replace({text}, ' ', '') ELSE '' END"
    return f"({dump} IS NULL OR {written} IN ('null', '{{}}'))"


def lacks_key(words: Words, dump: str, key: str) -> str:
    """Whether a dump is an object without a key; most are told apart without parsing them."""
    return (
        f"CASE WHEN NOT {words.is_object(dump)} THEN false "
        f"WHEN {words.position(literal(json.dumps(key)), words.text(dump))} = 0 THEN true "
        f"ELSE NOT ({words.has_path(dump, key)}) END"
    )


def with_member(words: Words, dump: str, key: str, text: str) -> str:
    """A dump with a string as its last member."""
    trimmed = f"rtrim({words.text(dump)}, ' \t\r\n')"
    added = literal(f', {json.dumps(key)}: "')
    return words.from_text(f"substr({trimmed}, 1, length({trimmed}) - 1) || {added} || {text} || '\"}}'")

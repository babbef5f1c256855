r"""The text form of rows: what a copy sends, what digests are computed of, and what other programs can compute.

It is the text format of PostgreSQL's `COPY`: UTF-8, a line per row in order of the primary key, a tab between columns,
`\N` for NULL, and `\\ \b \f \n \r \t \v` for a backslash and these six characters. Integers are decimal, booleans 0 or
1, JSON is its text as stored, timestamps are `YYYY-MM-DD HH:MM:SS.ffffff` in UTC.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

DIALECTS: Mapping[str, sa.Dialect] = {
    "postgresql": postgresql.dialect(),  # type: ignore[no-untyped-call]
    "sqlite": sqlite.dialect(),
}

BLOCK_BYTES = 2**18
"""Size of a block of lines from which on it is passed on; a line may be longer."""

ESCAPES = {"\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
"""Characters and what stands for them, beside the backslash."""

CHARACTERS = {escape[1]: character for character, escape in ESCAPES.items()}

FIELD_END, LINE_END = b"\xff", b"\xfe"
"""Separators while characters are yet to be escaped; UTF-8 has no such bytes."""

NULL = b"\xfd" + secrets.token_hex(8).encode()
"""NULL, while characters are yet to be escaped."""

POSTGRESQL_TIMESTAMP = (
    "CASE WHEN {0} BETWEEN '0001-01-01 00:00:00+00' AND '9999-12-31 23:59:59.999999+00'"
    " THEN to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') ELSE {0}::text END"
)
SQLITE_TIMESTAMP = (
    "CASE WHEN {0} GLOB '????-??-?? ??:??:??.[0-9][0-9][0-9][0-9][0-9][0-9]' THEN {0} ELSE utc_timestamp({0}) END"
)


def kind(column: sa.Column[object]) -> str:
    """Kind of a column: timestamp, boolean, integer, JSON or text."""
    type_ = getattr(column.type, "impl_instance", column.type)
    kinds = ((sa.DateTime, "timestamp"), (sa.Boolean, "boolean"), (sa.Integer, "integer"), (sa.JSON, "JSON"))
    return next((name for class_, name in kinds if isinstance(type_, class_)), "text")


@dataclass(frozen=True)
class Rows:
    """Rows of a table that are copied."""

    table: sa.Table

    columns: tuple[str, ...]

    condition: sa.ColumnElement[bool] | None = None
    """Which rows; None for all."""

    replaced: Mapping[str, str | None] = field(default_factory=dict)
    """Columns that are not read, and the text in their place."""

    def query(self, dialect: str) -> str:
        """Statement that selects the rows in order; on SQLite, NULL is `text_form.NULL`."""
        values = [self._value(self.table.c[name], dialect) for name in self.columns]
        if dialect == "sqlite":
            values = [f"coalesce({value}, x'{NULL.hex()}')" for value in values]
        order = ", ".join(quoted(column.name) for column in self.table.primary_key)
        return f"SELECT {', '.join(values)} {self._source(dialect)} ORDER BY {order}"

    def count_query(self, dialect: str) -> str:
        """Statement that counts the rows."""
        return f"SELECT count(*) {self._source(dialect)}"

    def _source(self, dialect: str) -> str:
        table = quoted(self.table.name)
        if self.condition is None:
            return f"FROM {table}"
        condition = self.condition.compile(dialect=DIALECTS[dialect], compile_kwargs={"literal_binds": True})
        return f"FROM {table} WHERE {condition}"

    def _value(self, column: sa.Column[object], dialect: str) -> str:
        if column.name in self.replaced:
            text = self.replaced[column.name]
            return "NULL" if text is None else f"'{text}'"
        name, of_kind = quoted(column.name), kind(column)
        if of_kind == "timestamp":
            name = (POSTGRESQL_TIMESTAMP if dialect == "postgresql" else SQLITE_TIMESTAMP).format(name)
        if dialect == "sqlite":
            return f"CAST({name} AS TEXT)"
        return f"{name}::int" if of_kind == "boolean" else name


def quoted(name: str) -> str:
    """A name in SQL."""
    return f'"{name}"'


def utc_timestamp(value: object) -> object:
    """Bring a timestamp that SQLite holds in another form into that of this module; others stay as they are."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        if moment is None:
            return value
        if moment.utcoffset() is not None:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return value
    return moment.isoformat(" ", "microseconds")


def escaped(lines: list[bytes], fields: int) -> bytes:
    """Join lines, which have `FIELD_END` between their fields, to a block.

    Raises:
        UnicodeError: Text is not UTF-8.
    """
    block = LINE_END.join(lines)
    if block.count(FIELD_END) != len(lines) * (fields - 1) or block.count(LINE_END) != len(lines) - 1:
        message = "text is not valid UTF-8"
        raise UnicodeError(message)
    block = block.replace(b"\\", b"\\\\")
    for character, escape in ESCAPES.items():
        block = block.replace(character.encode(), escape.encode())
    return block.replace(FIELD_END, b"\t").replace(LINE_END, b"\n").replace(NULL, b"\\N") + b"\n"


def parsed(block: bytes) -> Iterator[Sequence[str | None]]:
    """Values of each row of a block.

    Raises:
        UnicodeError: Text is not UTF-8.
    """
    for line in block.decode().split("\n")[:-1]:
        fields = line.split("\t")
        if "\\" not in line:
            yield fields
        else:
            yield [None if value == "\\N" else _unescaped(value) if "\\" in value else value for value in fields]


def _unescaped(value: str) -> str:
    parts = iter(value.split("\\"))
    found = [next(parts)]
    for part in parts:
        # Between the two backslashes that stand for one, there is nothing.
        found.append(CHARACTERS[part[0]] + part[1:] if part else "\\" + next(parts))
    return "".join(found)

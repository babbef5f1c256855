"""Old databases for tests, their conversion, and what is left in the table of values without a column."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import URL

from fractal_models.database.connection.engine import connect
from fractal_models.testing.databases import Databases
from tests.support.catalog import Catalog, catalog, revisions
from tests.support.commandline import Outcome, run
from tests.support.old_databases.comparison import differences
from tests.support.old_databases.oracle import Expected, Kept, expect
from tests.support.old_databases.rows import OWNER, rows_of
from tests.support.old_databases.schemas import REVISIONS, Family, Schema, create_tables, schema_of
from tests.support.old_databases.values import Json, Tables, moment, read, write

CONVERT = ("upgrade", "head", "--convert", "--task-owner", OWNER)

LEGACY = "fractal_legacy"


@dataclass
class OldDatabase:
    """A database before its conversion, and its rows."""

    url: URL
    schema: Schema
    revision: str
    rows: Tables

    def expected(self) -> Expected:
        return expect(self.schema, self.rows, OWNER)

    def snapshot(self) -> tuple[Catalog, Tables, list[str]]:
        """All that a conversion changes, which a refused or killed one must not."""
        return catalog(self.url), read(self.url, self.schema), revisions(self.url)


def create_old(
    databases: Databases, number: int, family: Family = Family.LATE, *, rows: Tables | None = None, seed: int = 0
) -> OldDatabase:
    """Create a database at one of the revisions before the baseline, with these rows or with drawn ones."""
    return create_from(databases, schema_of(number), REVISIONS[number - 1], family, rows=rows, seed=seed or number)


def create_from(
    databases: Databases,
    schema: Schema,
    revision: str,
    family: Family = Family.LATE,
    *,
    rows: Tables | None = None,
    seed: int = 1,
) -> OldDatabase:
    old = OldDatabase(databases.create(), schema, revision, rows if rows is not None else rows_of(schema, seed))
    create_tables(old.url, schema, revision, family)
    write(old.url, schema, old.rows)
    return old


def convert(url: URL, *options: str) -> Outcome:
    """Run the command that converts a database."""
    return run(*CONVERT, *options, url=url)


def conversion_errors(old: OldDatabase, began: datetime) -> list[str]:
    """What is wrong with the rows of a converted database; nothing if they are those that the oracle expects."""
    expected = old.expected()
    found = differences(expected, read(old.url, schema_of(25)), began, datetime.now(UTC))
    return [*found, *lost(expected.kept, old.url)]


def lost(kept: list[Kept], url: URL) -> Iterator[str]:
    """Values that are nowhere in the table of values without a column."""
    with connect(url) as connection:
        query = sa.text(f"SELECT table_name, row_id, column_name, CAST(value AS TEXT) FROM {LEGACY}")
        there: dict[tuple[str, Any], list[tuple[str, str]]] = {}
        for table, id_, column, value in connection.execute(query):
            if value is not None:
                there.setdefault((table, id_), []).append((column, value))
    for each in kept:
        if not any(each.column in column and _equal(each.value, value) for column, value in there.get(each[:2], [])):
            yield f"lost: {each}"


def _equal(value: Any, found: str) -> bool:
    if isinstance(value, Json):
        return value == found
    if isinstance(value, datetime):
        return moment(json.loads(found)) == value
    return json.dumps(json.loads(found)) == json.dumps(value)


def without_legacy(found: Catalog) -> Catalog:
    """A catalog without the table of values without a column."""
    return {
        kind: {name: text for name, text in objects.items() if LEGACY not in name} for kind, objects in found.items()
    }

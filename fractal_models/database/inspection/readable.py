"""Parts of the models that a database has, whatever its revision."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from sqlalchemy import Column, Connection, Table, inspect, text
from sqlalchemy.sql.visitors import iterate

from fractal_models.models import TABLES
from fractal_models.tables import METADATA

COLUMNS = {
    "sqlite": """
        SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type IN ('table', 'view')
    """,
    "postgresql": """
        SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE pg_table_is_visible(c.oid) AND c.relkind IN ('r', 'p', 'v', 'm') AND a.attnum > 0
        AND NOT a.attisdropped AND has_column_privilege(c.oid, a.attnum, 'SELECT')
    """,
}
"""Tables and columns that the role may read."""


def missing_parts(connection: Connection) -> tuple[str, ...]:
    """Parts of the models that cannot be read, since the database lacks them or the role may not read them.

    They are tables (`project`), and columns and relationships of other tables (`user_settings.cache_dir`,
    `dataset.project`).
    """
    found: dict[str, set[str]] = {}
    for table, column in connection.execute(text(COLUMNS[connection.dialect.name])):
        found.setdefault(table, set()).add(column)
    missing = {part for table in METADATA.sorted_tables for part in _missing(table, found.get(table.name, set()))}
    tables = missing & METADATA.tables.keys()
    lost = {name for name, needed in _relationships() if needed & missing and name.partition(".")[0] not in tables}
    return tuple(sorted(missing | lost))


def readable_tables(missing: tuple[str, ...]) -> tuple[str, ...]:
    """Tables that can be read, if these parts are missing."""
    return tuple(sorted(METADATA.tables.keys() - set(missing)))


def _missing(table: Table, columns: set[str]) -> Iterator[str]:
    """A table, or columns of it, of which a database has only these columns."""
    keys = set(table.primary_key.columns.keys())
    others = set(table.columns.keys()) - keys
    # A table that shares nothing but its `id` is another one of that name, as `resource` of fractal-server 2.17.
    if not keys <= columns or (keys == {"id"} and not others & columns):
        yield table.name
    else:
        yield from (f"{table.name}.{column}" for column in others - columns)


@cache
def _relationships() -> list[tuple[str, set[str]]]:
    """Each relationship with the tables and columns that it needs, including those of its own table."""
    found = []
    for model in TABLES:
        for relationship in inspect(model).relationships:
            clauses: list[Any] = [relationship.primaryjoin, relationship.secondaryjoin, *(relationship.order_by or ())]
            columns = {
                element
                for clause in clauses
                if clause is not None
                for element in iterate(clause)
                if isinstance(element, Column)
            }
            needed = {str(relationship.mapper.local_table.name)}
            needed |= {part for column in columns for part in (column.table.name, f"{column.table.name}.{column.name}")}
            found.append((f"{model.__tablename__}.{relationship.key}", needed))
    return found

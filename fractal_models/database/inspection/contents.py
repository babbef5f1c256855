"""Revision and tables of Fractal in a database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Inspector, inspect, text

from fractal_models.tables import METADATA


def read_revisions(connection: Connection) -> tuple[str, ...] | None:
    """Rows of `alembic_version`; None if the table is missing."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return tuple(sorted(connection.execute(text("SELECT version_num FROM alembic_version")).scalars()))


def own_tables(connection: Connection) -> set[str]:
    """Tables of Fractal in a database.

    There are none if no table has the columns of its model: other applications have a table `project`, too.
    """
    inspector = inspect(connection)
    present = METADATA.tables.keys() & set(inspector.get_table_names())
    return present if any(_has_columns(inspector, name) for name in sorted(present)) else set()


def column_types(connection: Connection) -> dict[str, dict[str, Any]]:
    """Types by table and column, of all tables at once: another migrator may commit between two readings."""
    found = inspect(connection).get_multi_columns()
    return {str(table): {column["name"]: column["type"] for column in columns} for (_, table), columns in found.items()}


def taken_names(connection: Connection) -> set[str]:
    """Tables with names that Fractal uses, whatever they are."""
    return METADATA.tables.keys() & set(inspect(connection).get_table_names())


def _has_columns(inspector: Inspector, table: str) -> bool:
    present = {column["name"] for column in inspector.get_columns(table)}
    return present.issuperset(METADATA.tables[table].columns.keys())

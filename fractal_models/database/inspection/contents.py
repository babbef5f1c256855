"""Revision and tables of Fractal in a database."""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text

from fractal_models.models import TABLE_NAMES


def read_revisions(connection: Connection) -> tuple[str, ...] | None:
    """Rows of `alembic_version`; None if the table is missing."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return tuple(sorted(connection.execute(text("SELECT version_num FROM alembic_version")).scalars()))


def own_tables(connection: Connection) -> set[str]:
    """Tables of Fractal in a database."""
    return set(TABLE_NAMES.intersection(inspect(connection).get_table_names()))

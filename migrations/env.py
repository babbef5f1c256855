"""How Alembic reaches the database: see `alembic.ini`, and `fractal_models.database` for the rest.

The database is a Connection or Engine in `config.attributes["connection"]`, else `FRACTAL_DATABASE_URL`, else
`sqlalchemy.url` of the configuration.
"""

import os
from typing import Any, Literal

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate.api import AutogenContext
from alembic.runtime.migration import MigrationContext
from sqlalchemy import JSON, Column, Connection, Engine, TypeDecorator

from fractal_models import models  # noqa: F401 (defines the tables)
from fractal_models.database import create_engine, sync_url
from fractal_models.models import Project

metadata = Project.metadata


def own_tables(name: str | None, type_: str, _parents: object) -> bool:
    """Leave out the tables that are none of ours."""
    return type_ != "table" or name in metadata.tables


def plain_type(type_: str, obj: Any, _context: AutogenContext) -> str | Literal[False]:
    """Write SQLAlchemy's own type into a revision: the package's types may change, a revision may not."""
    if type_ != "type" or not isinstance(obj, TypeDecorator):
        return False
    return "sa.JSON()" if isinstance(obj.impl_instance, JSON) else f"sa.{obj.impl_instance!r}"


def compare_default(
    _context: MigrationContext, inspected: Column[Any], column: Column[Any], default: str | None, *_: object
) -> bool | None:
    """Compare the defaults of JSON columns as text: PostgreSQL has no `=` for them."""
    if not isinstance(inspected.type, JSON):
        return None
    declared = column.server_default
    text = str(declared.arg) if isinstance(declared, sa.DefaultClause) else None
    return (default.removesuffix("::json").strip("'") if default else None) != text


OPTIONS: dict[str, Any] = {
    "target_metadata": metadata,
    "include_name": own_tables,
    "render_item": plain_type,
    "compare_type": True,
    "compare_server_default": compare_default,
    "transaction_per_migration": True,
}


def migrate(connection: Connection) -> None:
    """Run what Alembic was asked for."""
    context.configure(connection=connection, **OPTIONS)
    with context.begin_transaction():
        context.run_migrations()


url = os.environ.get("FRACTAL_DATABASE_URL") or context.config.get_main_option("sqlalchemy.url") or ""
connectable = context.config.attributes.get("connection")

if context.is_offline_mode():
    context.configure(url=sync_url(url), literal_binds=True, dialect_opts={"paramstyle": "named"}, **OPTIONS)
    with context.begin_transaction():
        context.run_migrations()
elif isinstance(connectable, Connection):
    migrate(connectable)
else:
    engine = connectable if isinstance(connectable, Engine) else create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        migrate(connection)

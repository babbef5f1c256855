"""How Alembic reaches the database; how it migrates there is in `fractal_models.database.migration.runner`.

The database is a Connection or Engine in `config.attributes["connection"]`, a URL in `config.attributes["url"]`, else
that of `FRACTAL_DATABASE_URL`, else `sqlalchemy.url` of the configuration.
"""

import os
import warnings
from typing import Any, Literal

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate.api import AutogenContext
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import JSON, Column, Connection, Engine, TypeDecorator

from fractal_models import models  # noqa: F401 (defines the tables)
from fractal_models.base import Base
from fractal_models.database import DatabaseError, sync_url
from fractal_models.database.connection.engine import maintenance_engine
from fractal_models.database.inspection import state
from fractal_models.database.migration import runner as migrate
from fractal_models.database.revisions import operations  # noqa: F401 (registers `op.create_index_online` and others)


def own_tables(name: str | None, type_: str, _parents: object) -> bool:
    """Leave out the tables that are none of ours."""
    return type_ != "table" or name in Base.metadata.tables


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


options: dict[str, Any] = {
    "target_metadata": Base.metadata,
    "include_name": own_tables,
    "render_item": plain_type,
    "compare_type": True,
    "compare_server_default": compare_default,
    "transaction_per_migration": True,
}


def database_url() -> sa.URL:
    """Find the URL that is meant."""
    configured = context.config.get_main_option("sqlalchemy.url") or ""
    named: str | sa.URL | None = context.config.attributes.get("url") or os.environ.get("FRACTAL_DATABASE_URL")
    return sync_url(named or configured)


def run_offline() -> None:
    """Print SQL."""
    context.configure(url=database_url(), literal_binds=True, dialect_opts={"paramstyle": "named"}, **options)
    with context.begin_transaction():
        context.run_migrations()


def run_online() -> None:
    """Migrate."""
    given = context.config.attributes.get("connection")
    if isinstance(given, Connection):
        migrate.run(context, given, options)
        return
    engine = given if isinstance(given, Engine) else maintenance_engine(database_url())
    with state.explained(engine.url), state.connected(engine) as connection:
        migrate.run(context, connection, options)


# Alembic cannot compare indexes over expressions on SQLite; `fractal_models.database.inspection.schema` does.
EXPRESSION_SKIPPED = (
    r"(Skipped unsupported reflection of|autogenerate skipping metadata-specified) expression-based index"
)

try:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", EXPRESSION_SKIPPED)
        run_offline() if context.is_offline_mode() else run_online()
except DatabaseError as error:
    raise CommandError(str(error)) from error

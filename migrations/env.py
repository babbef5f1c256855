"""Environment of Alembic.

The database is a Connection or Engine in `config.attributes["connection"]`, a URL in `config.attributes["url"]`, else
that of `FRACTAL_DATABASE_URL`, else `sqlalchemy.url` of the configuration.
"""

import warnings
from typing import Any

from alembic import context
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine

from fractal_models.database import DatabaseError, sync_url
from fractal_models.database.connection.engine import maintenance_engine
from fractal_models.database.connection.urls import environment_url
from fractal_models.database.inspection import autogenerate
from fractal_models.database.migration.conversion import Conversion
from fractal_models.database.migration.interruption import running
from fractal_models.database.migration.runner import Migration
from fractal_models.database.revisions import operations  # noqa: F401 (registers `op.create_index_online` and others)
from fractal_models.tables import METADATA

OPTIONS: dict[str, Any] = {
    "target_metadata": METADATA,
    "include_name": autogenerate.include_name,
    "render_item": autogenerate.render_item,
    "compare_type": True,
    "compare_server_default": autogenerate.compare_server_default,
    "transaction_per_migration": True,
}


def database_url() -> URL:
    """URL of the database."""
    configured = context.config.get_main_option("sqlalchemy.url") or ""
    return sync_url(context.config.attributes.get("url") or environment_url() or configured)


def run_offline() -> None:
    """Print SQL."""
    context.configure(url=database_url(), literal_binds=True, dialect_opts={"paramstyle": "named"}, **OPTIONS)
    with context.begin_transaction():
        context.run_migrations()


def migrate(connection: Connection) -> None:
    """Run the command, under the lock of migrators if there is something to change."""
    migration = Migration(context, connection, OPTIONS)
    conversion = Conversion(context, connection)
    with migration.timeouts():
        if conversion.is_due():
            with migration.lock():
                conversion.run(lambda: Migration(context, connection, OPTIONS).run())
        if migration.is_needed():
            with migration.lock():
                migration.run()


def run_online() -> None:
    """Connect, unless the caller has."""
    target = context.config.attributes.get("connection")
    if isinstance(target, Connection):
        migrate(target)
        return
    engine = target if isinstance(target, Engine) else maintenance_engine(database_url())
    with running(engine, from_shell=context.config.cmd_opts is not None) as connection:
        migrate(connection)


try:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", autogenerate.SKIPPED_EXPRESSION_INDEX)
        run_offline() if context.is_offline_mode() else run_online()
except DatabaseError as error:
    raise CommandError(str(error)) from error

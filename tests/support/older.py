"""Small databases of releases before 2.9, whose columns may all be null, for tests of single steps of a conversion."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import URL

from fractal_models.database.connection.engine import connect, maintenance_engine
from fractal_models.database.revisions.baseline import baseline_tables
from fractal_models.database.revisions.older_schemas import columns_at, dropped_columns, older_revisions
from fractal_models.testing.databases import Databases
from tests.support.commandline import Outcome, run

REVISIONS = {
    "1.3.11": "8f79bd162e35",
    "1.4.2": "efa89c30e0a4",
    "2.4.2": "091b01f51f88",
    "2.6.0": "9c5ae74c9b98",
    "2.7.0": "034a469ec2eb",
    "2.8.1": "19eca0dd47a9",
}

TYPES: dict[str, sa.types.TypeEngine[Any]] = {
    "data": sa.JSON(),
    "default_args": sa.JSON(),
    "id": sa.Integer(),
    "is_legacy_task": sa.Boolean(),
    "is_v2_compatible": sa.Boolean(),
    "slurm_accounts": sa.JSON(),
    "task_legacy_id": sa.Integer(),
    "taskgroupv2_id": sa.Integer(),
    "timestamp": sa.DateTime(timezone=True),
}
"""Types of columns that the baseline lacks; the others are text."""

INDEXES = (
    "CREATE UNIQUE INDEX ix_user_oauth_email ON user_oauth (email)",
    "CREATE INDEX ix_oauthaccount_account_id ON oauthaccount (account_id)",
    "CREATE INDEX ix_oauthaccount_oauth_name ON oauthaccount (oauth_name)",
)


def older_tables(revision: str) -> sa.MetaData:
    """The tables at a revision of fractal-server."""
    metadata = sa.MetaData()
    columns = columns_at(older_revisions().index(revision))
    for name in {table: None for table, _ in sorted(columns)}:
        baseline = baseline_tables().get(name)
        kept = [
            column for column in (baseline.columns if baseline is not None else ()) if (name, column.name) in columns
        ]
        dropped = [column for table, column in dropped_columns() if table == name and (name, column) in columns]
        sa.Table(
            name,
            metadata,
            *(
                sa.Column(
                    column.name,
                    column.type,
                    primary_key=column.primary_key,
                    server_default=getattr(column.server_default, "arg", None),
                )
                for column in kept
            ),
            *(sa.Column(column, TYPES.get(column, sa.String()), primary_key=column == "id") for column in dropped),
            *(
                sa.ForeignKeyConstraint([column.name], [key.target_fullname])
                for column in kept
                for key in column.foreign_keys
            ),
        )
    for name in {"task", "usergroup"} & metadata.tables.keys():
        unique = "source" if name == "task" else "name"
        metadata.tables[name].append_constraint(sa.UniqueConstraint(unique))
    return metadata


def create_older(databases: Databases, release: str, rows: dict[str, list[dict[str, Any]]] | None = None) -> URL:
    """Create a database of a release with rows."""
    url = databases.create()
    revision = REVISIONS[release]
    metadata = older_tables(revision)
    engine = maintenance_engine(url)
    with engine.begin() as connection:
        metadata.create_all(connection)
        for statement in INDEXES:
            connection.exec_driver_sql(statement)
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
        connection.exec_driver_sql(f"INSERT INTO alembic_version VALUES ('{revision}')")
        for table, entries in (rows or {}).items():
            for entry in entries:
                connection.execute(metadata.tables[table].insert().values(entry))
    engine.dispose()
    return url


def execute(url: URL, *statements: str) -> None:
    engine = maintenance_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def select(url: URL, statement: str) -> list[tuple[Any, ...]]:
    with connect(url) as connection:
        return [tuple(row) for row in connection.execute(sa.text(statement))]


def convert(url: URL, *options: str) -> Outcome:
    return run("upgrade", "head", "--convert", *options, url=url)

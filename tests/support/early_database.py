"""A database that grew up with the server: created before its constraints had a naming convention."""

import sqlalchemy as sa
from sqlalchemy import URL

from fractal_models.database import create_engine
from fractal_models.testing.databases import Databases
from tests.support.databases import upgrade

EARLY_TABLES = [
    "applyworkflow",
    "dataset",
    "linkuserproject",
    "oauthaccount",
    "project",
    "resource",
    "state",
    "task",
    "user_oauth",
    "workflow",
    "workflowtask",
]
"""The tables of the early releases; but `user_settings_id` came to users later, and got its name by the convention."""

LATER = {"fk_user_oauth_user_settings_id_user_settings"}


def early_statements(connection: sa.Connection) -> list[str]:
    """Give the keys of the early tables the names that PostgreSQL makes up, and take away a default."""
    inspector = sa.inspect(connection)
    statements = ["ALTER TABLE taskgroupv2 ALTER timestamp_last_used DROP DEFAULT"]
    for table in EARLY_TABLES:
        names = {inspector.get_pk_constraint(table)["name"]: f"{table}_pkey"}
        names |= {
            key["name"]: f"{table}_{key['constrained_columns'][0]}_fkey" for key in inspector.get_foreign_keys(table)
        }
        names |= {
            key["name"]: f"{table}_{key['column_names'][0]}_key" for key in inspector.get_unique_constraints(table)
        }
        statements += [
            f'ALTER TABLE {table} RENAME CONSTRAINT "{name}" TO "{early}"'
            for name, early in names.items()
            if name not in LATER
        ]
    return statements


def create_early(databases: Databases) -> URL:
    """A database of fractal-server 2.9 that was created by an early release."""
    url = databases.create()
    upgrade(url, "d256a7379ab8")
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in early_statements(connection):
            connection.execute(sa.text(statement))
    engine.dispose()
    return url

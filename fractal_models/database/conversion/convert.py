"""The conversion of an older database to the baseline."""

from __future__ import annotations

from sqlalchemy import Connection

from fractal_models.database.connection.errors import DriftError
from fractal_models.database.conversion import jobs, legacy_table, preflight, site_objects, task_groups, users
from fractal_models.database.conversion.old_database import OldDatabase
from fractal_models.database.conversion.postgresql import PostgreSQL
from fractal_models.database.conversion.progress import Progress
from fractal_models.database.conversion.sqlite import SQLite
from fractal_models.database.conversion.takeover import Engine
from fractal_models.database.inspection import schema
from fractal_models.database.revisions.baseline import baseline_tables
from fractal_models.database.revisions.history import BASELINE
from fractal_models.database.revisions.rules import require_none


def convert(connection: Connection, task_owner: str | None, progress: Progress) -> None:
    """Convert an older database of fractal-server to its revision of 2.9.

    Args:
        connection: In a transaction, which its caller commits; on SQLite without enforced foreign keys.
        task_owner: E-mail of the owner of task groups whose owner is not known.
        progress: Receives the numbers of rows.

    Raises:
        DatabaseError: The transaction is to be rolled back.
    """
    old = OldDatabase.read(connection)
    legacy_table.refuse_other_table(old)
    site_objects.refuse_dependents(old)
    require_none(preflight.examine(old))
    groups = task_groups.plan(old, task_owner)
    engine: Engine = SQLite(old) if connection.dialect.name == "sqlite" else PostgreSQL(old)
    engine.prepare()
    legacy_table.create(old)
    legacy_table.keep_dropped(old)
    for table in baseline_tables():
        total = old.count(table)
        if table == "user_oauth":
            users.add_settings(old)
        elif table == "taskv2":
            task_groups.add(old, groups)
        elif table in jobs.DUMPS and total:
            progress.count(f"{table}: dumps rebuilt", total, jobs.mend_dumps(old, table))
        progress.count(table, total, engine.take_over(table))
        if table == "linkusergroup":
            users.add_memberships(old)
    engine.finish()
    connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{BASELINE}'")
    if differences := list(schema.differences(connection, BASELINE)):
        raise DriftError(f"the schema cannot be converted, so nothing was changed: {'; '.join(differences)}")

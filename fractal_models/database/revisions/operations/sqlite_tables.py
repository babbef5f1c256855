"""Changes of table definitions on SQLite, which has no statement for them.

Rows are stored alike with and without a constraint. So the text of the definition is changed in the schema table, by
the procedure for changes that do not affect the content of a table in "Making Other Kinds Of Table Schema Changes",
https://www.sqlite.org/lang_altertable.html#otheralter. Where SQLite refuses to write the schema table, Alembic's batch
operations copy the rows into a new table. Foreign keys must be off meanwhile.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from typing import Any

from alembic.operations import BatchOperations, Operations
from alembic.util import CommandError
from sqlalchemy import CheckConstraint, Connection, inspect, text
from sqlalchemy.exc import OperationalError

from fractal_models.database.revisions.findings import Rule
from fractal_models.database.revisions.operations.base import literal


@contextmanager
def schema_writes(connection: Connection) -> Iterator[bool]:
    """Let a connection write the schema table, and tell whether SQLite allows it.

    Some builds of SQLite start in defensive mode (`SQLITE_DBCONFIG_DEFENSIVE`), which refuses it. `sqlite3` can switch
    that off from Python 3.12 on; aiosqlite cannot.
    """
    driver: Any = connection.connection.dbapi_connection
    driver = getattr(driver, "driver_connection", driver)
    option = getattr(sqlite3, "SQLITE_DBCONFIG_DEFENSIVE", None) if hasattr(driver, "setconfig") else None
    defensive = option is not None and driver.getconfig(option)
    if defensive:
        driver.setconfig(option, False)
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    try:
        yield _can_write(connection)
    finally:
        if defensive:
            driver.setconfig(option, True)
        connection.exec_driver_sql("PRAGMA writable_schema = OFF")


def _can_write(connection: Connection) -> bool:
    # Before SQLite 3.44, the pragma says ON in defensive mode, too.
    try:
        connection.exec_driver_sql("UPDATE sqlite_master SET sql = sql WHERE 0")
    except OperationalError:
        return False
    return True


def change_definition(
    operations: Operations,
    table: str,
    replacements: Sequence[tuple[str, str]],
    change: Callable[[BatchOperations], None],
    drop_check: str | None = None,
) -> None:
    """Change constraints of a table.

    Args:
        operations: Those of the revision.
        table: Its name.
        replacements: Texts and what replaces them in the definition, one after the other. The definition must have
            the first text of the last pair.
        change: The same change by batch operations.
        drop_check: The check that is dropped, for batch operations do not know checks.
    """
    update = f"UPDATE sqlite_master SET sql = {_replaced(replacements)} WHERE type = 'table' AND name = '{table}'"
    if operations.migration_context.as_sql:
        operations.execute("PRAGMA writable_schema = ON")
        operations.execute(update)
        # A script cannot compute the next schema version; any definition raises it.
        operations.execute("CREATE TABLE definitions_have_changed (id INTEGER)")
        operations.execute("DROP TABLE definitions_have_changed")
        operations.execute("PRAGMA writable_schema = RESET")
        return
    connection = operations.get_bind()
    _require(connection, table, replacements[-1][0])
    with schema_writes(connection) as allowed:
        if allowed:
            version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
            connection.exec_driver_sql(update)
            connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    if not allowed:
        _rebuild(operations, connection, table, change, drop_check)


def _replaced(replacements: Iterable[tuple[str, str]]) -> str:
    return reduce(lambda sql, pair: f"replace({sql}, {literal(pair[0])}, {literal(pair[1])})", replacements, "sql")


def _require(connection: Connection, table: str, definition: str) -> None:
    query = text("SELECT instr(sql, :definition) FROM sqlite_master WHERE type = 'table' AND name = :table")
    if not connection.scalar(query, {"definition": definition, "table": table}):
        message = (
            f"table {table} was rebuilt by another tool, so that its definition cannot be changed: "
            "copy the rows into a database that `fractal-models upgrade` has built"
        )
        raise CommandError(message)


KEPT = (
    "SELECT type, name, sql FROM sqlite_master WHERE tbl_name = :table AND type IN ('index', 'trigger') AND sql <> ''"
)


def _rebuild(
    operations: Operations,
    connection: Connection,
    table: str,
    change: Callable[[BatchOperations], None],
    drop_check: str | None,
) -> None:
    """Copy a table by batch operations, and keep the checks, indexes and triggers that these would lose."""
    kept = connection.execute(text(KEPT), {"table": table}).all()
    for index in (row.name for row in kept if row.type == "index"):
        connection.exec_driver_sql(f'DROP INDEX "{index}"')
    checks = [
        CheckConstraint(text(check["sqltext"]), name=check["name"])
        for check in inspect(connection).get_check_constraints(table)
        if check["name"] != drop_check
    ]
    # Else the new table could not get the name of the old one, if there are views and triggers that use it.
    legacy = connection.exec_driver_sql("PRAGMA legacy_alter_table").scalar()
    connection.exec_driver_sql("PRAGMA legacy_alter_table = ON")
    with operations.batch_alter_table(
        table, recreate="always", table_args=tuple(checks), reflect_kwargs={"resolve_fks": False}
    ) as batch:
        change(batch)
    connection.exec_driver_sql(f"PRAGMA legacy_alter_table = {legacy}")
    for row in kept:
        connection.exec_driver_sql(row.sql)


def require_intact(operations: Operations, table: str) -> None:
    """Look for damage, and for rows that break a check: SQLite has looked at none of them.

    Raises:
        CommandError: There is some.
    """
    if operations.migration_context.as_sql:
        return
    found = operations.get_bind().exec_driver_sql(f"PRAGMA integrity_check({table})").scalars().all()
    if found != ["ok"]:
        raise CommandError(f"PRAGMA integrity_check({table}): {'; '.join(map(str, found))}")


def not_rebuilt(definitions: Iterable[tuple[str, str]], consequence: str) -> Rule:
    """The rule that tables are written in the form in which revisions create them.

    Args:
        definitions: Tables, and a text that is part of the definition of each.
        consequence: The reason, as the end of a sentence.
    """
    query = " UNION ".join(
        f"SELECT name FROM sqlite_master WHERE type = 'table' AND name = {literal(table)} "
        f"AND instr(sql, {literal(definition)}) = 0"
        for table, definition in definitions
    )
    return Rule(
        table="table",
        reason=f"was rebuilt by another tool, so that {consequence}",
        remedy="Copy the rows into a database that `fractal-models upgrade` has built",
        query={"sqlite": query},
    )

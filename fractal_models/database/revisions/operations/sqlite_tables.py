"""Changes of table definitions on SQLite, which has no statement for them.

The procedures are those of "Making Other Kinds Of Table Schema Changes" in SQLite's documentation of ALTER TABLE,
https://www.sqlite.org/lang_altertable.html#otheralter. Rows are stored alike with and without a constraint. So the
simpler and faster one is enough, which changes the text of the definition in the schema table. Where SQLite refuses
that, the general one copies the rows into a table with the changed definition. Alembic's batch operations would do it
by reflection, and so lose collations, unnamed checks and triggers. Foreign keys must be off meanwhile.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from typing import Any

from alembic.operations import Operations
from alembic.util import CommandError
from sqlalchemy import Connection, text
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
        connection.exec_driver_sql("EXPLAIN UPDATE sqlite_master SET sql = sql WHERE 0").close()
    except OperationalError:
        return False
    return True


def change_definition(operations: Operations, table: str, replacements: Sequence[tuple[str, str]]) -> None:
    """Replace texts in the definition of a table, one after the other.

    Raises:
        CommandError: The definition lacks the old text of the last pair.
    """
    changed = _replaced(replacements)
    update = f"UPDATE sqlite_master SET sql = {changed} WHERE type = 'table' AND name = '{table}'"
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
        _copy_table(connection, table, changed)


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


BESIDE = "SELECT sql FROM sqlite_master WHERE tbl_name = :table AND type IN ('index', 'trigger') AND sql IS NOT NULL"


def _copy_table(connection: Connection, table: str, changed: str) -> None:
    """Copy a table into one with the changed definition, and create its indexes and triggers again."""
    names = {"table": table}
    definition = f"SELECT {changed} FROM sqlite_master WHERE type = 'table' AND name = '{table}'"
    sql = str(connection.exec_driver_sql(definition).scalar_one())
    beside = connection.scalars(text(BESIDE), names).all()
    # Generated columns are not among them.
    found = connection.scalars(text("SELECT name FROM pragma_table_info(:table)"), names)
    columns = ", ".join(f'"{column}"' for column in found)
    # Else views and triggers that use the table would keep the copy from taking its name.
    legacy = connection.exec_driver_sql("PRAGMA legacy_alter_table").scalar()
    for statement in (
        "PRAGMA legacy_alter_table = ON",
        re.sub(rf'^CREATE TABLE "?{table}"?', f"CREATE TABLE {table}_new", sql, count=1),
        f"INSERT INTO {table}_new ({columns}) SELECT {columns} FROM {table}",
        f"DROP TABLE {table}",
        f"ALTER TABLE {table}_new RENAME TO {table}",
        *beside,
        f"PRAGMA legacy_alter_table = {legacy}",
    ):
        connection.exec_driver_sql(statement)


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

"""Objects of a site that a conversion would break: they are named, and nothing is changed.

All others stay: on PostgreSQL tables are changed in place, on SQLite columns, indexes and triggers are created again.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.exc import OperationalError

from fractal_models.database.connection.errors import DependentObjectsError
from fractal_models.database.conversion.old_database import OldDatabase
from fractal_models.database.inspection.dependents import dependents

SHOWN = 5
"""Number of objects in a message."""

ON_COLUMNS = """
    SELECT DISTINCT
        regexp_replace(pg_describe_object(d.classid, d.objid, d.objsubid), '^rule _RETURN on ', ''),
        pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid)
    FROM pg_depend d JOIN pg_class c ON d.refclassid = 'pg_class'::regclass AND c.oid = d.refobjid
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
    WHERE pg_table_is_visible(c.oid) AND c.relname || '.' || a.attname = ANY (:columns)
    AND NOT EXISTS (
        SELECT 1 FROM pg_attrdef WHERE d.classid = 'pg_attrdef'::regclass AND oid = d.objid AND adnum = a.attnum
    )
    AND NOT EXISTS (
        SELECT 1 FROM pg_constraint WHERE d.classid = 'pg_constraint'::regclass AND oid = d.objid
        AND contype IN ('f', 'n') AND conrelid = c.oid AND array_length(conkey, 1) = 1
    )
    AND NOT EXISTS (SELECT 1 FROM pg_index WHERE d.classid = 'pg_class'::regclass AND indexrelid = d.objid)
    ORDER BY 1, 2
"""
"""What depends on columns, without the keys and indexes that go with them."""

RULES = """
    SELECT rulename, tablename FROM pg_rules r WHERE tablename = ANY (:tables)
    AND EXISTS (
        SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = r.schemaname AND c.relname = r.tablename AND pg_table_is_visible(c.oid)
    ) ORDER BY 1, 2
"""

TRIGGERS = {
    "postgresql": """
        SELECT t.tgname, c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE NOT t.tgisinternal AND pg_table_is_visible(c.oid) ORDER BY 1, 2
    """,
    "sqlite": "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger' ORDER BY 1, 2",
}


def refuse_dependents(old: OldDatabase) -> None:
    """Refuse objects of a site on tables and columns that the baseline lacks, and rules that replace statements.

    Raises:
        DependentObjectsError: There are some; the message names them.
    """
    refuse(f"{dependent} depends on {dropped}" for dependent, dropped in _dependents(old))


def refuse(found: Iterator[str]) -> None:
    """Refuse objects.

    Raises:
        DependentObjectsError: There are some; the message names them.
    """
    if names := list(found):
        more = f"; … ({len(names)} in all)" if len(names) > SHOWN else ""
        message = (
            "objects of another application are in the way of the conversion, so nothing was changed: "
            f"{'; '.join(names[:SHOWN])}{more}; drop them, and create them again afterwards"
        )
        raise DependentObjectsError(message)


def _dependents(old: OldDatabase) -> Iterator[tuple[str, str]]:
    tables = old.dropped_tables()
    yield from dependents(old.connection, set(tables))
    for trigger, table in old.execute(TRIGGERS[old.connection.dialect.name]):
        if table in tables:
            yield f"trigger {trigger}", f"table {table}"
    if old.connection.dialect.name == "postgresql":
        columns = [f"{table}.{column}" for table, column in old.dropped() if table not in tables]
        yield from map(tuple, old.execute(ON_COLUMNS, columns=columns))
        for rule, table in old.execute(RULES, tables=list(old.columns)):
            yield f"rule {rule}", f"table {table}"


def broken_on_sqlite(old: OldDatabase) -> set[str]:
    """Views that cannot be read, and tables whose triggers fail: SQLite looks at neither when a column goes."""
    run = old.connection.exec_driver_sql
    statements = {
        f"view {name}": [f"SELECT * FROM {_quoted(name)}"]
        for (name,) in run("SELECT name FROM sqlite_master WHERE type = 'view'").all()
    }
    for trigger, table in old.execute(TRIGGERS["sqlite"]).all():
        columns = run("SELECT name FROM pragma_table_info(?)", (table,)).scalars().all()
        assignments = ", ".join(f"{_quoted(column)} = {_quoted(column)}" for column in columns)
        statements[f"trigger {trigger} of {table}"] = [
            f"INSERT INTO {_quoted(table)} DEFAULT VALUES",
            f"UPDATE {_quoted(table)} SET {assignments}",
            f"DELETE FROM {_quoted(table)}",
        ]
    return {name for name in statements if not all(_compiles(old, sql) for sql in statements[name])}


def _compiles(old: OldDatabase, sql: str) -> bool:
    try:
        old.connection.exec_driver_sql(f"EXPLAIN {sql}").all()
    except OperationalError:
        return False
    return True


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

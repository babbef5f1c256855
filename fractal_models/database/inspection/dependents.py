"""Objects of other applications that depend on what a downgrade drops: foreign keys, views and the like."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from fractal_models.database.connection.errors import DependentObjectsError
from fractal_models.database.revisions.history import BASELINE
from fractal_models.database.revisions.operations.indexes import CreateIndexOnline
from fractal_models.database.revisions.operations.recorder import recorded
from fractal_models.tables import METADATA

if TYPE_CHECKING:
    from alembic.script import Script

SHOWN_DEPENDENTS = 5
"""Number of dependent objects in a message."""

POSTGRESQL = """
    WITH dropped AS (
        SELECT oid, reltype FROM pg_class WHERE relname = ANY (:names) AND pg_table_is_visible(oid)
    ), parts (class, object, owner) AS (
        SELECT 'pg_class'::regclass, oid, oid FROM dropped
        UNION SELECT 'pg_type'::regclass, reltype, oid FROM dropped
        UNION SELECT 'pg_class'::regclass, indexrelid, indrelid FROM pg_index JOIN dropped ON oid = indrelid
        UNION SELECT 'pg_class'::regclass, objid, oid FROM pg_depend JOIN dropped ON oid = refobjid
        WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass AND deptype IN ('a', 'i')
    )
    SELECT DISTINCT
        regexp_replace(pg_describe_object(classid, objid, objsubid), '^rule _RETURN on ', ''),
        pg_describe_object('pg_class'::regclass, owner, 0)
    FROM pg_depend JOIN parts ON refclassid = class AND refobjid = object
    WHERE deptype = 'n'
    AND NOT EXISTS (
        SELECT 1 FROM pg_constraint WHERE classid = 'pg_constraint'::regclass AND oid = objid
        AND conrelid IN (SELECT oid FROM dropped)
    )
    AND NOT EXISTS (
        SELECT 1 FROM pg_attrdef WHERE classid = 'pg_attrdef'::regclass AND oid = objid
        AND adrelid IN (SELECT oid FROM dropped)
    )
    ORDER BY 1, 2
"""
"""Dependent objects and what they depend on, in the words of PostgreSQL."""

SQLITE_KEYS = """
    SELECT child.name, parent."table" FROM sqlite_master AS child, pragma_foreign_key_list(child.name) AS parent
    WHERE child.type = 'table' GROUP BY child.name, parent.id ORDER BY child.name, parent.id
"""


def require_no_dependents(connection: Connection, downgrades: Iterable[Script]) -> None:
    """Refuse downgrades that drop an object on which objects of other applications depend.

    Raises:
        DependentObjectsError: There are some; the message names them.
    """
    if found := [
        f"{dependent} depends on {dropped}" for dependent, dropped in dependents(connection, _dropped(downgrades))
    ]:
        shown = "; ".join(found[:SHOWN_DEPENDENTS])
        more = f"; … ({len(found)} in all)" if len(found) > SHOWN_DEPENDENTS else ""
        message = f"other objects depend on what the downgrade drops, so nothing was changed: {shown}{more}; drop them"
        raise DependentObjectsError(message)


def dependents(connection: Connection, names: set[str]) -> Iterator[tuple[str, str]]:
    """Objects that depend on tables and indexes of these names, and what they depend on."""
    return (_on_postgresql if connection.dialect.name == "postgresql" else _on_sqlite)(connection, names)


def _dropped(downgrades: Iterable[Script]) -> set[str]:
    """Tables and indexes that downgrades drop."""
    names: set[str] = set()
    for script in downgrades:
        if script.revision == BASELINE:
            names.update(METADATA.tables)
        else:
            found = recorded(script).get(CreateIndexOnline, [])
            names.update(operation.name for operation in found if isinstance(operation, CreateIndexOnline))
    return names


def _on_postgresql(connection: Connection, names: set[str]) -> Iterator[tuple[str, str]]:
    yield from map(tuple, connection.execute(text(POSTGRESQL), {"names": list(names)}))


def _on_sqlite(connection: Connection, names: set[str]) -> Iterator[tuple[str, str]]:
    for child, parent in connection.execute(text(SQLITE_KEYS)):
        if parent.lower() in names and child not in names:
            yield f"foreign key of table {child}", f"table {parent.lower()}"
    pages = dict(map(tuple, connection.execute(text("SELECT rootpage, tbl_name FROM sqlite_master"))))
    for view in connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'view' ORDER BY name")).all():
        for table in sorted(names & {pages.get(page, "") for page in _pages_read(connection, view)}):
            yield f"view {view}", f"table {table}"


def _pages_read(connection: Connection, view: str) -> Iterator[int]:
    """Root pages of the tables and indexes that a view reads."""
    quoted = '"' + view.replace('"', '""') + '"'
    try:
        steps = connection.exec_driver_sql(f"EXPLAIN SELECT * FROM {quoted}").all()
    except DBAPIError:
        return  # The view is broken already.
    yield from (step.p2 for step in steps if step.opcode == "OpenRead")

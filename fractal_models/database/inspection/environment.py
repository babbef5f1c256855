"""What revisions need of their environment: a connection that writes, the rights of the role, and room on the disk.

`status`, `doctor` and `upgrade` ask here before anything is changed.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from fractal_models.database.connection.errors import DatabaseState, Status
from fractal_models.database.inspection.access import unwritable
from fractal_models.database.inspection.schema import expected_facts
from fractal_models.database.revisions.history import BASELINE, pending
from fractal_models.database.revisions.operations.indexes import CreateIndexOnline
from fractal_models.database.revisions.operations.recorder import altered_tables, recorded
from fractal_models.database.revisions.operations.sqlite_tables import schema_writes
from fractal_models.tables import METADATA

if TYPE_CHECKING:
    from alembic.script import Script

SHOWN_TABLES = 5
"""Number of tables in a message."""

FOREIGN_TABLES = """
    SELECT c.relname, pg_get_userbyid(c.relowner) AS owner, r.rolsuper
    FROM pg_class c LEFT JOIN pg_roles r ON r.oid = c.relowner
    WHERE c.relname = ANY (:names) AND c.relkind IN ('r', 'p') AND pg_table_is_visible(c.oid)
    AND NOT pg_has_role(c.relowner, 'USAGE') ORDER BY c.relname
"""
"""Tables whose owner the role neither is nor belongs to."""

CLOSED_SCHEMAS = """
    SELECT nspname FROM pg_namespace
    WHERE (nspname = current_schema() OR oid IN (
        SELECT relnamespace FROM pg_class WHERE relname = ANY (:names) AND relkind IN ('r', 'p')
        AND pg_table_is_visible(oid)
    )) AND NOT has_schema_privilege(oid, 'CREATE') ORDER BY nspname
"""

VERSION_TABLE = """
    SELECT has_table_privilege(oid, 'INSERT') AND has_table_privilege(oid, 'UPDATE')
    AND has_table_privilege(oid, 'DELETE')
    FROM pg_class WHERE relname = 'alembic_version' AND relkind = 'r' AND pg_table_is_visible(oid)
"""

INVALID_INDEXES = """
    SELECT i.relname FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
    WHERE NOT x.indisvalid AND i.relkind = 'i' AND t.relname = ANY (:names) AND pg_table_is_visible(i.oid)
    ORDER BY i.relname
"""

PAGE = 8192
"""Bytes of a page on PostgreSQL; the smallest index has two."""

SQLITE_ENTRY = 24
"""Bytes of an entry in an index on SQLite, roughly."""


def obstacles(connection: Connection, revisions: Sequence[Script]) -> list[Status]:
    """What keeps revisions from running, in either direction, each with its remedy; nothing is changed.

    Args:
        connection: To a database of either engine.
        revisions: Those that would run.
    """
    found = unwritable(connection)
    ask = _of_file if connection.dialect.name == "sqlite" else _of_role
    return [*([found] if found else []), *ask(connection, revisions)]


def require_environment(connection: Connection, revisions: Sequence[Script], report: Callable[[str], None]) -> None:
    """Refuse an environment in which revisions cannot run, or not safely; else report the room that they need.

    Raises:
        UnreachableError: The connection, the role or the disk does not allow it; the message says what does.
    """
    begins = not connection.in_transaction()
    try:
        if found := obstacles(connection, revisions):
            error = found[0].state.error
            assert error is not None
            raise error("; ".join(["nothing was changed", *(status.line for status in found)]), found[0])
        for note in room_note(connection, revisions):
            report(note)
    finally:
        if begins:
            connection.rollback()


def needed_room(connection: Connection, revisions: Iterable[Script]) -> int | None:
    """Bytes that the new indexes take at most, estimated from statistics; None if there are none or it is unknown."""
    wanted = [index for script in revisions if script.revision != BASELINE for index in _indexes(script)]
    estimate = _sqlite_bytes if connection.dialect.name == "sqlite" else _postgresql_bytes
    try:
        with connection.begin_nested():
            return sum(estimate(connection, index) for index in wanted if not _exists(connection, index)) or None
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        return None  # A table is missing, or not for this role.


def room_note(connection: Connection, revisions: Sequence[Script]) -> list[str]:
    """The room that revisions need, in a sentence."""
    needed = needed_room(connection, revisions)
    return [f"the new indexes need up to {in_words(needed)} of disk"] if needed else []


def invalid_indexes(connection: Connection, revision: str) -> Iterator[str]:
    """Indexes on PostgreSQL that are not used, since their creation was interrupted; a sentence each.

    Args:
        connection: To a database of either engine.
        revision: That of the database.
    """
    if connection.dialect.name != "postgresql":
        return
    quote = connection.dialect.identifier_preparer.quote
    for name in connection.scalars(text(INVALID_INDEXES), {"names": list(METADATA.tables)}).all():
        if name in {index.name for script in pending(revision) for index in _indexes(script)}:
            remedy = "the next upgrade does it again"
        elif any(key.endswith(f".{name}") for _, key in expected_facts(revision)):
            remedy = f"if it was interrupted, run REINDEX INDEX CONCURRENTLY {quote(name)};"
        else:
            remedy = f"if it was interrupted, run DROP INDEX CONCURRENTLY {quote(name)};"
        yield f"index {name} is invalid: its creation is going on or was interrupted; {remedy}"


def in_words(number: int) -> str:
    """Bytes in the unit that suits them."""
    for unit, size in (("GiB", 2**30), ("MiB", 2**20)):
        if number >= size:
            return f"{number / size:,.1f} {unit}"
    return f"{max(number, 1) / 2**10:,.0f} KiB"


def _of_role(connection: Connection, revisions: Sequence[Script]) -> Iterator[Status]:
    names = sorted({name for script in revisions if script.revision != BASELINE for name in altered_tables(script)})
    if not revisions:
        return
    quote = connection.dialect.identifier_preparer.quote
    role = str(connection.scalar(text("SELECT current_user")))
    owned: dict[tuple[str, bool], list[str]] = {}
    for table, owner, is_superuser in connection.execute(text(FOREIGN_TABLES), {"names": names}):
        owned.setdefault((owner, bool(is_superuser)), []).append(table)
    for (owner, is_superuser), tables in owned.items():
        shown = ", ".join(tables[:SHOWN_TABLES])
        shown += f", … ({len(tables)} in all)" if len(tables) > SHOWN_TABLES else ""
        # A member of a superuser may do everything.
        alter = [f"ALTER TABLE {quote(table)} OWNER TO {quote(role)};" for table in tables]
        statements = alter if is_superuser else [f"GRANT {quote(owner)} TO {quote(role)};"]
        yield DatabaseState.NO_PERMISSION.status(
            f"role {role} does not own {shown}, which the revisions alter; the owner is {owner}",
            f"use the URL of {owner}, or run as a superuser: {statements[0]}"
            + " and the same for each of these tables" * (len(statements) > 1),
            " ".join(statements),
        )
    for schema in connection.scalars(text(CLOSED_SCHEMAS), {"names": names}):
        grant = f"GRANT CREATE ON SCHEMA {quote(schema)} TO {quote(role)};"
        yield DatabaseState.NO_PERMISSION.status(
            f"role {role} may not create indexes and tables in schema {schema}",
            f"run as its owner: {grant}",
            grant,
        )
    if connection.scalar(text(VERSION_TABLE)) is False:
        grant = f"GRANT INSERT, UPDATE, DELETE ON alembic_version TO {quote(role)};"
        yield DatabaseState.NO_PERMISSION.status(
            f"role {role} may not write table alembic_version",
            f"run as its owner: {grant}",
            grant,
        )


def _of_file(connection: Connection, revisions: Sequence[Script]) -> Iterator[Status]:
    path = connection.exec_driver_sql("PRAGMA database_list").first()[2]  # type: ignore[index]
    if not path or not revisions:
        return
    # The new pages are written to a write-ahead log as well.
    needed = 2 * (needed_room(connection, revisions) or 0)
    with schema_writes(connection) as allowed:
        if not allowed:
            # Every table is copied, and the journal keeps the pages of before.
            needed += 2 * Path(path).stat().st_size
    free = shutil.disk_usage(Path(path).resolve().parent).free
    if free < needed:
        yield DatabaseState.DISK_FULL.status(
            f"the disk of {path} has {in_words(free)} free, and the upgrade needs up to {in_words(needed)}"
        )


def _indexes(script: Script) -> list[CreateIndexOnline]:
    found = recorded(script).get(CreateIndexOnline, [])
    return [operation for operation in found if isinstance(operation, CreateIndexOnline)]


def _exists(connection: Connection, index: CreateIndexOnline) -> bool:
    query = {
        "sqlite": "SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = :name",
        "postgresql": "SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(:name) AND indisvalid",
    }[connection.dialect.name]
    return connection.scalar(text(query), {"name": index.name}) is not None


def _postgresql_bytes(connection: Connection, index: CreateIndexOnline) -> int:
    """Rows and width of the entries by the planner, which knows expressions and conditions, too."""
    columns = ", ".join(map(str, index.columns))
    select = f"SELECT {columns} FROM {index.table} WHERE {index.where or 'true'}"
    found: Any = connection.scalar(text(f"EXPLAIN (FORMAT JSON) {select}"))
    plan = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
    # A pointer, a header, and the aligned key; pages are filled to 90 %.
    entry = 4 + 8 + (plan["Plan Width"] + 7) // 8 * 8
    return int(plan["Plan Rows"] * entry / 0.9) + 2 * PAGE


def _sqlite_bytes(connection: Connection, index: CreateIndexOnline) -> int:
    """Entries by the highest key, which is quickly found; no index is larger than the file."""
    if index.where is not None:
        return 0
    rows = connection.scalar(text(f"SELECT max(rowid) FROM {index.table}")) or 0
    pages, page = connection.execute(
        text("SELECT page_count, page_size FROM pragma_page_count, pragma_page_size")
    ).one()
    return int(min(rows * SQLITE_ENTRY, pages * page) + page)

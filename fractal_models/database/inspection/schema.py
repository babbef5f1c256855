"""Where the schema of a database is not what its revision says.

What it should be is read from a database that our own revisions build, in memory, up to the same revision. So one
description serves both engines, and it is that of the structure: what differs only in how an engine writes it is
brought to one form first.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from itertools import chain
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Inspector, StaticPool, inspect, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

from fractal_models.base import Base
from fractal_models.database.connection.engine import allow_schema_writes
from fractal_models.database.revisions.history import pending, scripts
from fractal_models.database.revisions.releases import ADOPTED_REVISION

Facts = dict[tuple[str, str], set[str]]
"""What there is, by table and by name: `{("project", "column project.name"): {"varchar, not null"}}`.

The name of a table itself is empty. Several keys may be over the same columns.
"""

UNREFLECTED = "Skipped unsupported reflection of expression-based index"

FAMILIES: tuple[tuple[type[TypeEngine[Any]], str], ...] = (
    (sa.JSON, "json"),
    (sa.Text, "text"),
    (sa.String, "varchar"),
    (sa.Boolean, "boolean"),
    (sa.BigInteger, "bigint"),
    (sa.SmallInteger, "smallint"),
    (sa.Integer, "integer"),
    (sa.DateTime, "timestamp"),
)


def differences(connection: Connection, revision: str) -> Iterator[str]:
    """Say what is missing, or not as it should be; what there is besides is nobody's fault.

    Nor is what the next revision would change: an upgrade that was cut short may have left that, and the next one
    goes on from there.
    """
    expected = expected_facts(revision)
    coming = [expected_facts(script.revision) for script in pending(revision)[:1]]
    found = read_facts(connection, names=revision != ADOPTED_REVISION)
    for (table, name), facts in expected.items():
        there = found.get((table, name), set())
        allowed = facts.union(*(later.get((table, name), set()) for later in coming))
        if (table, "") not in found:
            if name == "":
                yield f"table {table} is missing"
        elif not there:
            yield f"{name} is missing"
        elif not allowed & there and not _tolerated(revision, name, there):
            yield f"{name} is {' and '.join(sorted(there))}, not {' and '.join(facts)}"


def _tolerated(revision: str, name: str, found: set[str]) -> bool:
    """One default was never added to databases that early releases of fractal-server created."""
    return (revision, name, found) == (
        ADOPTED_REVISION,
        "column taskgroupv2.timestamp_last_used",
        {"timestamp, not null"},
    )


def is_half_way_down(connection: Connection, revision: str) -> bool:
    """Tell whether a downgrade from a revision was cut short: what differs from it is as it was below."""
    below = scripts().get_revision(revision).down_revision
    if not isinstance(below, str) or not any(differences(connection, revision)):
        return False
    return not any(differences(connection, below))


@cache
def expected_facts(revision: str) -> Facts:
    """Read what our revisions build."""
    # Not by a command of Alembic: that can have only one at a time, and this may be wanted within another one.
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext

    from fractal_models.database.revisions import operations  # noqa: F401 (registers them)

    engine = sa.create_engine("sqlite://", poolclass=StaticPool)
    try:
        with engine.connect() as connection:
            allow_schema_writes(connection)
            with Operations.context(MigrationContext.configure(connection)):
                for script in reversed(list(scripts().iterate_revisions(revision, "base"))):
                    script.module.upgrade()
            return read_facts(connection, names=revision != ADOPTED_REVISION)
    finally:
        engine.dispose()


def read_facts(connection: Connection, *, names: bool) -> Facts:
    """Describe our tables.

    Args:
        connection: To a database of either engine.
        names: Whether keys are told by their names too. At the baseline two families of names are in use.
    """
    inspector = inspect(connection)
    reservations = _reservations(connection)
    facts: Facts = {}
    for table in sorted(set(inspector.get_table_names()) & set(Base.metadata.tables)):
        facts[table, ""] = {"there"}
        for name, fact in chain(_columns(inspector, table), _keys(inspector, table, names, reservations)):
            facts.setdefault((table, name), set()).add(fact)
    for table, name, fact in _indexes(connection):
        facts[table, name] = {fact}
    return facts


def _columns(inspector: Inspector, table: str) -> Iterator[tuple[str, str]]:
    for column in inspector.get_columns(table):
        name = f"{table}.{column['name']}"
        fact = f"{_type_name(column['type'])}, {'null' if column['nullable'] else 'not null'}"
        default = column["default"] or ""
        if column["name"] == "id":
            counts = inspector.dialect.name == "sqlite" or "nextval" in default or column.get("identity")
            fact += "" if counts else ", not counted up"
        elif default:
            written = default.split("::")[0].strip("'")
            fact += f", default {_in_utc(written) if isinstance(column['type'], sa.DateTime) else written}"
        yield f"column {name}", fact


def _in_utc(moment: str) -> str:
    """PostgreSQL writes a moment in the time zone of the session."""
    try:
        return str(datetime.fromisoformat(moment).astimezone(UTC))
    except ValueError:
        return moment


def _type_name(type_: TypeEngine[Any]) -> str:
    written = type_.compile().lower() if type(type_).__name__ != "JSONB" else "jsonb"
    family = next((name for family, name in FAMILIES if isinstance(type_, family)), written)
    if isinstance(type_, sa.String) and type_.length is not None:
        return written
    if isinstance(type_, postgresql.TIMESTAMP) and not type_.timezone:
        return "timestamp without time zone"
    return "jsonb" if written == "jsonb" else family


RESERVATIONS = """
    SELECT t.relname, c.conname, c.convalidated, c.condeferrable
    FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
    WHERE pg_table_is_visible(t.oid) AND (c.condeferrable OR NOT c.convalidated)
"""


def _reservations(connection: Connection) -> dict[tuple[str, str], str]:
    """With which constraints, by table and name, it is not as with all others: new rows alone, or at a later time."""
    if connection.dialect.name != "postgresql":
        return {}
    return {
        (table, name): ("" if valid else ", but not validated") + (", but deferrable" if deferrable else "")
        for table, name, valid, deferrable in connection.execute(text(RESERVATIONS))
    }


def _keys(
    inspector: Inspector, table: str, names: bool, reservations: dict[tuple[str, str], str]
) -> Iterator[tuple[str, str]]:
    def key(kind: str, columns: list[str], detail: str, name: Any) -> tuple[str, str]:
        called = f", named {name}" if names else ""
        return f"{kind} {table}({', '.join(columns)})", f"{detail}{called}{reservations.get((table, name), '')}"

    primary = inspector.get_pk_constraint(table)
    yield key("primary key", sorted(primary["constrained_columns"]), "there", primary["name"])
    for foreign in inspector.get_foreign_keys(table):
        target = f"{foreign['referred_table']}({', '.join(foreign['referred_columns'])})"
        on_delete = (foreign.get("options") or {}).get("ondelete") or "NO ACTION"
        yield key("foreign key", foreign["constrained_columns"], f"to {target}, on delete {on_delete}", foreign["name"])
    for unique in _unique_constraints(inspector, table):
        yield key("unique constraint", unique["column_names"], "there", unique["name"])
    for check in inspector.get_check_constraints(table):
        reservation = reservations.get((table, str(check["name"])), "")
        yield f"check {table}.{check['name']}", f"{_condition(check['sqltext'])}{reservation}"


def _unique_constraints(inspector: Inspector, table: str) -> list[Any]:
    """Read them without the warning that on SQLite an index over an expression is not one of them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", UNREFLECTED, sa.exc.SAWarning)
        return list(inspector.get_unique_constraints(table))


INDEXES = {
    "sqlite": """
        SELECT tbl_name, name, sql, 1 FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL
    """,
    "postgresql": """
        SELECT t.relname, i.relname, pg_get_indexdef(i.oid), x.indisvalid
        FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
        WHERE pg_table_is_visible(t.oid)
        AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.oid AND c.contype IN ('p', 'u'))
    """,
}


def _indexes(connection: Connection) -> Iterator[tuple[str, str, str]]:
    """Read indexes as statements: reflection leaves those over expressions out on SQLite."""
    for table, name, definition, valid in connection.execute(text(INDEXES[connection.dialect.name])):
        if table not in Base.metadata.tables:
            continue
        unique = "unique " if definition.upper().startswith("CREATE UNIQUE") else ""
        method = re.search(r"\bUSING (?!btree)\w+", definition)
        unusual = f", {method[0].lower()}" if method else ""
        broken = "" if valid else ", but invalid"
        yield table, f"index {table}.{name}", f"{unique}over {_parts(definition)}{unusual}{broken}"


def _parts(definition: str) -> str:
    """The columns and expressions of an index, and which rows it has, without quotes and casts."""
    body, *predicate = re.split(r"\bWHERE\b", definition, maxsplit=1, flags=re.IGNORECASE)
    columns = re.sub(r"\(\((\w+)\)\)", r"(\1)", _plain(body[body.index("(") :]))
    return " where ".join([columns, *map(_condition, predicate)])


def _condition(sql: str) -> str:
    """A condition in one form: PostgreSQL writes `IN` as `= ANY (ARRAY[…])`, and parentheses around everything."""
    return re.sub(r"= ANY ARRAY\[(.*?)\](\[\])?", r"IN \1", re.sub(r"[()]", "", _plain(sql)))


def _plain(sql: str) -> str:
    return " ".join(re.sub(r"::(character varying|[a-z]+)|[\"`]", "", sql).split())

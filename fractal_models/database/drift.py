"""Where the schema of a database is not what its revision says.

What it should be is read from a database that our own revisions build, in memory, up to the same revision. So one
description serves both engines, and it is that of the structure: what differs only in how an engine writes it is
brought to one form first.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from functools import cache
from itertools import chain
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Inspector, StaticPool, inspect, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

from fractal_models.base import Base
from fractal_models.database.migrations import alembic_config, pending
from fractal_models.database.releases import ADOPTED_REVISION

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


@cache
def expected_facts(revision: str) -> Facts:
    """Read what our revisions build."""
    from alembic import command

    engine = sa.create_engine("sqlite://", poolclass=StaticPool)
    config = alembic_config("sqlite://")
    config.attributes["connection"] = engine
    config.attributes["report"] = lambda _line: None
    command.upgrade(config, revision)
    with engine.connect() as connection:
        return read_facts(connection, names=revision != ADOPTED_REVISION)


def read_facts(connection: Connection, *, names: bool) -> Facts:
    """Describe our tables.

    Args:
        connection: To a database of either engine.
        names: Whether keys are told by their names too. At the baseline two families of names are in use.
    """
    inspector = inspect(connection)
    facts: Facts = {}
    for table in sorted(set(inspector.get_table_names()) & set(Base.metadata.tables)):
        facts[table, ""] = {"there"}
        for name, fact in chain(_columns(inspector, table), _keys(inspector, table, names)):
            facts.setdefault((table, name), set()).add(fact)
    for table, name, fact in _indexes(connection):
        facts[table, name] = {fact}
    return facts


def _columns(inspector: Inspector, table: str) -> Iterator[tuple[str, str]]:
    for column in inspector.get_columns(table):
        name = f"{table}.{column['name']}"
        fact = f"{_type_name(column['type'])}, {'null' if column['nullable'] else 'not null'}"
        default = column["default"]
        if default is not None and "nextval" not in default:
            # PostgreSQL writes a moment in the time zone of the session.
            shown = "a moment" if isinstance(column["type"], sa.DateTime) else default.split("::")[0].strip("'")
            fact += f", default {shown}"
        yield f"column {name}", fact


def _type_name(type_: TypeEngine[Any]) -> str:
    written = type_.compile().lower() if type(type_).__name__ != "JSONB" else "jsonb"
    family = next((name for family, name in FAMILIES if isinstance(type_, family)), written)
    if isinstance(type_, sa.String) and type_.length is not None:
        return written
    if isinstance(type_, postgresql.TIMESTAMP) and not type_.timezone:
        return "timestamp without time zone"
    return "jsonb" if written == "jsonb" else family


def _keys(inspector: Inspector, table: str, names: bool) -> Iterator[tuple[str, str]]:
    def key(kind: str, columns: list[str], detail: str, name: Any) -> tuple[str, str]:
        called = f", named {name}" if names else ""
        return f"{kind} {table}({', '.join(columns)})", f"{detail}{called}"

    primary = inspector.get_pk_constraint(table)
    yield key("primary key", sorted(primary["constrained_columns"]), "there", primary["name"])
    for foreign in inspector.get_foreign_keys(table):
        target = f"{foreign['referred_table']}({', '.join(foreign['referred_columns'])})"
        on_delete = (foreign.get("options") or {}).get("ondelete") or "NO ACTION"
        yield key("foreign key", foreign["constrained_columns"], f"to {target}, on delete {on_delete}", foreign["name"])
    for unique in _unique_constraints(inspector, table):
        yield key("unique constraint", unique["column_names"], "there", unique["name"])
    for check in inspector.get_check_constraints(table):
        unproven = (check.get("dialect_options") or {}).get("not_valid")
        yield f"check {table}.{check['name']}", "there" + (", but not validated" if unproven else "")


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
        WHERE t.relnamespace = current_schema()::regnamespace
        AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.oid AND c.contype IN ('p', 'u'))
    """,
}


def _indexes(connection: Connection) -> Iterator[tuple[str, str, str]]:
    """Read indexes as statements: reflection leaves those over expressions out on SQLite."""
    for table, name, definition, valid in connection.execute(text(INDEXES[connection.dialect.name])):
        if table not in Base.metadata.tables:
            continue
        unique = "unique " if definition.upper().startswith("CREATE UNIQUE") else ""
        broken = "" if valid else ", but invalid"
        yield table, f"index {table}.{name}", f"{unique}over {_parts(definition)}{broken}"


def _parts(definition: str) -> str:
    """The columns and expressions of an index, and which rows it has, without quotes and casts."""
    body, *predicate = re.split(r"\bWHERE\b", definition, maxsplit=1, flags=re.IGNORECASE)
    columns = re.sub(r"\(\((\w+)\)\)", r"(\1)", _plain(body[body.index("(") :]))
    return " where ".join([columns, *(re.sub(r"[()]", "", _plain(part)) for part in predicate)])


def _plain(sql: str) -> str:
    return " ".join(re.sub(r"::(character varying|[a-z]+)|[\"`]", "", sql).split())

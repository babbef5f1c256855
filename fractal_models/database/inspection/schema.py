"""Differences between the schema of a database and its revision.

The expected schema is read from an in-memory SQLite database that the revisions build. It serves both engines, since
`normalize` gives them one form.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Inspector, StaticPool, inspect, text

from fractal_models.database.inspection import normalize
from fractal_models.database.revisions.history import BASELINE, pending, scripts
from fractal_models.tables import METADATA

Facts = dict[tuple[str, str], set[str]]
"""Facts by table and object: `{("project", "column project.name"): {"varchar, not null"}}`.

The object of a table itself is "". Several keys may be over the same columns.
"""

SKIPPED_EXPRESSION_INDEX = "Skipped unsupported reflection of expression-based index"
"""SQLAlchemy's warning for indexes on SQLite that `_indexes` reads itself."""


def differences(connection: Connection, revision: str) -> Iterator[str]:
    """List what is missing or different; objects beside those of the revision do not count.

    Parts of the next revision do not count either: an interrupted upgrade or downgrade leaves them, and the next run
    goes on from there.
    """
    expected = expected_facts(revision)
    coming = [expected_facts(script.revision) for script in pending(revision)[:1]]
    found = read_facts(connection, names=revision != BASELINE)
    for (table, name), facts in expected.items():
        if (table, "") not in found:
            if name == "":
                yield f"table {table} is missing"
            continue
        present = found.get((table, name), set())
        allowed = facts.union(*(later.get((table, name), set()) for later in coming))
        if not present:
            yield f"{name} is missing"
        elif not allowed & present and not _is_tolerated(revision, name, present):
            yield f"{name} is {' and '.join(sorted(present))}, not {' and '.join(facts)}"


def _is_tolerated(revision: str, name: str, facts: set[str]) -> bool:
    """Databases that early releases of fractal-server created lack one default."""
    return (revision, name, facts) == (
        BASELINE,
        "column taskgroupv2.timestamp_last_used",
        {"timestamp, not null"},
    )


@cache
def expected_facts(revision: str) -> Facts:
    """Read the schema that the revisions build."""
    # Alembic runs one command at a time, and this may be called within one.
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext

    from fractal_models.database.revisions import operations  # noqa: F401 (registers them)

    engine = sa.create_engine("sqlite://", poolclass=StaticPool)
    try:
        with engine.connect() as connection:
            with Operations.context(MigrationContext.configure(connection)):
                for script in reversed(list(scripts().iterate_revisions(revision, "base"))):
                    script.module.upgrade()
            return read_facts(connection, names=revision != BASELINE)
    finally:
        engine.dispose()


def read_facts(connection: Connection, *, names: bool) -> Facts:
    """Describe the tables of Fractal.

    Args:
        connection: To a database of either engine.
        names: Whether the names of keys count. At the baseline, two families of names are in use.
    """
    inspector = inspect(connection)
    tables = sorted(METADATA.tables.keys() & set(inspector.get_table_names()))
    keys = _Keys(inspector, tables, names, _unusual_constraints(connection))
    facts: Facts = {(table, ""): {"there"} for table in tables}
    for table, name, fact in chain(_columns(inspector, tables), keys.primary(), keys.foreign(), keys.others()):
        facts.setdefault((table, name), set()).add(fact)
    for table, name, fact in _indexes(connection):
        facts[table, name] = {fact}
    return facts


Reflected = Mapping[tuple[str | None, str], Any]
"""What SQLAlchemy reads of all tables at once, by schema and table."""


def _each(reflected: Reflected) -> Iterator[tuple[str, Any]]:
    """The objects of all tables, each with its table."""
    for (_, table), objects in reflected.items():
        for each in objects or ():
            yield table, each


def _columns(inspector: Inspector, tables: list[str]) -> Iterator[tuple[str, str, str]]:
    for table, column in _each(inspector.get_multi_columns(filter_names=tables)):
        type_, default = column["type"], column["default"] or ""
        fact = f"{normalize.type_name(type_)}, {'null' if column['nullable'] else 'not null'}"
        if column["name"] == "id":
            generated = inspector.dialect.name == "sqlite" or "nextval" in default or column.get("identity")
            fact += "" if generated else ", not generated"
        elif default:
            fact += f", default {normalize.default_value(default, type_)}"
        yield table, f"column {table}.{column['name']}", fact


UNUSUAL_CONSTRAINTS = """
    SELECT t.relname, c.conname, c.convalidated, c.condeferrable
    FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
    WHERE pg_table_is_visible(t.oid) AND (c.condeferrable OR NOT c.convalidated)
"""


def _unusual_constraints(connection: Connection) -> dict[tuple[str, str], str]:
    """Constraints that are NOT VALID or DEFERRABLE, by table and name."""
    if connection.dialect.name != "postgresql":
        return {}
    return {
        (table, name): ("" if valid else ", but not validated") + (", but deferrable" if deferrable else "")
        for table, name, valid, deferrable in connection.execute(text(UNUSUAL_CONSTRAINTS))
    }


@dataclass(frozen=True)
class _Keys:
    """Keys and checks of tables."""

    inspector: Inspector
    tables: list[str]
    names: bool
    unusual: dict[tuple[str, str], str] = field(default_factory=dict)

    def primary(self) -> Iterator[tuple[str, str, str]]:
        for (_, table), key in self.inspector.get_multi_pk_constraint(filter_names=self.tables).items():
            columns = ", ".join(sorted(key["constrained_columns"])) if key else ""
            yield table, f"primary key {table}({columns})", self._fact(table, key and key["name"], "there")

    def foreign(self) -> Iterator[tuple[str, str, str]]:
        for table, key in _each(self.inspector.get_multi_foreign_keys(filter_names=self.tables)):
            target = f"{key['referred_table']}({', '.join(key['referred_columns'])})"
            on_delete = (key.get("options") or {}).get("ondelete") or "NO ACTION"
            fact = self._fact(table, key["name"], f"to {target}, on delete {on_delete}")
            yield table, f"foreign key {table}({', '.join(key['constrained_columns'])})", fact

    def others(self) -> Iterator[tuple[str, str, str]]:
        """Unique constraints and checks."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", SKIPPED_EXPRESSION_INDEX, sa.exc.SAWarning)
            unique_constraints = self.inspector.get_multi_unique_constraints(filter_names=self.tables)
        for table, unique in _each(unique_constraints):
            fact = self._fact(table, unique["name"], "there")
            yield table, f"unique constraint {table}({', '.join(unique['column_names'])})", fact
        for table, check in _each(self.inspector.get_multi_check_constraints(filter_names=self.tables)):
            unusual = self.unusual.get((table, str(check["name"])), "")
            yield table, f"check {table}.{check['name']}", f"{normalize.condition(check['sqltext'])}{unusual}"

    def _fact(self, table: str, name: Any, detail: str) -> str:
        named = f", named {name}" if self.names else ""
        return f"{detail}{named}{self.unusual.get((table, name), '')}"


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
    """Read indexes as statements, since SQLAlchemy does not reflect expressions on SQLite."""
    for table, name, statement, valid in connection.execute(text(INDEXES[connection.dialect.name])):
        if table in METADATA.tables:
            invalid = "" if valid else ", but invalid"
            yield table, f"index {table}.{name}", f"{normalize.index_definition(statement)}{invalid}"

"""Data dictionary: every table and column as the two engines have it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import CheckConstraint, Column, Table, UniqueConstraint, make_url, select
from sqlalchemy.schema import DefaultClause

from fractal_models.base import Base
from fractal_models.database import create_engine, sessionmaker
from fractal_models.database.revisions.history import server_releases
from fractal_models.database.revisions.older_schemas import older_revisions, spans
from fractal_models.models import TABLES
from fractal_models.provenance import PLACEHOLDERS
from fractal_models.tables import METADATA
from fractal_models.testing import seed
from fractal_models.testing.databases import migrate
from pages.facts import column_type, entry, meanings, model_of, reference, table_of
from pages.markdown import block, code, codes, items, page, table

LONGEST_LIST = 2
"""Entries of a list that an example shows."""

LONGEST_TEXT = 60
"""Characters of a text that an example shows."""

FIRST_RELEASE = "1.3.0"

DELETION = {
    "CASCADE": "deletes its rows here",
    "SET NULL": "sets it to null",
    None: "is refused while rows here refer to it",
}
"""What deleting the parent does, by ON DELETE rule."""


def pages() -> Iterator[tuple[str, str]]:
    """File names and texts."""
    tables = sorted(METADATA.tables.values(), key=lambda found: found.name)
    overview = table(
        ("table", "class", "deleted with", "deleting a row"),
        [(f"[`{found.name}`](#{found.name})", entry(found.name), _owners(found), _effects(found)) for found in tables],
    )
    yield (
        "reference/dictionary.md",
        page(
            "Data dictionary",
            "Every table at head, on PostgreSQL and on SQLite. JSON examples are from the demo site of "
            "`fractal-models seed`; `…` stands for what was cut. `since` is "
            f"the release of fractal-server that added a column after {FIRST_RELEASE}.",
            overview,
            *(part for found in tables for part in _entry(found)),
        ),
    )


def _owners(found: Table) -> str:
    return codes(sorted({key.column.table.name for key in found.foreign_keys if key.ondelete == "CASCADE"}))


def _referring(found: Table) -> Iterator[tuple[Table, Column[Any], str | None]]:
    for other in METADATA.sorted_tables:
        for key in other.foreign_keys:
            if key.column.table is found:
                yield other, key.parent, key.ondelete


def _effects(found: Table) -> str:
    """What the deletion of a row does to other tables."""
    effects: dict[str | None, list[str]] = {}
    for other, column, rule in _referring(found):
        effects.setdefault(rule, []).append(f"{other.name}.{column.name}" if rule == "SET NULL" else other.name)
    words = {"CASCADE": "deletes", "SET NULL": "sets to null", None: "is refused by"}
    return "; ".join(f"{words[rule]} {codes(sorted(set(names)))}" for rule, names in sorted(effects.items(), key=str))


def _entry(found: Table) -> Iterator[str]:
    model = model_of(found.name)
    yield f"## {found.name} {{ #{found.name} }}\n\nClass {entry(found.name)}.\n"
    yield table(
        ("column", "PostgreSQL", "SQLite", "null", "default", "since", "refers to"),
        [
            (
                code(column.name),
                column_type(column, "postgresql"),
                column_type(column, "sqlite"),
                "yes" if column.nullable else "",
                _default(column),
                _since(found.name, column.name),
                _parent(found, column),
            )
            for column in found.columns
        ],
    )
    if rules := list(_rules(found)):
        yield items(rules)
    if unknown := [column for column in found.columns.keys() if _placeholder(column) is not None]:  # noqa: SIM118
        yield items(f"{code(name)}: {code(_placeholder(name))} stands for what is not known" for name in unknown)
    yield from _examples(model, found)


def _since(table_name: str, column: str) -> str:
    """First release of fractal-server that has a column; empty for those that 1.3.0 has."""
    first = older_revisions()[spans()[table_name, column][0]]
    release = server_releases()[first].first
    return "" if release == FIRST_RELEASE else release


def _placeholder(column: str) -> str | None:
    """Placeholder of a column, as text."""
    value = PLACEHOLDERS.get(column)
    return f"{value:%Y-%m-%d} 00:00 UTC" if isinstance(value, datetime) else value if value is None else str(value)


def _default(column: Column[Any]) -> str:
    if (column.primary_key and column.autoincrement is True) or column.name == "id":
        return "next number"
    if isinstance(column.server_default, DefaultClause):
        return code(getattr(column.server_default.arg, "text", column.server_default.arg))
    return ""


def _parent(found: Table, column: Column[Any]) -> str:
    target = reference(found, column.name)
    if target is None:
        return ""
    rule = next(iter(column.foreign_keys)).ondelete
    name = target.partition(".")[0]
    return f"[`{target}`](#{name}); its deletion {DELETION[rule]}"


def _rules(found: Table) -> Iterator[str]:
    """Keys, indexes and checks, each as an item."""
    yield f"Primary key: {codes(column.name for column in found.primary_key.columns)}"
    for constraint in sorted(found.constraints, key=lambda constraint: str(constraint.name)):
        if isinstance(constraint, UniqueConstraint):
            yield f"Unique: {codes(column.name for column in constraint.columns)} ({code(constraint.name)})"
        elif isinstance(constraint, CheckConstraint):
            yield f"Check: {code(constraint.sqltext)} ({code(constraint.name)})"
    for index in sorted(found.indexes, key=lambda index: str(index.name)):
        kind = "Unique index" if index.unique else "Index"
        where = index.dialect_options["postgresql"]["where"]
        condition = f" where {code(where)}" if where is not None else ""
        columns = codes(getattr(expression, "name", expression) for expression in index.expressions)
        yield f"{kind}: {columns}{condition} ({code(index.name)})"


@cache
def _rows() -> dict[str, dict[str, Any]]:
    """A value of each JSON column that is neither null nor empty, from the demo site."""
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        url = make_url(f"sqlite:///{Path(folder) / 'demo.db'}")
        migrate(url)
        engine = create_engine(url)
        with sessionmaker(engine)() as session:
            seed(session, 3)
            for model in TABLES:
                rows = session.execute(select(table_of(model)).order_by(*table_of(model).primary_key)).mappings().all()
                found[str(model.__tablename__)] = {
                    name: next((row[name] for row in rows if row[name]), None)
                    for name in table_of(model).columns.keys()  # noqa: SIM118 (columns, otherwise)
                }
        engine.dispose()
    return found


def _examples(model: type[Base], found: Table) -> Iterator[str]:
    """Meaning and an example of each JSON column."""
    texts = meanings(model)
    for column in found.columns:
        if column_type(column, "postgresql") != "json":
            continue
        value = _rows()[found.name][column.name]
        yield f"**`{column.name}`** {texts.get(column.name, '')}\n"
        if value is not None:
            yield block(json.dumps(_shortened(value), indent=2, ensure_ascii=False), "json")


def _shortened(value: Any) -> Any:
    """Value with long lists and texts cut."""
    if isinstance(value, dict):
        return {key: _shortened(entry) for key, entry in value.items()}
    if isinstance(value, list):
        more = ["…"] if len(value) > LONGEST_LIST else []
        return [_shortened(entry) for entry in value[:LONGEST_LIST]] + more
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return value[:LONGEST_TEXT] + "…"
    return value

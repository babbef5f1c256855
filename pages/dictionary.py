"""Data dictionary: every table and column as the two engines have it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    make_url,
    select,
)
from sqlalchemy.schema import ColumnCollectionConstraint, DefaultClause

from fractal_models.database import create_engine, sessionmaker
from fractal_models.database.revisions.history import BASELINE, pending, server_releases
from fractal_models.database.revisions.older_schemas import older_revisions, spans
from fractal_models.database.revisions.operations.recorder import recorded
from fractal_models.models import TABLES
from fractal_models.provenance import PLACEHOLDERS
from fractal_models.tables import METADATA
from fractal_models.testing import seed
from fractal_models.testing.databases import migrate
from pages.facts import column_type, entry, meanings, model_of, references_to, table_of
from pages.markdown import block, code, codes, example, page, table

FIRST_RELEASE = "1.3.0"

INTRODUCTION = f"""\
Every table at head, on PostgreSQL and on SQLite.

- Columns are not null, unless their type says so. *since* is the release of fractal-server that added a column after
  {FIRST_RELEASE}.
- *revision* is the one that added a key, an index or a check, or gave a key its ON DELETE rule, after the first one,
  [`{BASELINE}`](migrations.md#{BASELINE}).
- Examples of JSON open with a click. They are from the demo site of `fractal-models seed`; `…` stands for what was cut.
"""

LONGEST_LIST = 2
"""Entries of a list that an example shows."""

LONGEST_TEXT = 60
"""Characters of a text that an example shows."""

CONSTRAINTS: dict[type[ColumnCollectionConstraint], str] = {
    PrimaryKeyConstraint: "primary key",
    ForeignKeyConstraint: "foreign key",
    UniqueConstraint: "unique",
    CheckConstraint: "check",
}
"""Names of constraints, in the order of the dictionary."""


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
            INTRODUCTION,
            overview,
            *(part for found in tables for part in _entry(found)),
        ),
    )


def _owners(found: Table) -> str:
    return codes(sorted({key.column.table.name for key in found.foreign_keys if key.ondelete == "CASCADE"}))


def _effects(found: Table) -> str:
    """What the deletion of a row does to other tables."""
    effects: dict[str | None, list[str]] = {}
    for key in references_to(found):
        name = key.parent.table.name
        effects.setdefault(key.ondelete, []).append(f"{name}.{key.parent.name}" if key.ondelete == "SET NULL" else name)
    words = {"CASCADE": "deletes", "SET NULL": "sets to null", None: "is refused by"}
    return "; ".join(f"{words[rule]} {codes(sorted(set(names)))}" for rule, names in sorted(effects.items(), key=str))


def _entry(found: Table) -> Iterator[str]:
    model = model_of(found.name)
    texts = meanings(model)
    yield f"## {found.name} {{ #{found.name} }}\n\nClass {entry(found.name)}.\n"
    yield table(
        ("column", "type", "meaning", "default, since"),
        [
            (
                code(column.name),
                _type(column),
                texts.get(column.name, ""),
                "; ".join(_details(found, column)),
            )
            for column in found.columns
        ],
    )
    yield table(("rule", "on", "name", "revision"), _rules(found))
    yield from _examples(found)


def _details(found: Table, column: Column[Any]) -> Iterator[str]:
    """Default, placeholder, and the release that added a column."""
    if (column.primary_key and column.autoincrement is True) or column.name == "id":
        yield "default: next number"
    elif isinstance(column.server_default, DefaultClause):
        yield f"default {code(getattr(column.server_default.arg, 'text', column.server_default.arg))}"
    first = min(spans()[found.name, other.name][0] for other in found.columns)
    if (placeholder := _placeholder(column.name)) and spans()[found.name, column.name][0] > first:
        yield f"{code(placeholder)} if not recorded"
    if since := _since(found.name, column.name):
        yield f"since {since}"


def _since(table_name: str, column: str) -> str:
    """First release of fractal-server that has a column; empty for those that 1.3.0 has."""
    first = older_revisions()[spans()[table_name, column][0]]
    release = server_releases()[first].first
    return "" if release == FIRST_RELEASE else release


def _placeholder(column: str) -> str | None:
    """Placeholder of a column, as text."""
    value = PLACEHOLDERS.get(column)
    return f"{value:%Y-%m-%d} 00:00 UTC" if isinstance(value, datetime) else value if value is None else str(value)


def _type(column: Column[Any]) -> str:
    """Type on PostgreSQL, that on SQLite where it is another one, and whether it can be null."""
    types = [column_type(column, engine) for engine in ("postgresql", "sqlite")]
    name = types[0] if types[0] == types[1] else f"{types[0]} (SQLite: {types[1]})"
    return f"{name}, null" if column.nullable else name


@cache
def _revisions() -> dict[tuple[str, str], str]:
    """Revisions that added or changed an index, a check or a foreign key, by table and name."""
    return {
        (operation.table, str(vars(operation)["name"])): script.revision
        for script in pending(None)
        for operations in recorded(script).values()
        for operation in operations
        if "name" in vars(operation)
    }


def _revision(found: Table, name: object) -> str:
    """Revision that added or changed an index or a constraint; empty for the first one."""
    revision = _revisions().get((found.name, str(name)))
    return f"[`{revision}`](migrations.md#{revision})" if revision else ""


def _rules(found: Table) -> Iterator[tuple[str, str, str, str]]:
    """Keys, checks and indexes: kind, what it is on, name, revision."""
    kinds = list(CONSTRAINTS)
    constraints = [each for each in found.constraints if isinstance(each, ColumnCollectionConstraint)]
    for constraint in sorted(constraints, key=lambda each: (kinds.index(type(each)), str(each.name))):
        kind, columns = CONSTRAINTS[type(constraint)], [column.name for column in constraint.columns]
        if isinstance(constraint, CheckConstraint):
            on = code(constraint.sqltext)
        elif isinstance(constraint, ForeignKeyConstraint):
            (key,) = constraint.elements
            rule = constraint.ondelete or "NO ACTION"
            on = f"{codes(columns)} to [`{key.target_fullname}`](#{key.column.table.name}), ON DELETE {rule}"
        else:
            on = codes(columns)
        yield kind, on, code(constraint.name), _revision(found, constraint.name)
    for index in sorted(found.indexes, key=lambda index: str(index.name)):
        where = index.dialect_options["postgresql"]["where"]
        condition = f" where {code(where)}" if where is not None else ""
        columns = [str(getattr(expression, "name", expression)) for expression in index.expressions]
        kind = "unique index" if index.unique else "index"
        yield kind, f"{codes(columns)}{condition}", code(index.name), _revision(found, index.name)


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


def _examples(found: Table) -> Iterator[str]:
    """An example of each JSON column."""
    for column in found.columns:
        if column_type(column, "postgresql") != "json":
            continue
        value = _rows()[found.name][column.name]
        if value is not None:
            yield example(
                f"`{column.name}`", block(json.dumps(_shortened(value), indent=2, ensure_ascii=False), "json")
            )


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

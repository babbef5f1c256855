"""Rows as JSON objects, and the JSON Schema of these: the columns of a row, without secrets.

`not_known` has the reason for each value that was not recorded, which is null, and for each that an upgrade rebuilt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from inspect import cleandoc
from typing import Any

import sqlalchemy as sa

from fractal_models.archive.generations import GENERATIONS
from fractal_models.archive.text_form import kind
from fractal_models.base import Base
from fractal_models.database.inspection.roles import secret_columns
from fractal_models.models import TABLES
from fractal_models.provenance import NOT_RECORDED, unknown_values
from fractal_models.schemas.descriptions import describe
from fractal_models.tables import METADATA

Document = dict[str, Any]

TYPES: Mapping[str, Document] = {
    "timestamp": {"type": "string", "format": "date-time"},
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer"},
    "JSON": {},
    "text": {"type": "string"},
}
"""JSON Schema of each kind of column."""

CHILDREN: Mapping[str, Mapping[str, str]] = {
    "dataset": {"resource_list": "resource"},
    "workflow": {"task_list": "workflowtask"},
    "workflowv2": {"task_list": "workflowtaskv2"},
}
"""Lists that the object of a row has, and their tables."""

PARENTS: Mapping[str, Mapping[str, str]] = {
    "workflowtask": {"task": "task"},
    "workflowtaskv2": {"task": "taskv2"},
    "taskv2": {"task_group": "taskgroupv2"},
}
"""Objects that the object of a row contains, and their tables."""

EXPORTED = {"resource", "taskgroupv2"}.union(
    *((each.project, each.dataset, each.workflow, each.step, each.task, each.job) for each in GENERATIONS)
)
"""Tables whose rows are objects in the files."""

NOT_KNOWN: Document = {
    "type": "object",
    "additionalProperties": {"type": "string"},
    "description": "Why values are null, or not what they were at first, by their name.",
}


def exported(table: sa.Table, present: Iterable[str]) -> list[sa.Column[Any]]:
    """Columns of a table that an export has: those that are there, without secrets."""
    hidden = secret_columns().get(table.name, set())
    names = {*present}
    return [column for column in table.columns if column.name in names and column.name not in hidden]


def document(row: Mapping[str, Any], notes: Iterable[tuple[str, str]] = ()) -> Document:
    """Object of a row; notes are those of `unknown_values`."""
    unknown = unknown_values(row, notes)
    found = {name: None if unknown.get(name) == NOT_RECORDED else _value(value) for name, value in row.items()}
    return {**found, "not_known": unknown}


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return value


def schemas() -> Document:
    """JSON Schema of the objects in the files, by table."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "description": "Each file but index.json has one of these objects, or an array of them.",
        "$defs": {name: _schema(model) for model in TABLES if (name := str(model.__tablename__)) in EXPORTED},
    }


def _schema(model: type[Base]) -> Document:
    table = METADATA.tables[str(model.__tablename__)]
    texts = describe(model, model.__name__)
    properties: Document = {}
    for column in exported(table, [column.name for column in table.columns]):
        schema = {name: [value, "null"] if name == "type" else value for name, value in TYPES[kind(column)].items()}
        properties[column.name] = schema | ({"description": texts[column.name]} if column.name in texts else {})
    for name, child in CHILDREN.get(table.name, {}).items():
        properties[name] = {"type": "array", "items": {"$ref": f"#/$defs/{child}"}}
    for name, parent in PARENTS.get(table.name, {}).items():
        properties[name] = {"$ref": f"#/$defs/{parent}"}
    properties["not_known"] = NOT_KNOWN
    return {
        "type": "object",
        "description": cleandoc(model.__doc__ or ""),
        "properties": properties,
        "required": ["not_known"],
    }

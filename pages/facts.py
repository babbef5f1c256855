"""Facts on tables that several pages show."""

from __future__ import annotations

from enum import Enum
from typing import Any, get_args, get_origin

from sqlalchemy import Column, ForeignKey, Table
from sqlalchemy.dialects import postgresql, sqlite

from fractal_models import models
from fractal_models.base import Base
from fractal_models.schemas.descriptions import describe
from fractal_models.tables import METADATA

GENERATIONS = {
    "v1": "Version 1",
    "v2": "Version 2",
    "security": "Users and groups",
}
"""Title of each page of models."""


def generation(model: type[Base]) -> str:
    """Key in `GENERATIONS`."""
    module = model.__module__.removeprefix("fractal_models.models.").partition(".")[0]
    if module in GENERATIONS:
        return module
    return {"LinkUserProject": "v1", "LinkUserProjectV2": "v2"}.get(model.__name__, "security")


def models_of(key: str) -> list[type[Base]]:
    """Tables of a generation, by name of the class."""
    return [model for model in models.TABLES if generation(model) == key]


def table_of(model: type[Base]) -> Table:
    """Table of a class."""
    return METADATA.tables[str(model.__tablename__)]


def model_of(table: str) -> type[Base]:
    """Class of a table."""
    return next(model for model in models.TABLES if model.__tablename__ == table)


def meanings(model: type[Base]) -> dict[str, str]:
    """What each column means."""
    found = describe(model, model.__name__)
    parent = {name: key for name in found if (key := reference(table_of(model), name))}
    return {
        name: text if name not in parent else text.replace(f"`{parent[name]}`", entry(parent[name].split(".")[0]))
        for name, text in found.items()
    }


def reference(table: Table, column: str) -> str | None:
    """Column that a foreign key of one column refers to."""
    keys: set[ForeignKey] = table.columns[column].foreign_keys if column in table.columns else set()
    return next((key.target_fullname for key in keys), None)


def references_to(table: Table) -> list[ForeignKey]:
    """Foreign keys to a table."""
    found = [key for other in METADATA.sorted_tables for key in other.foreign_keys]
    return [key for key in found if key.column.table is table]


def entry(table: str) -> str:
    """Link to the entry of a table in the reference of the models."""
    model = model_of(table)
    return f"[`{model.__name__}`]({generation(model)}.md#{anchor(model)})"


def anchor(model: type[Base]) -> str:
    """Anchor of the entry of a class."""
    return f"fractal_models.models.{model.__name__}"


def type_name(annotation: Any) -> str:
    """Type as in the source of a class."""
    if annotation is type(None):
        return "None"
    if isinstance(annotation, type) and not get_args(annotation):
        return annotation.__name__
    if get_origin(annotation) in {list, dict, tuple, set}:
        inner = ", ".join(map(type_name, get_args(annotation)))
        return f"{get_origin(annotation).__name__}[{inner}]"
    if arguments := get_args(annotation):
        if hasattr(annotation, "__metadata__"):
            return type_name(arguments[0])
        return " | ".join(
            repr(value.value if isinstance(value, Enum) else value) if isinstance(value, str) else type_name(value)
            for value in arguments
        )
    return str(annotation).replace("typing.", "")


def column_type(column: Column[Any], engine: str) -> str:
    """Type of a column on an engine."""
    dialect = postgresql.dialect() if engine == "postgresql" else sqlite.dialect()  # type: ignore[no-untyped-call]
    name: str = column.type.compile(dialect)
    return name.lower().replace("timestamp with time zone", "timestamptz")

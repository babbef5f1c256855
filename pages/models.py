"""Reference of the models: a page for each generation, an entry for each class."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, get_type_hints

from sqlalchemy import inspect as mapper_of
from sqlalchemy.orm import Mapper, RelationshipProperty

from fractal_models.base import Base
from pages.facts import GENERATIONS, anchor, entry, generation, meanings, models_of, table_of, type_name
from pages.markdown import code, page, table

CASCADES = {
    "all, delete-orphan": "deleted with its owner, or when removed from the list",
    "all, delete": "deleted with its owner",
}


def pages() -> Iterator[tuple[str, str]]:
    """File names and texts."""
    for key, title in GENERATIONS.items():
        entries = [text for model in models_of(key) for text in _entry(model)]
        yield f"reference/{key}.md", page(f"Models: {title.lower()}", _overview(key), *entries)


def _overview(key: str) -> str:
    rows = [
        (f"[`{model.__name__}`](#{anchor(model)})", code(model.__tablename__), summary(model))
        for model in models_of(key)
    ]
    return table(("class", "table", "a row is"), rows)


def summary(cls: type) -> str:
    """First line of a docstring."""
    return (inspect.getdoc(cls) or "").partition("\n")[0]


def _entry(model: type[Base]) -> Iterator[str]:
    yield f"::: {anchor(model)}\n    options:\n      members: []\n"
    yield f"Table [`{model.__tablename__}`](dictionary.md#{model.__tablename__}).\n"
    texts = meanings(model)
    yield table(
        ("attribute", "type", "meaning"),
        [
            (
                f'<a id="{model.__name__}.{column.name}"></a>`{column.name}`',
                code(_type(model, column.name)),
                texts.get(column.name, ""),
            )
            for column in table_of(model).columns
        ],
    )
    relationships = list(mapper_of(model).relationships)
    if relationships:
        yield table(("relationship", "to", "how"), [_relationship(relationship) for relationship in relationships])
    methods = list(_members(model))
    if methods:
        yield table(("property or method", "meaning"), methods)


def _type(model: type[Base], name: str) -> str:
    return type_name(model.model_fields[name].annotation)


def _relationship(relationship: RelationshipProperty[Any]) -> tuple[str, str, str]:
    target: Mapper[Any] = relationship.mapper
    link = entry(str(target.class_.__tablename__)).replace(f"{generation(relationship.parent.class_)}.md", "")
    many = "list of " if relationship.uselist else ""
    how = [f"by `{relationship.secondary}`"] if relationship.secondary is not None else []
    if "delete-orphan" in relationship.cascade:
        how.append(CASCADES["all, delete-orphan"])
    elif "delete" in relationship.cascade:
        how.append(CASCADES["all, delete"])
    if relationship.lazy == "selectin":
        how.append("loaded with its owner")
    return code(relationship.key), many + link, ", ".join(how)


def _members(model: type[Base]) -> Iterator[tuple[str, str]]:
    """Properties and methods that the class or a base of version 1 defines."""
    for owner in model.__mro__:
        if owner is Base:
            break
        for name, member in list(vars(owner).items()):
            found = member if isinstance(member, property) else getattr(model, name, None)
            function = found.fget if isinstance(found, property) else getattr(found, "__func__", found)
            if name.startswith("_") or not inspect.isfunction(function):
                continue
            text = inspect.getdoc(function)
            if text is None or not function.__module__.startswith("fractal_models"):
                continue
            returns = type_name(get_type_hints(function).get("return", Any))
            signature = name if isinstance(found, property) else f"{name}{_parameters(function)}"
            yield f"{code(signature)} → {code(returns)}", _docstring(text)


def _parameters(function: Any) -> str:
    parameters = [str(parameter) for parameter in inspect.signature(function).parameters.values()]
    return f"({', '.join(parameters[1:])})"


def _docstring(text: str) -> str:
    """Docstring in one paragraph, with what it raises."""
    return text.replace("Raises:\n", "Raises: ").replace("Args:\n", "Arguments: ")

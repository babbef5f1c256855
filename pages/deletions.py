"""What deletions do to other rows, as a region of the guide for server developers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy import ForeignKey, inspect

from fractal_models.base import Base
from fractal_models.models import TABLES
from pages.facts import anchor, generation, model_of, references_to, table_of
from pages.markdown import table

NOTHING = "–"

BY_SESSION = "by `session.delete` only"


def regions() -> Iterator[tuple[str, str]]:
    """Names and texts."""
    rows = [(_link(model), *_effects(model)) for model in TABLES]
    rows = [row for row in rows if set(row[1:]) != {NOTHING}]
    yield (
        "deletions",
        table(("deleting a", "deletes its", "leaves, without a reference to it", "is refused while there is a"), rows),
    )


def _link(model: type[Base]) -> str:
    return f"[`{model.__name__}`](reference/{generation(model)}.md#{anchor(model)})"


def _effects(model: type[Base]) -> Iterator[str]:
    """Classes whose rows go, stay without a reference, and are in the way."""
    keys = references_to(table_of(model))
    for rule in ("CASCADE", "SET NULL", None):
        models = [model_of(key.parent.table.name) for key in keys if key.ondelete == rule]
        names = {model.__name__ for model in models}
        shown = [f"`{name}`" for name in sorted(names)]
        if rule is None:
            shown += _in_the_way_of_children(keys)
        if rule == "CASCADE":
            shown += [f"`{name}` ({BY_SESSION})" for name in sorted(_deleted_by_session(model) - names)]
        yield ", ".join(shown) or NOTHING


def _in_the_way_of_children(keys: Iterable[ForeignKey]) -> Iterator[str]:
    """Classes whose rows are in the way of rows that are deleted with their parent."""
    for child in (model_of(key.parent.table.name) for key in keys if key.ondelete == "CASCADE"):
        for key in references_to(table_of(child)):
            if key.ondelete is None:
                yield f"`{model_of(key.parent.table.name).__name__}` of its `{child.__name__}`"


def _deleted_by_session(model: type[Base]) -> set[str]:
    """Classes whose rows `session.delete` deletes with a row."""
    return {found.mapper.class_.__name__ for found in inspect(model).relationships if found.cascade.delete}

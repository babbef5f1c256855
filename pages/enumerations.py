"""Enumerations and bodies, by module."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from enum import Enum
from types import ModuleType

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from fractal_models import enums, schemas
from fractal_models.schemas import v1, v2
from fractal_models.schemas.descriptions import describe
from pages.facts import type_name
from pages.markdown import code, page, table
from pages.models import summary

MODULES = {
    "schemas": (schemas, "Bodies: users and groups"),
    "schemas-v1": (v1, "Bodies: version 1"),
    "schemas-v2": (v2, "Bodies: version 2"),
}


def pages() -> Iterator[tuple[str, str]]:
    """File names and texts."""
    yield (
        "reference/enumerations.md",
        page(
            "Enumerations",
            'Members are text: `JobStatusTypeV2.DONE == "done"`. As in the server, `str(JobStatusTypeV2.DONE)` is '
            '"JobStatusTypeV2.DONE"; the text is `JobStatusTypeV2.DONE.value`.',
            *(
                _enumeration(found)
                for _, found in inspect.getmembers(enums, inspect.isclass)
                if issubclass(found, Enum) and found.__module__ == enums.__name__
            ),
        ),
    )
    for name, (module, title) in MODULES.items():
        bodies = list(_bodies(module))
        overview = table(
            ("body", "what it is"), [(f"[`{body.__name__}`](#{body.__name__})", summary(body)) for body in bodies]
        )
        yield f"reference/{name}.md", page(title, f"`from {module.__name__} import …`", overview, *map(_body, bodies))


def _enumeration(found: type[Enum]) -> str:
    texts = describe(found, "")
    members = [(code(member.name), code(member.value), texts.get(member.name, "")) for member in found]
    rows = table(("member", "value", "meaning"), members)
    return f"## {found.__name__} {{ #{found.__name__} }}\n\n{inspect.getdoc(found)}\n\n{rows}"


def _bodies(module: ModuleType) -> Iterator[type[BaseModel]]:
    for name in sorted(module.__all__):
        found = getattr(module, name)
        if inspect.isclass(found) and issubclass(found, BaseModel):
            yield found


def _body(body: type[BaseModel]) -> str:
    texts = describe(body, getattr(body, "_table", "") or "")
    rows = [
        (
            code(name),
            code(type_name(field.annotation)),
            _default(field.default, field.default_factory, field.is_required()),
            texts.get(name, field.description or ""),
        )
        for name, field in body.model_fields.items()
    ]
    return f"## {body.__name__} {{ #{body.__name__} }}\n\n{inspect.getdoc(body) or ''}\n\n" + table(
        ("field", "type", "default", "meaning"), rows
    )


def _default(default: object, factory: object, required: bool) -> str:
    if required:
        return "required"
    if default is PydanticUndefined:
        return code(repr(factory())) if factory is list or factory is dict else "generated"
    return code(repr(default.value) if isinstance(default, Enum) else repr(default))

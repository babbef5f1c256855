"""API bodies of fractal-server 2.9, from `server_bodies.tsv`, and the same facts about ours.

A line without a field is about the class: in place of the type it has the treatment of extra keys, or `enum`. Types are
short: `str?` can be null, `[int]` is a list, `{str: any}` a dict.
"""

import csv
import json
import types
from collections.abc import Mapping, Sequence
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

SCHEMAS = "fractal_models.schemas"


class Fact(NamedTuple):
    """Line of the table."""

    module: str
    body: str
    field: str
    type: str
    default: str = ""
    validators: str = ""
    export: str = ""


with Path(__file__).with_suffix(".tsv").open(newline="") as file:
    FACTS = [Fact(*line) for line in csv.reader(file, dialect="excel-tab", quoting=csv.QUOTE_NONE)][1:]

BODIES = [fact for fact in FACTS if not fact.field]
"""One line for each class."""


def class_of(fact: Fact) -> Any:
    return getattr(import_module(f"{SCHEMAS}.{fact.module}"), fact.body)


def short(annotation: Any) -> str:
    """Short form of a type, without its rules."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    match origin:
        case None:
            named = {Any: "any", dict: "{str: any}"}
            return named.get(annotation) or str(annotation.__name__)
        case _ if origin is Annotated or isinstance(annotation, TypeVar):
            return short(arguments[0])
        case _ if origin in (Union, types.UnionType):
            options = [short(option) for option in arguments if option is not types.NoneType]
            return " or ".join(options) + "?" * (types.NoneType in arguments)
        case _ if origin is Literal:
            return " or ".join(map(repr, arguments))
        case _ if issubclass(origin, Mapping):
            return f"{{{short(arguments[0])}: {short(arguments[1])}}}"
        case _ if issubclass(origin, tuple):
            return f"({', '.join(map(short, arguments))})"
        case _ if issubclass(origin, Sequence):
            return f"[{short(arguments[0])}]"
    raise TypeError(annotation)


def default_of(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True)
    return json.dumps(default.model_dump() if isinstance(default, BaseModel) else default)


def ours(fact: Fact) -> list[Fact]:
    """The facts about our class of the same name."""
    body = class_of(fact)
    if issubclass(body, Enum):
        members = " ".join(sorted(f"{member.name}={member.value}" for member in body))
        return [Fact(fact.module, fact.body, "", "enum", members)]
    own = Fact(fact.module, fact.body, "", body.model_config.get("extra", "ignore"))
    return [
        own,
        *(
            own._replace(field=name, type=short(field.annotation), default=default_of(field))
            for name, field in sorted(body.model_fields.items())
        ),
    ]


def differences(fact: Fact) -> dict[str, tuple[str, str]]:
    """Type and default, here and in the server, of each field of a class that differs; `-` for none."""
    found: dict[str, list[str]] = {}
    for index, side in enumerate((ours(fact), [line for line in FACTS if line[:2] == fact[:2]])):
        for line in side:
            found.setdefault(line.field, ["-", "-"])[index] = f"{line.type}, {line.default}".removesuffix(", ")
    return {f"{fact.body}.{field}": (here, there) for field, (here, there) in found.items() if here != there}

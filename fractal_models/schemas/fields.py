"""Types of the fields of API bodies: the rules at the door, and what rows need to be read."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from posixpath import normpath
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    HttpUrl,
    StrictBool,
    StrictFloat,
    StrictInt,
    StringConstraints,
    TypeAdapter,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from fractal_models.utils import MAX_INTEGER

T = TypeVar("T")

MAX_DEPTH = 100
"""Levels of dicts and lists within each other; pydantic could not send an answer with more than 255."""


def _storable(text: str) -> str:
    if "\0" in text:
        message = "holds a NUL character, which PostgreSQL cannot store; remove it"
        raise ValueError(message)
    try:
        text.encode()
    except UnicodeEncodeError:
        message = "holds a lone surrogate, which is no Unicode text; replace it"
        raise ValueError(message) from None
    return text


@dataclass(frozen=True)
class Pattern:
    """Refuse text that does not match as a whole; JSON Schema shows the pattern, and errors say what is wrong."""

    pattern: str
    message: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**handler(schema), "pattern": f"^({self.pattern})$"}

    def _check(self, text: str) -> str:
        if not re.fullmatch(self.pattern, text):
            raise ValueError(self.message)
        return text


Text = Annotated[str, AfterValidator(_storable)]
"""Any text that both engines store."""

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1), AfterValidator(_storable)]
"""Text without white space around it, and not empty."""

Password = Annotated[
    str,
    StringConstraints(min_length=1),
    AfterValidator(_storable),
    Field(json_schema_extra={"format": "password"}),
]
"""A password as people type it. How long it must be is for the server's `UserManager` to say."""

AbsolutePath = Annotated[Name, Pattern(r"/[\s\S]*", "is no absolute path, such as /data/plate-1")]
"""An absolute path, as POSIX has them."""


def _normalized(url: str) -> str:
    if not url.startswith("/"):
        return url.rstrip("/")
    return "/" + normpath(url).lstrip("/")  # POSIX takes two leading slashes for something else than one


ZarrUrl = Annotated[
    Name,
    Pattern(r"/[\s\S]*|s3://[^\s/]+(/\S*)?", "is neither an absolute path nor an address such as s3://bucket/folder"),
    AfterValidator(_normalized),
]
"""Place of an OME-Zarr or of a folder of them: an absolute path, or `s3://BUCKET/KEY`.

Both are brought into one form, for images are found by comparing text: without `//`, `/../` and a slash at the end.
Whether a server's workers can reach S3 is for that server to say.
"""


def _checked_link(url: str) -> str:
    _HTTP_URL.validate_python(url)
    return url


_HTTP_URL = TypeAdapter(HttpUrl)

Link = Annotated[
    Name,
    Pattern(r"https?://\S+", "is no address that starts with http:// or https://"),
    AfterValidator(_checked_link),
    Field(json_schema_extra={"format": "uri"}),
]
"""An address of the web, kept as it was written."""

# The names of PEP 508, and the versions of PEP 440 in every form that it tells tools to accept.
_NAME = r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?"
_VERSION = (
    r"v?([0-9]+!)?[0-9]+(\.[0-9]+)*([-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?[0-9]*)?"
    r"(-[0-9]+|[-_.]?(post|rev|r)[-_.]?[0-9]*)?([-_.]?dev[-_.]?[0-9]*)?(\+[a-z0-9]+([-_.][a-z0-9]+)*)?"
)

PackageName = Annotated[Name, Pattern(_NAME, "is no name of a Python package")]

PackageVersion = Annotated[
    str,
    StringConstraints(strip_whitespace=True, to_lower=True),
    Pattern(_VERSION, "is no version of a Python package, as PEP 440 has them"),
]

PythonVersion = Annotated[Name, Pattern(r"3\.[0-9]+(\.[0-9]+)?", "is no version of Python, such as 3.12")]

Extras = Annotated[Name, Pattern(rf"{_NAME}( *, *{_NAME})*", "is no list of extras, separated by commas")]

Key = Annotated[int, Field(ge=1, le=MAX_INTEGER)]
"""The `id` of a row."""

Position = Annotated[int, Field(ge=0, le=MAX_INTEGER)]
"""A place in a list, counted from 0."""


def _check_json(value: Any) -> Any:
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
        _check_depth(value, MAX_DEPTH)
    except UnicodeEncodeError:
        message = "holds a lone surrogate, which is no Unicode text; replace it"
    except RecursionError:
        message = f"is nested more than {MAX_DEPTH} levels deep"
    except (ValueError, TypeError) as error:
        message = str(error)
        if message.startswith("Out of range float values"):
            message = "holds NaN or Infinity, which JSON has no number for; use null or text"
    else:
        return value
    raise ValueError(message)


def _check_depth(value: Any, allowed: int) -> None:
    if not isinstance(value, dict | list):
        return
    if not allowed:
        raise RecursionError
    for entry in value.values() if isinstance(value, dict) else value:
        _check_depth(entry, allowed - 1)


JSONDict = Annotated[dict[str, Any], AfterValidator(_check_json)]
"""A dict that both engines store as JSON."""

JSONDicts = Annotated[list[dict[str, Any]], AfterValidator(_check_json)]
"""A list of dicts that both engines store as JSON."""

Scalar = StrictBool | StrictInt | Annotated[StrictFloat, Field(allow_inf_nan=False)] | Text
"""The value of one attribute of an image."""


def _unique(values: list[T]) -> list[T]:
    if len(set(values)) < len(values):
        message = "has repetitions"
        raise ValueError(message)
    return values


Unique = Annotated[list[T], AfterValidator(_unique), Field(json_schema_extra={"uniqueItems": True})]
"""A list that names nothing twice."""


class _NotNull:
    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._refuse_null, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        options: list[JsonSchemaValue] = handler(schema)["anyOf"]
        (other,) = (option for option in options if option != {"type": "null"})
        return other

    def _refuse_null(self, value: Any) -> Any:
        if value is None:
            message = "cannot be null; leave it out to keep it"
            raise ValueError(message)
        return value


Given = Annotated[T | None, _NotNull()]
"""A field of an `Update` for a column that is never null: None if it was left out, and refused as null."""


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.utcoffset() is None else moment.astimezone(UTC)


Moment = Annotated[datetime, AfterValidator(_in_utc)]
"""A moment of a row, in UTC."""


def _or_empty_dict(value: Any) -> Any:
    return {} if value is None else value


def _or_empty_list(value: Any) -> Any:
    return [] if value is None else value


StoredDict = Annotated[dict[str, T], BeforeValidator(_or_empty_dict)]
"""JSON of a row, which older releases wrote as null where they meant an empty dict."""

StoredList = Annotated[list[T], BeforeValidator(_or_empty_list)]
"""JSON of a row, which older releases wrote as null where they meant an empty list."""

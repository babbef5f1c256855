"""Field types of request bodies."""

import re
from dataclasses import dataclass
from posixpath import normpath
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
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

from fractal_models.utils import MAX_INTEGER, check_text, json_text

T = TypeVar("T")

MAX_DEPTH = 100
"""Maximum depth of nested dicts and lists; pydantic cannot serialize more than 255 levels."""


def _checked_text(text: str) -> str:
    check_text(text)
    return text


@dataclass(frozen=True)
class Pattern:
    """Regular expression that the whole text must match; JSON Schema includes it, the error is `message`."""

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


Text = Annotated[str, AfterValidator(_checked_text)]
"""Text that both engines can store."""

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1), AfterValidator(_checked_text)]
"""Non-empty text; surrounding white space is removed."""

Password = Annotated[
    str,
    AfterValidator(_checked_text),
    Field(json_schema_extra={"format": "password"}),
]
"""Password; its minimum length, also of an empty one, is up to the server's `UserManager`."""

AbsolutePath = Annotated[Name, Pattern(r"/[\s\S]*", "should be an absolute path, such as /data/plate-1")]
"""Absolute path (POSIX)."""


def _normalized(url: str) -> str:
    if not url.startswith("/"):
        return url.rstrip("/")
    return "/" + normpath(url).lstrip("/")  # In POSIX, two leading slashes differ from one.


ZarrUrl = Annotated[
    Name,
    Pattern(r"/[\s\S]*|s3://[^\s/]+(/\S*)?", "should be an absolute path or a URL such as s3://bucket/folder"),
    AfterValidator(_normalized),
]
"""Absolute path or `s3://BUCKET/KEY` of an OME-Zarr, or of a folder of them.

It is normalized, because images are found by comparing text: without `//`, `/../` and a trailing slash.
"""


def _checked_link(url: str) -> str:
    _HTTP_URL.validate_python(url)
    return url


_HTTP_URL = TypeAdapter(HttpUrl)

Link = Annotated[
    Name,
    Pattern(r"https?://\S+", "should be a URL that starts with http:// or https://"),
    AfterValidator(_checked_link),
    Field(json_schema_extra={"format": "uri"}),
]
"""URL of a web page, stored unchanged."""

# Names of PEP 508, and versions of PEP 440 including the forms that it normalizes.
_NAME = r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?"
_VERSION = (
    r"v?([0-9]+!)?[0-9]+(\.[0-9]+)*([-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?[0-9]*)?"
    r"(-[0-9]+|[-_.]?(post|rev|r)[-_.]?[0-9]*)?([-_.]?dev[-_.]?[0-9]*)?(\+[a-z0-9]+([-_.][a-z0-9]+)*)?"
)

PackageName = Annotated[Name, Pattern(_NAME, "should be a name of a Python package (PEP 508)")]

Package = Annotated[
    Name,
    Pattern(
        rf"{_NAME}|/[\s\S]*\.whl",
        "should be a name of a Python package (PEP 508), or the absolute path of a wheel, which ends with .whl",
    ),
]
"""What pip installs."""

PackageVersion = Annotated[
    str,
    StringConstraints(strip_whitespace=True, to_lower=True),
    Pattern(_VERSION, "should be a version of a Python package (PEP 440)"),
]

PythonVersion = Annotated[Name, Pattern(r"3\.[0-9]+(\.[0-9]+)?", "should be a version of Python, such as 3.12")]

Extras = Annotated[Name, Pattern(rf"{_NAME}( *, *{_NAME})*", "should be a list of extras, separated by commas")]

RowId = Annotated[int, Field(ge=1, le=MAX_INTEGER)]
"""`id` of a row."""

NonNegative = Annotated[int, Field(ge=0, le=MAX_INTEGER)]
"""Integer from 0 that a column can store."""


def check_json(value: T) -> T:
    """Check that both engines can store a value as JSON, and that an answer can send it.

    Raises:
        ValueError: It contains NaN, Infinity, a NUL character or a lone surrogate, or has more than `MAX_DEPTH` levels.
    """
    try:
        json_text(value)
        _check_depth(value, MAX_DEPTH)
    except RecursionError:
        message = f"should not be nested more than {MAX_DEPTH} levels deep"
        raise ValueError(message) from None
    except TypeError as error:
        raise ValueError(str(error)) from None
    return value


def _check_depth(value: Any, allowed: int) -> None:
    if not isinstance(value, dict | list):
        return
    if not allowed:
        raise RecursionError
    for entry in value.values() if isinstance(value, dict) else value:
        _check_depth(entry, allowed - 1)


JSONDict = Annotated[dict[str, Any], AfterValidator(check_json)]
"""Dict that both engines can store as JSON."""

Scalar = StrictBool | StrictInt | Annotated[StrictFloat, Field(allow_inf_nan=False)] | Text
"""Value of one attribute of an image."""


def _unique(values: list[T]) -> list[T]:
    if len(set(values)) < len(values):
        message = "should not contain duplicates"
        raise ValueError(message)
    return values


Unique = Annotated[list[T], AfterValidator(_unique), Field(json_schema_extra={"uniqueItems": True})]
"""List without duplicates."""


class _RejectNull:
    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._reject_null, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        options: list[JsonSchemaValue] = handler(schema)["anyOf"]
        (other,) = (option for option in options if option != {"type": "null"})
        return other

    def _reject_null(self, value: Any) -> Any:
        if value is None:
            message = "should not be null; omit it to keep the current value"
            raise ValueError(message)
        return value


NotNull = Annotated[T | None, _RejectNull()]
"""Field of an `Update` for a column that is never null: None if omitted; an explicit null is an error."""

"""Helpers that do not depend on the database."""

import json
import re
from datetime import UTC, datetime
from typing import Any

from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError, ValidationError

MAX_INTEGER = 2**31 - 1
"""Largest value of an integer column in PostgreSQL."""

_ESCAPED_NUL = re.compile(r"(?<!\\)(\\\\)*\\u0000")

REDACTED = "***"

JSON_TYPES = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "an array",
    dict: "an object",
}
"""Names of types in JSON."""

EXPECTED = {
    "dict_type": "an object",
    "list_type": "an array",
    "model_attributes_type": "an object",
    "model_type": "an object",
}
"""Names of the types that pydantic's errors call by their names in Python."""


def get_timestamp() -> datetime:
    """Return the current time in UTC, timezone-aware."""
    return datetime.now(UTC)


def check_text(text: str) -> None:
    """Check that both engines can store a text.

    Raises:
        ValueError: It contains a NUL character or a lone surrogate.
    """
    if "\0" in text:
        message = "should not contain NUL characters, which PostgreSQL cannot store"
        raise ValueError(message)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            message = "should not contain lone surrogates, which are not valid Unicode"
            raise ValueError(message) from None


def json_text(value: Any) -> str:
    r"""Serialize to JSON that both engines can store and query.

    PostgreSQL stores `\u0000` in JSON, but then fails in queries for other keys of the same column.

    Raises:
        ValueError: It contains NaN, Infinity, a NUL character or a lone surrogate, also in keys.
        TypeError: It contains a value that JSON does not have.
        RecursionError: It is nested too deeply.
    """
    try:
        text = json.dumps(value, allow_nan=False)
    except ValueError as error:
        if str(error).startswith("Out of range float values"):
            message = "should not contain NaN or Infinity, which JSON cannot represent; use null or text"
            raise ValueError(message) from None
        raise
    if "\\u0000" in text and _ESCAPED_NUL.search(text):
        check_text("\0")
    if "\\ud" in text:
        check_text(json.dumps(value, ensure_ascii=False))
    return text


def redact_input(error: ValidationError) -> ValidationError:
    """Copy a ValidationError without its input values; a message about a wrong type names the type that was given.

    They may contain a password, or a value such as NaN that FastAPI cannot serialize: its answer would be status 500.
    """
    lines = [
        InitErrorDetails(type=PydanticCustomError(line["type"], _message(line)), loc=line["loc"], input=REDACTED)
        for line in error.errors(include_url=False, include_context=False)
    ]
    return ValidationError.from_exception_data(error.title, lines, hide_input=True)


def _message(line: ErrorDetails) -> str:
    kind, given = line["type"], type(line["input"])
    message = line["msg"].removeprefix("Value error, ")
    if not kind.endswith("_type") or line["input"] is REDACTED:  # Redacted before, in a nested body.
        return message
    if kind in EXPECTED:
        message = f"Input should be {EXPECTED[kind]}"
    return f"{message}, not {JSON_TYPES.get(given, given.__name__)}"

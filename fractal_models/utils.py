"""Helpers that do not depend on the database."""

from datetime import UTC, datetime

from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError

MAX_INTEGER = 2**31 - 1
"""Largest value of an integer column in PostgreSQL."""


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


def json_error_message(error: Exception) -> str:
    """Describe an error of `json.dumps(value, allow_nan=False)`."""
    message = str(error)
    if message.startswith("Out of range float values"):
        return "should not contain NaN or Infinity, which JSON cannot represent; use null or text"
    return message


def redact_input(error: ValidationError) -> ValidationError:
    """Copy a ValidationError without its input values.

    They may contain a password, or a value such as NaN that FastAPI cannot serialize: its answer would be status 500.
    """
    lines = [
        InitErrorDetails(type=PydanticCustomError(line["type"], line["msg"]), loc=line["loc"], input="***")
        for line in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    return ValidationError.from_exception_data(error.title, lines, hide_input=True)

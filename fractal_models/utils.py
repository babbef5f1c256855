"""Helpers that know nothing of the database."""

from datetime import UTC, datetime

from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError

MAX_INTEGER = 2**31 - 1
"""The largest number that an integer column of PostgreSQL stores."""


def get_timestamp() -> datetime:
    """Get the current time, aware of its timezone (UTC)."""
    return datetime.now(UTC)


def redact_input(error: ValidationError) -> ValidationError:
    """Say the same without a word on what was given.

    It may hold a password; and it may hold what no answer can repeat, like NaN: FastAPI, which does repeat it, would
    fail with a status of 500.
    """
    lines = [
        InitErrorDetails(type=PydanticCustomError(line["type"], line["msg"]), loc=line["loc"], input="***")
        for line in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    return ValidationError.from_exception_data(error.title, lines, hide_input=True)

"""Field types of response bodies: stored values, which may be older than the rules of requests."""

from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field

T = TypeVar("T")


def _in_utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.utcoffset() is None else value.astimezone(UTC)


UtcDatetime = Annotated[datetime, AfterValidator(_in_utc)]
"""Timestamp of a row, in UTC."""


def _or_empty_dict(value: Any) -> Any:
    return {} if value is None else value


def _or_empty_list(value: Any) -> Any:
    return [] if value is None else value


StoredDict = Annotated[dict[str, T], BeforeValidator(_or_empty_dict)]
"""JSON object of a row; older releases stored null for an empty one."""

StoredList = Annotated[list[T], BeforeValidator(_or_empty_list)]
"""JSON array of a row; older releases stored null for an empty one."""

StoredAs = Annotated[T | dict[str, Any], Field(union_mode="left_to_right"), BeforeValidator(_or_empty_dict)]
"""JSON object of a row as a body; a dict as stored, if it does not fit, because an older release stored it."""

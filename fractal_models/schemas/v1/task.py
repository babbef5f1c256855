"""Tasks of version 1."""

from typing import Any

from pydantic import Field

from fractal_models.bases_v1 import Source, _TaskBaseV1
from fractal_models.schemas.body import Create, Read, Response, Update
from fractal_models.schemas.fields import JSONDict, Link, Name, NotNull, Text

__all__ = [
    "Source",
    "TaskCreateV1",
    "TaskExportV1",
    "TaskImportV1",
    "TaskReadV1",
    "TaskSummaryV1",
    "TaskUpdateV1",
    "_TaskBaseV1",
]


class TaskCreateV1(_TaskBaseV1, Create, of="Task", extra="ignore"):
    """New task; the server sets its owner."""

    source: Name
    name: Name
    command: Name
    input_type: Name
    output_type: Name
    version: Name | None = None
    meta: JSONDict | None = Field(default_factory=dict)
    args_schema: JSONDict | None = None
    args_schema_version: Name | None = None
    docs_info: Text | None = None
    docs_link: Link | None = None


class TaskUpdateV1(Update, of="Task", extra="ignore"):
    """Change of a task."""

    source: NotNull[Name] = None
    name: NotNull[Name] = None
    command: NotNull[Name] = None
    input_type: NotNull[Name] = None
    output_type: NotNull[Name] = None
    version: Name | None = None
    meta: JSONDict | None = None
    args_schema: JSONDict | None = None
    args_schema_version: Name | None = None
    docs_info: Text | None = None
    docs_link: Link | None = None


class TaskImportV1(_TaskBaseV1, Create, of="Task", extra="ignore"):
    """Task of an imported step, to be found by its source."""

    source: Name


class TaskExportV1(_TaskBaseV1, Response, of="Task"):
    """Task of an exported step."""

    source: str


class TaskSummaryV1(_TaskBaseV1, Read, of="Task"):
    """Task without its schema and its documentation, for rows that were loaded `without_heavy`."""

    source: str
    name: str
    command: str
    input_type: str
    output_type: str
    owner: str | None = None
    version: str | None = None
    meta: dict[str, Any] | None = Field(default_factory=dict)
    args_schema_version: str | None = None
    docs_link: str | None = None


class TaskReadV1(TaskSummaryV1):
    """Program that processes images, as a step of workflows."""

    args_schema: dict[str, Any] | None = None
    docs_info: str | None = None

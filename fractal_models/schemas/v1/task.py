"""Tasks of version 1."""

from typing import Any

from pydantic import Field

from fractal_models.bases_v1 import Source, _TaskBaseV1
from fractal_models.schemas.body import Create, Read, Update
from fractal_models.schemas.fields import Given, JSONDict, Link, Name, Text

__all__ = ["Source", "TaskCreateV1", "TaskReadV1", "TaskUpdateV1", "_TaskBaseV1"]


class TaskCreateV1(_TaskBaseV1, Create, of="Task"):
    """A new task, of which the owner is found out by the server."""

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


class TaskUpdateV1(Update, of="Task"):
    """A change of a task."""

    source: Given[Name] = None
    name: Given[Name] = None
    command: Given[Name] = None
    input_type: Given[Name] = None
    output_type: Given[Name] = None
    version: Name | None = None
    meta: JSONDict | None = None
    args_schema: JSONDict | None = None
    args_schema_version: Name | None = None
    docs_info: Text | None = None
    docs_link: Link | None = None


class TaskReadV1(_TaskBaseV1, Read, of="Task"):
    """A program that processes images, to be put into workflows."""

    source: str
    name: str
    command: str
    input_type: str
    output_type: str
    owner: str | None
    version: str | None
    meta: dict[str, Any] | None
    args_schema: dict[str, Any] | None
    args_schema_version: str | None
    docs_info: str | None
    docs_link: str | None

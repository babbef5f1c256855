"""Tasks of version 2, with a part that runs in parallel over images, one that does not, or both."""

from typing import Any, Literal, Self

from pydantic import Field, StrictBool, model_validator

from fractal_models.schemas.body import Create, Read, Response, Update
from fractal_models.schemas.fields import JSONDict, Link, Name, NotNull, Text, Unique
from fractal_models.schemas.stored import StoredDict, StoredList

__all__ = [
    "TaskCreateV2",
    "TaskExportV2",
    "TaskImportV2",
    "TaskImportV2Legacy",
    "TaskReadV2",
    "TaskSummaryV2",
    "TaskUpdateV2",
]


class TaskCreateV2(Create, of="TaskV2"):
    """New task; the server sets its task group."""

    name: Name
    command_non_parallel: Name | None = None
    command_parallel: Name | None = None
    version: Name | None = None
    meta_non_parallel: JSONDict | None = None
    meta_parallel: JSONDict | None = None
    args_schema_non_parallel: JSONDict | None = None
    args_schema_parallel: JSONDict | None = None
    args_schema_version: Name | None = None
    docs_info: Text | None = None
    docs_link: Link | None = None
    input_types: dict[Text, StrictBool] = Field(default_factory=dict)
    output_types: dict[Text, StrictBool] = Field(default_factory=dict)
    category: Name | None = None
    modality: Name | None = None
    authors: Name | None = None
    tags: Unique[Name] = Field(default_factory=list)

    @model_validator(mode="after")
    def _check_commands(self) -> Self:
        if self.command_non_parallel is None and self.command_parallel is None:
            message = "should have command_non_parallel or command_parallel"
            raise ValueError(message)
        return self

    @property
    def type(self) -> Literal["compound", "parallel", "non_parallel"]:
        """Type by the commands that the task has; "compound" for both."""
        if self.command_non_parallel is None:
            return "parallel"
        return "non_parallel" if self.command_parallel is None else "compound"


class TaskUpdateV2(Update, of="TaskV2"):
    """Change of a task, in fields that do not come from its package."""

    command_non_parallel: NotNull[Name] = None
    command_parallel: NotNull[Name] = None
    input_types: NotNull[dict[Text, StrictBool]] = None
    output_types: NotNull[dict[Text, StrictBool]] = None
    category: Name | None = None
    modality: Name | None = None
    authors: Name | None = None
    tags: NotNull[Unique[Name]] = None


class TaskImportV2(Create, of="TaskV2"):
    """Task of an imported step, to be found by its name and its package."""

    name: Name

    pkg_name: Name
    """Name of the package of the task."""

    version: Name | None = None


class TaskImportV2Legacy(Create, of="TaskV2", extra="ignore"):
    """Task of a step that was exported before release 2.7, to be found by its source."""

    source: Name


class TaskExportV2(Response, of="TaskV2"):
    """Task of an exported step."""

    name: str

    pkg_name: str
    """Name of the package of the task."""

    version: str | None = None


class TaskSummaryV2(Read, of="TaskV2"):
    """Task without its schemas and its documentation, for rows that were loaded `without_heavy`."""

    taskgroupv2_id: int | None = None
    source: str | None = None
    name: str
    type: str
    command_non_parallel: str | None = None
    command_parallel: str | None = None
    version: str | None = None
    meta_non_parallel: StoredDict[Any]
    meta_parallel: StoredDict[Any]
    args_schema_version: str | None = None
    docs_link: str | None = None
    input_types: StoredDict[bool]
    output_types: StoredDict[bool]
    category: str | None = None
    modality: str | None = None
    authors: str | None = None
    tags: StoredList[str]


class TaskReadV2(TaskSummaryV2):
    """Program that processes images, as a step of workflows."""

    args_schema_non_parallel: dict[str, Any] | None = None
    args_schema_parallel: dict[str, Any] | None = None
    docs_info: str | None = None

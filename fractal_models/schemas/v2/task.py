"""Tasks of version 2, with a part that runs in parallel over images, one that does not, or both."""

from typing import Any, Literal, Self

from pydantic import Field, StrictBool, model_validator

from fractal_models.schemas.body import Create, Read, Update
from fractal_models.schemas.fields import JSONDict, Link, Name, NotNull, StoredDict, StoredList, Text, Unique

__all__ = ["TaskCreateV2", "TaskReadV2", "TaskUpdateV2"]


class TaskCreateV2(Create, of="TaskV2"):
    """New task; the server sets its task group."""

    name: Name
    command_non_parallel: Name | None = None
    command_parallel: Name | None = None
    version: Name | None = None
    meta_non_parallel: JSONDict = Field(default_factory=dict)
    meta_parallel: JSONDict = Field(default_factory=dict)
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


class TaskReadV2(Read, of="TaskV2"):
    """Program that processes images, as a step of workflows."""

    taskgroupv2_id: int
    source: str | None
    name: str
    type: str
    command_non_parallel: str | None
    command_parallel: str | None
    version: str | None
    meta_non_parallel: StoredDict[Any]
    meta_parallel: StoredDict[Any]
    args_schema_non_parallel: dict[str, Any] | None
    args_schema_parallel: dict[str, Any] | None
    args_schema_version: str | None
    docs_info: str | None
    docs_link: str | None
    input_types: StoredDict[bool]
    output_types: StoredDict[bool]
    category: str | None
    modality: str | None
    authors: str | None
    tags: StoredList[str]

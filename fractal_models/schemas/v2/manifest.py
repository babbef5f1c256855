"""Manifests of packages of version 2: the tasks that a package contains."""

from typing import Annotated, Self

from pydantic import Field, StrictBool, model_validator

from fractal_models.schemas.body import Body
from fractal_models.schemas.fields import JSONDict, Link, Name, Pattern, Text

__all__ = ["ManifestV2", "TaskManifestV2"]


class TaskManifestV2(Body, of="TaskV2"):
    """Task in the manifest of a package."""

    name: str

    executable_non_parallel: str | None = None
    """Path of the Python script of the part that is not parallel, relative to the package."""

    executable_parallel: str | None = None
    """Path of the Python script of the parallel part, relative to the package."""

    input_types: dict[Text, StrictBool] = Field(default_factory=dict)
    output_types: dict[Text, StrictBool] = Field(default_factory=dict)
    meta_non_parallel: JSONDict = Field(default_factory=dict)
    meta_parallel: JSONDict = Field(default_factory=dict)
    args_schema_non_parallel: JSONDict | None = None
    args_schema_parallel: JSONDict | None = None
    docs_info: str | None = None
    docs_link: Link | None = None
    category: str | None = None
    modality: str | None = None
    tags: list[str] = Field(default_factory=list)

    @model_validator(mode="after")
    def _check_executables(self) -> Self:
        if self.executable_non_parallel is None and self.executable_parallel is None:
            message = "should have executable_non_parallel or executable_parallel"
            raise ValueError(message)
        return self

    @property
    def _has_args_schemas(self) -> bool:
        return (self.executable_non_parallel is None or self.args_schema_non_parallel is not None) and (
            self.executable_parallel is None or self.args_schema_parallel is not None
        )


class ManifestV2(Body):
    """Manifest of a package."""

    manifest_version: Annotated[str, Pattern("2", 'should be "2"')]
    """Version of the form of the manifest: `2`."""

    task_list: list[TaskManifestV2]
    """Tasks of the package."""

    has_args_schemas: bool = False
    """Whether each part of a task has a JSON Schema of its arguments."""

    args_schema_version: str | None = None
    """Form of the JSON Schemas, such as `pydantic_v2`."""

    authors: Name | None = None
    """Authors of the tasks."""

    @model_validator(mode="after")
    def _check_args_schemas(self) -> Self:
        if self.has_args_schemas and not all(task._has_args_schemas for task in self.task_list):
            message = "task_list should have an args_schema for each executable, because has_args_schemas is true"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _check_unique_names(self) -> Self:
        if len({task.name for task in self.task_list}) < len(self.task_list):
            message = "task_list should not contain several tasks with the same name"
            raise ValueError(message)
        return self

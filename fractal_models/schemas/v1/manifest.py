"""Manifests of packages of version 1: the tasks that a package contains."""

from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import Field, model_validator

from fractal_models.schemas.body import Body
from fractal_models.schemas.fields import JSONDict, Link, Pattern

__all__ = ["ManifestV1", "TaskManifestV1", "_ManifestBaseV1", "_TaskManifestBaseV1"]


class _TaskManifestBaseV1(Body, of="Task"):
    """Task in the manifest of a package."""

    name: str

    executable: str
    """Path of the Python script, relative to the package."""

    input_type: str
    output_type: str
    meta: JSONDict | None = Field(default_factory=dict)
    args_schema: JSONDict | None = None
    docs_info: str | None = None
    docs_link: Link | None = None


class TaskManifestV1(_TaskManifestBaseV1):
    """Task in the manifest of a package."""


class _ManifestBaseV1(Body):
    """Manifest of a package, of any version."""

    manifest_version: str
    """Version of the form of the manifest."""

    task_list: Sequence[_TaskManifestBaseV1]
    """Tasks of the package."""

    has_args_schemas: bool = False
    """Whether each task has a JSON Schema of its arguments."""

    args_schema_version: str | None = None
    """Form of the JSON Schemas, such as `pydantic_v1`."""

    @model_validator(mode="after")
    def _check_args_schemas(self) -> Self:
        if self.has_args_schemas and any(task.args_schema is None for task in self.task_list):
            message = "task_list should have an args_schema in each task, because has_args_schemas is true"
            raise ValueError(message)
        return self


class ManifestV1(_ManifestBaseV1):
    """Manifest of a package."""

    manifest_version: Annotated[str, Pattern("1", 'should be "1"')]
    """Version of the form of the manifest: `1`."""

    task_list: list[TaskManifestV1]
    """Tasks of the package."""

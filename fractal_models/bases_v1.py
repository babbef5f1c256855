"""Pydantic bases of version 1, shared by the tables and the API bodies."""

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints, field_validator

Source = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]

RESERVED_ARGUMENTS = frozenset({"input_paths", "output_path", "metadata", "component"})
"""Arguments that the runner sets for each task of version 1."""


def check_reserved_arguments(args: Iterable[str] | None) -> None:
    """Check that the arguments of a task do not include reserved ones.

    Raises:
        ValueError: They include some; the message lists these.
    """
    if args and (reserved := sorted(RESERVED_ARGUMENTS.intersection(args))):
        message = f"args should not contain reserved arguments, which the runner sets: {', '.join(reserved)}"
        raise ValueError(message)


class _ProjectBaseV1(BaseModel):
    """Fields of a project, shared by its table and its API bodies."""

    name: str

    read_only: bool = False
    """Whether the project must not change; enforced by the server."""


class _DatasetBaseV1(BaseModel):
    """Fields of a dataset, shared by its table and its API bodies."""

    name: str

    type: str | None = None
    """Type of the data, as in `Task.input_type`; null if unknown."""

    meta: dict[str, Any] = Field(default_factory=dict)
    """Metadata from the last workflow for the next one, in keys defined by the tasks."""

    history: list[Any] = Field(default_factory=list)
    """One entry per task that ran on the dataset, oldest first.

    `{"workflowtask": {…dump…}, "status": "submitted|done|failed", "parallelization": {…}|null}`
    """

    read_only: bool = False
    """Whether jobs must not write to the dataset; enforced by the server."""


class _ResourceBaseV1(BaseModel):
    """Fields of a resource, shared by its table and its API bodies."""

    path: str
    """Absolute path of a folder or file."""


class _TaskBaseV1(BaseModel):
    """Fields of a task, shared by its table and its API bodies."""

    source: Source
    """Origin of the task, unique among all tasks."""


class _WorkflowBaseV1(BaseModel):
    """Fields of a workflow, shared by its table and its API bodies."""

    name: str


class _WorkflowTaskBaseV1(BaseModel):
    """Fields of a workflow step, shared by its table and its API bodies."""

    meta: dict[str, Any] | None = None
    """Execution options of this step (cores, memory, …); each key overrides the one in `Task.meta`."""

    args: dict[str, Any] | None = None
    """Arguments of this step, without `RESERVED_ARGUMENTS`."""

    @field_validator("args")
    @classmethod
    def _check_reserved_arguments(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        check_reserved_arguments(value)
        return value


class _ApplyWorkflowBaseV1(BaseModel):
    """Fields of a job, shared by its table and its API bodies."""

    worker_init: str | None = None
    """Shell commands that each worker runs before its first task."""

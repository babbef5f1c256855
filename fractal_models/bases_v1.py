"""Pydantic bases of version 1, shared by the tables and the API bodies."""

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints, field_validator

Source = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]

RESERVED_ARGUMENTS = frozenset({"input_paths", "output_path", "metadata", "component"})
"""Arguments that the runner itself passes to each task of version 1."""


def check_reserved_arguments(args: Iterable[str] | None) -> None:
    """Refuse task arguments that the runner passes itself.

    Raises:
        ValueError: `args` holds reserved names; the message lists them.
    """
    if args and (offending := sorted(RESERVED_ARGUMENTS.intersection(args))):
        message = f"args holds reserved names, which the runner sets itself: {', '.join(offending)}"
        raise ValueError(message)


class _ProjectBaseV1(BaseModel):
    """What the table of projects and the bodies of the API share."""

    name: str

    read_only: bool = False
    """Whether it is to stay as it is; up to the server to respect."""


class _DatasetBaseV1(BaseModel):
    """What the table of datasets and the bodies of the API share."""

    name: str

    type: str | None = None
    """What the dataset holds, as `Task.input_type` names it; null if it was never said."""

    meta: dict[str, Any] = Field(default_factory=dict)
    """What its last workflow left for the next one, keyed by the tasks' own names."""

    history: list[dict[str, Any]] = Field(default_factory=list)
    """One entry per task that ran on it, oldest first.

    `{"workflowtask": {…dump…}, "status": "submitted|done|failed", "parallelization": {…}|null}`
    """

    read_only: bool = False
    """Whether no job may write to it; up to the server to respect."""


class _ResourceBaseV1(BaseModel):
    """What the table of resources and the bodies of the API share."""

    path: str
    """Absolute path of a folder or file."""


class _TaskBaseV1(BaseModel):
    """What the table of tasks and the bodies of the API share."""

    source: Source
    """Where the task comes from: its identity, unique among all tasks."""


class _WorkflowBaseV1(BaseModel):
    """What the table of workflows and the bodies of the API share."""

    name: str


class _WorkflowTaskBaseV1(BaseModel):
    """What the table of workflow steps and the bodies of the API share."""

    meta: dict[str, Any] | None = None
    """How to run this step (cores, memory, …); overrides `Task.meta` key by key."""

    args: dict[str, Any] | None = None
    """Arguments of this step; never one of `RESERVED_ARGUMENTS`."""

    @field_validator("args")
    @classmethod
    def _refuse_reserved_arguments(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        check_reserved_arguments(value)
        return value


class _ApplyWorkflowBaseV1(BaseModel):
    """What the table of jobs and the bodies of the API share."""

    worker_init: str | None = None
    """Shell lines that each worker runs before its first task."""

"""Workflows of version 1 and their steps."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, field_validator

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


class WorkflowTaskStatusTypeV1(StrEnum):
    """How far one step of a job has come, as the history of a dataset records it."""

    SUBMITTED = "submitted"
    DONE = "done"
    FAILED = "failed"


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

"""Workflow steps of version 2, with options and arguments for each of the two parts of a task."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from fractal_models.enums import WorkflowTaskStatusTypeV2
from fractal_models.schemas.body import Create, Read, Update
from fractal_models.schemas.fields import JSONDict, NotNull, StoredDict
from fractal_models.schemas.v2.image import Filters
from fractal_models.schemas.v2.task import TaskReadV2

__all__ = ["WorkflowTaskCreateV2", "WorkflowTaskReadV2", "WorkflowTaskStatusTypeV2", "WorkflowTaskUpdateV2"]

RESERVED_ARGUMENTS = frozenset({"zarr_dir", "zarr_url", "zarr_urls", "init_args"})
"""Arguments that the runner sets for tasks of version 2."""


def _check_reserved_arguments(args: dict[str, Any]) -> dict[str, Any]:
    if reserved := sorted(RESERVED_ARGUMENTS.intersection(args)):
        message = f"should not contain reserved arguments, which the runner sets: {', '.join(reserved)}"
        raise ValueError(message)
    return args


StepArguments = Annotated[JSONDict, AfterValidator(_check_reserved_arguments)]


class WorkflowTaskCreateV2(Create, of="WorkflowTaskV2"):
    """New step; its workflow and task are in the URL of the request."""

    meta_non_parallel: JSONDict | None = None
    meta_parallel: JSONDict | None = None
    args_non_parallel: StepArguments | None = None
    args_parallel: StepArguments | None = None
    input_filters: Filters = Field(default_factory=Filters)


class WorkflowTaskUpdateV2(Update, of="WorkflowTaskV2"):
    """Change of a step."""

    meta_non_parallel: JSONDict | None = None
    meta_parallel: JSONDict | None = None
    args_non_parallel: StepArguments | None = None
    args_parallel: StepArguments | None = None
    input_filters: NotNull[Filters] = None


class WorkflowTaskReadV2(Read, of="WorkflowTaskV2"):
    """Step of a workflow, which runs a task."""

    order: int | None
    meta_non_parallel: dict[str, Any] | None
    meta_parallel: dict[str, Any] | None
    args_non_parallel: dict[str, Any] | None
    args_parallel: dict[str, Any] | None
    input_filters: StoredDict[Any]
    task_type: str
    workflow_id: int
    task_id: int

    task: TaskReadV2
    """Task of the step."""

"""Workflow steps of version 2, with options and arguments for each of the two parts of a task."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from fractal_models.enums import WorkflowTaskStatusTypeV2
from fractal_models.schemas.body import Create, Read, Response, Update
from fractal_models.schemas.fields import JSONDict, NotNull
from fractal_models.schemas.stored import StoredAs
from fractal_models.schemas.v2.image import Filters
from fractal_models.schemas.v2.task import TaskExportV2, TaskImportV2, TaskImportV2Legacy, TaskReadV2

__all__ = [
    "WorkflowTaskCreateV2",
    "WorkflowTaskExportV2",
    "WorkflowTaskImportV2",
    "WorkflowTaskReadV2",
    "WorkflowTaskReadV2WithWarning",
    "WorkflowTaskStatusTypeV2",
    "WorkflowTaskUpdateV2",
]

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


class WorkflowTaskImportV2(Create, of="WorkflowTaskV2"):
    """Step of an imported workflow."""

    meta_non_parallel: JSONDict | None = None
    meta_parallel: JSONDict | None = None
    args_non_parallel: JSONDict | None = None
    args_parallel: JSONDict | None = None
    input_filters: Filters | None = None

    task: TaskImportV2 | TaskImportV2Legacy
    """Task of the step."""


class WorkflowTaskExportV2(Response, of="WorkflowTaskV2"):
    """Step of an exported workflow."""

    meta_non_parallel: dict[str, Any] | None = None
    meta_parallel: dict[str, Any] | None = None
    args_non_parallel: dict[str, Any] | None = None
    args_parallel: dict[str, Any] | None = None
    input_filters: StoredAs[Filters] = Field(default_factory=Filters)

    task: TaskExportV2
    """Task of the step."""


class WorkflowTaskReadV2(Read, of="WorkflowTaskV2"):
    """Step of a workflow, which runs a task."""

    order: int | None = None
    meta_non_parallel: dict[str, Any] | None = None
    meta_parallel: dict[str, Any] | None = None
    args_non_parallel: dict[str, Any] | None = None
    args_parallel: dict[str, Any] | None = None
    input_filters: StoredAs[Filters]
    task_type: str
    workflow_id: int
    task_id: int

    task: TaskReadV2
    """Task of the step."""


class WorkflowTaskReadV2WithWarning(WorkflowTaskReadV2):
    """Step of a workflow with a warning."""

    warning: str | None = None
    """Reason for which the step may fail; null without one."""

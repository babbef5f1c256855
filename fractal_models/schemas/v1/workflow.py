"""Workflows of version 1 and their steps."""

from typing import Annotated, Any

from pydantic import AfterValidator

from fractal_models.bases_v1 import RESERVED_ARGUMENTS, _WorkflowBaseV1, _WorkflowTaskBaseV1, check_reserved_arguments
from fractal_models.enums import WorkflowTaskStatusTypeV1
from fractal_models.schemas.body import Create, Read, Response, Update
from fractal_models.schemas.fields import JSONDict, Name, NonNegative, NotNull, Unique
from fractal_models.schemas.stored import UtcDatetime
from fractal_models.schemas.v1.project import ProjectReadV1
from fractal_models.schemas.v1.task import TaskExportV1, TaskImportV1, TaskReadV1

__all__ = [
    "RESERVED_ARGUMENTS",
    "WorkflowCreateV1",
    "WorkflowExportV1",
    "WorkflowImportV1",
    "WorkflowReadV1",
    "WorkflowSummaryV1",
    "WorkflowTaskCreateV1",
    "WorkflowTaskExportV1",
    "WorkflowTaskImportV1",
    "WorkflowTaskReadV1",
    "WorkflowTaskStatusTypeV1",
    "WorkflowTaskUpdateV1",
    "WorkflowUpdateV1",
    "_WorkflowBaseV1",
    "_WorkflowTaskBaseV1",
    "check_reserved_arguments",
]


def _check_parallelization_level(meta: dict[str, Any]) -> dict[str, Any]:
    if "parallelization_level" in meta:
        message = "should not contain parallelization_level, which only the task sets"
        raise ValueError(message)
    return meta


class WorkflowTaskCreateV1(_WorkflowTaskBaseV1, Create, of="WorkflowTask", extra="ignore"):
    """New step; its workflow and task are in the URL of the request."""

    meta: JSONDict | None = None
    args: JSONDict | None = None

    order: NotNull[NonNegative] = None
    """Position in the workflow, counted from 0; the end if omitted."""


class WorkflowTaskUpdateV1(_WorkflowTaskBaseV1, Update, of="WorkflowTask", extra="ignore"):
    """Change of a step."""

    meta: Annotated[JSONDict, AfterValidator(_check_parallelization_level)] | None = None
    args: JSONDict | None = None


class WorkflowTaskImportV1(_WorkflowTaskBaseV1, Create, of="WorkflowTask", extra="ignore"):
    """Step of an imported workflow."""

    meta: JSONDict | None = None
    args: JSONDict | None = None

    task: TaskImportV1
    """Task of the step."""


class WorkflowTaskExportV1(Response, of="WorkflowTask"):
    """Step of an exported workflow."""

    meta: dict[str, Any] | None = None
    args: dict[str, Any] | None = None

    task: TaskExportV1
    """Task of the step."""


class WorkflowTaskReadV1(Read, of="WorkflowTask"):
    """Step of a workflow, which runs a task."""

    meta: dict[str, Any] | None = None
    args: dict[str, Any] | None = None
    order: int | None = None
    workflow_id: int
    task_id: int

    task: TaskReadV1
    """Task of the step."""


class WorkflowCreateV1(_WorkflowBaseV1, Create, of="Workflow", extra="ignore"):
    """New workflow; its project is in the URL of the request."""

    name: Name


class WorkflowUpdateV1(Update, of="Workflow", extra="ignore"):
    """Change of a workflow."""

    name: NotNull[Name] = None

    reordered_workflowtask_ids: NotNull[Unique[NonNegative]] = None
    """ID of each step, in the new order."""


class WorkflowImportV1(_WorkflowBaseV1, Create, of="Workflow", extra="ignore"):
    """New workflow with its steps."""

    name: Name

    task_list: list[WorkflowTaskImportV1]
    """Steps, in order of execution."""


class WorkflowExportV1(_WorkflowBaseV1, Response, of="Workflow"):
    """Workflow with its steps, as input for `WorkflowImportV1`."""

    task_list: list[WorkflowTaskExportV1]
    """Steps, in order of execution."""


class WorkflowSummaryV1(_WorkflowBaseV1, Read, of="Workflow"):
    """Workflow without its project and its steps, for rows that were loaded without these."""

    timestamp_created: UtcDatetime
    project_id: int


class WorkflowReadV1(WorkflowSummaryV1):
    """Sequence of tasks to run on a dataset."""

    project: ProjectReadV1
    """Project of the workflow."""

    task_list: list[WorkflowTaskReadV1]
    """Steps, in order of execution."""

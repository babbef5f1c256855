"""Workflows of version 1 and their steps."""

from typing import Annotated, Any

from pydantic import AfterValidator

from fractal_models.bases_v1 import RESERVED_ARGUMENTS, _WorkflowBaseV1, _WorkflowTaskBaseV1, check_reserved_arguments
from fractal_models.enums import WorkflowTaskStatusTypeV1
from fractal_models.schemas.body import Create, Read, Update
from fractal_models.schemas.fields import JSONDict, ListIndex, Name, NotNull, RowId, Unique, UtcDatetime
from fractal_models.schemas.v1.project import ProjectReadV1
from fractal_models.schemas.v1.task import TaskReadV1

__all__ = [
    "RESERVED_ARGUMENTS",
    "WorkflowCreateV1",
    "WorkflowReadV1",
    "WorkflowTaskCreateV1",
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


StepMeta = Annotated[JSONDict, AfterValidator(_check_parallelization_level)]
"""Execution options of a step, without the level of parallelization."""


class WorkflowTaskCreateV1(_WorkflowTaskBaseV1, Create, of="WorkflowTask"):
    """New step; its workflow and task are in the URL of the request."""

    meta: StepMeta | None = None
    args: JSONDict | None = None

    order: ListIndex | None = None
    """Position in the workflow, counted from 0; null for the end."""


class WorkflowTaskUpdateV1(_WorkflowTaskBaseV1, Update, of="WorkflowTask"):
    """Change of a step."""

    meta: StepMeta | None = None
    args: JSONDict | None = None


class WorkflowTaskReadV1(Read, of="WorkflowTask"):
    """Step of a workflow, which runs a task."""

    meta: dict[str, Any] | None
    args: dict[str, Any] | None
    order: int | None
    workflow_id: int
    task_id: int

    task: TaskReadV1
    """Task of the step."""


class WorkflowCreateV1(_WorkflowBaseV1, Create, of="Workflow"):
    """New workflow; its project is in the URL of the request."""

    name: Name


class WorkflowUpdateV1(Update, of="Workflow"):
    """Change of a workflow."""

    name: NotNull[Name] = None

    reordered_workflowtask_ids: NotNull[Unique[RowId]] = None
    """ID of each step, in the new order."""


class WorkflowReadV1(_WorkflowBaseV1, Read, of="Workflow"):
    """Sequence of tasks to run on a dataset."""

    timestamp_created: UtcDatetime
    project_id: int

    project: ProjectReadV1
    """Project of the workflow."""

    task_list: list[WorkflowTaskReadV1]
    """Steps, in order of execution."""

"""Workflows of version 1 and their steps."""

from typing import Annotated, Any

from pydantic import AfterValidator

from fractal_models.bases_v1 import RESERVED_ARGUMENTS, _WorkflowBaseV1, _WorkflowTaskBaseV1, check_reserved_arguments
from fractal_models.enums import WorkflowTaskStatusTypeV1
from fractal_models.schemas.body import Create, Read, Update
from fractal_models.schemas.fields import Given, JSONDict, Key, Moment, Name, Position, Unique
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


def _refuse_parallelization_level(meta: dict[str, Any]) -> dict[str, Any]:
    if "parallelization_level" in meta:
        message = "holds parallelization_level, which is for its task to say"
        raise ValueError(message)
    return meta


StepMeta = Annotated[JSONDict, AfterValidator(_refuse_parallelization_level)]
"""How to run a step, which cannot change what its task runs in parallel over."""


class WorkflowTaskCreateV1(_WorkflowTaskBaseV1, Create, of="WorkflowTask"):
    """A new step, of which workflow and task come from the request's address."""

    meta: StepMeta | None = None
    args: JSONDict | None = None

    order: Position | None = None
    """Position in the workflow, counted from 0; null for its end."""


class WorkflowTaskUpdateV1(_WorkflowTaskBaseV1, Update, of="WorkflowTask"):
    """A change of a step."""

    meta: StepMeta | None = None
    args: JSONDict | None = None


class WorkflowTaskReadV1(Read, of="WorkflowTask"):
    """A task at a place in a workflow."""

    meta: dict[str, Any] | None
    args: dict[str, Any] | None
    order: int | None
    workflow_id: int
    task_id: int

    task: TaskReadV1
    """The task that it runs."""


class WorkflowCreateV1(_WorkflowBaseV1, Create, of="Workflow"):
    """A new workflow, of which the project comes from the request's address."""

    name: Name


class WorkflowUpdateV1(Update, of="Workflow"):
    """A change of a workflow."""

    name: Given[Name] = None

    reordered_workflowtask_ids: Given[Unique[Key]] = None
    """The `id` of each step, in their new order."""


class WorkflowReadV1(_WorkflowBaseV1, Read, of="Workflow"):
    """A sequence of tasks to run on a dataset."""

    timestamp_created: Moment
    project_id: int

    project: ProjectReadV1
    """The project that it belongs to."""

    task_list: list[WorkflowTaskReadV1]
    """Its steps, in the order in which they run."""

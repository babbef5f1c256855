"""Workflows of version 2, without input and output types."""

from fractal_models.schemas.body import Create, Read, Update
from fractal_models.schemas.fields import Name, NotNull, RowId, Unique, UtcDatetime
from fractal_models.schemas.v2.project import ProjectReadV2
from fractal_models.schemas.v2.workflowtask import WorkflowTaskReadV2

__all__ = ["WorkflowCreateV2", "WorkflowReadV2", "WorkflowUpdateV2"]


class WorkflowCreateV2(Create, of="WorkflowV2"):
    """New workflow; its project is in the URL of the request."""

    name: Name


class WorkflowUpdateV2(Update, of="WorkflowV2"):
    """Change of a workflow."""

    name: NotNull[Name] = None

    reordered_workflowtask_ids: NotNull[Unique[RowId]] = None
    """ID of each step, in the new order."""


class WorkflowReadV2(Read, of="WorkflowV2"):
    """Sequence of tasks to run on a dataset."""

    name: str
    timestamp_created: UtcDatetime
    project_id: int

    project: ProjectReadV2
    """Project of the workflow."""

    task_list: list[WorkflowTaskReadV2]
    """Steps, in order of execution."""

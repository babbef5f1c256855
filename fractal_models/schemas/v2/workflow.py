"""Workflows of version 2, without input and output types."""

from fractal_models.schemas.body import Create, Read, Response, Update
from fractal_models.schemas.fields import Name, NonNegative, NotNull, Unique
from fractal_models.schemas.stored import UtcDatetime
from fractal_models.schemas.v2.project import ProjectReadV2
from fractal_models.schemas.v2.workflowtask import (
    WorkflowTaskExportV2,
    WorkflowTaskImportV2,
    WorkflowTaskReadV2,
    WorkflowTaskReadV2WithWarning,
)

__all__ = [
    "WorkflowCreateV2",
    "WorkflowExportV2",
    "WorkflowImportV2",
    "WorkflowReadV2",
    "WorkflowReadV2WithWarnings",
    "WorkflowSummaryV2",
    "WorkflowUpdateV2",
]


class WorkflowCreateV2(Create, of="WorkflowV2"):
    """New workflow; its project is in the URL of the request."""

    name: Name


class WorkflowUpdateV2(Update, of="WorkflowV2"):
    """Change of a workflow."""

    name: NotNull[Name] = None

    reordered_workflowtask_ids: NotNull[Unique[NonNegative]] = None
    """ID of each step, in the new order."""


class WorkflowImportV2(Create, of="WorkflowV2"):
    """New workflow with its steps."""

    name: Name

    task_list: list[WorkflowTaskImportV2]
    """Steps, in order of execution."""


class WorkflowExportV2(Response, of="WorkflowV2"):
    """Workflow with its steps, as input for `WorkflowImportV2`."""

    name: str

    task_list: list[WorkflowTaskExportV2]
    """Steps, in order of execution."""


class WorkflowSummaryV2(Read, of="WorkflowV2"):
    """Workflow without its project and its steps, for rows that were loaded without these."""

    name: str
    timestamp_created: UtcDatetime
    project_id: int


class WorkflowReadV2(WorkflowSummaryV2):
    """Sequence of tasks to run on a dataset."""

    project: ProjectReadV2
    """Project of the workflow."""

    task_list: list[WorkflowTaskReadV2]
    """Steps, in order of execution."""


class WorkflowReadV2WithWarnings(WorkflowReadV2):
    """Workflow with a warning about each step that may fail."""

    task_list: list[WorkflowTaskReadV2WithWarning]  # type: ignore[assignment]  # Answers are not changed.
    """Steps, in order of execution."""

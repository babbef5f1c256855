"""Copies of rows in jobs and histories of version 1: as JSON, with timestamps as text."""

from fractal_models.schemas.body import StoredBody

__all__ = [
    "DatasetDumpV1",
    "ProjectDumpV1",
    "ResourceDumpV1",
    "TaskDumpV1",
    "WorkflowDumpV1",
    "WorkflowTaskDumpV1",
]


class ProjectDumpV1(StoredBody, of="Project", extra="forbid"):
    """Copy of a project."""

    id: int
    name: str
    read_only: bool
    timestamp_created: str


class TaskDumpV1(StoredBody, of="Task"):
    """Copy of a task."""

    id: int
    source: str
    name: str
    command: str
    input_type: str
    output_type: str
    owner: str | None = None
    version: str | None = None


class WorkflowTaskDumpV1(StoredBody, of="WorkflowTask"):
    """Copy of a workflow step."""

    id: int
    order: int | None = None
    workflow_id: int
    task_id: int

    task: TaskDumpV1
    """Copy of the task of the step."""


class WorkflowDumpV1(StoredBody, of="Workflow"):
    """Copy of a workflow, without its steps."""

    id: int
    name: str
    project_id: int
    timestamp_created: str


class ResourceDumpV1(StoredBody, of="Resource"):
    """Copy of a path of a dataset."""

    id: int
    path: str
    dataset_id: int


class DatasetDumpV1(StoredBody, of="Dataset"):
    """Copy of a dataset."""

    id: int
    name: str
    type: str | None = None
    read_only: bool
    project_id: int
    timestamp_created: str

    resource_list: list[ResourceDumpV1]
    """Copies of the paths of the dataset."""

"""Copies of rows in jobs and histories of version 2: as JSON, with timestamps as text."""

from fractal_models.schemas.body import StoredBody
from fractal_models.schemas.v2.image import Filters

__all__ = ["DatasetDumpV2", "ProjectDumpV2", "TaskDumpV2", "WorkflowDumpV2", "WorkflowTaskDumpV2"]


class ProjectDumpV2(StoredBody, of="ProjectV2", extra="forbid"):
    """Copy of a project."""

    id: int
    name: str
    timestamp_created: str


class TaskDumpV2(StoredBody, of="TaskV2"):
    """Copy of a task."""

    id: int
    name: str
    type: str
    command_non_parallel: str | None = None
    command_parallel: str | None = None
    source: str | None = None
    version: str | None = None
    input_types: dict[str, bool]
    output_types: dict[str, bool]


class WorkflowTaskDumpV2(StoredBody, of="WorkflowTaskV2"):
    """Copy of a workflow step."""

    id: int
    order: int | None = None
    workflow_id: int
    task_id: int | None = None
    input_filters: Filters

    task: TaskDumpV2 | None = None
    """Copy of the task of the step; null for a task of version 1, before release 2.5."""


class WorkflowDumpV2(StoredBody, of="WorkflowV2", extra="forbid"):
    """Copy of a workflow, without its steps."""

    id: int
    name: str
    project_id: int
    timestamp_created: str


class DatasetDumpV2(StoredBody, of="DatasetV2", extra="forbid"):
    """Copy of a dataset, without its images."""

    id: int
    name: str
    zarr_dir: str
    filters: Filters
    project_id: int
    timestamp_created: str

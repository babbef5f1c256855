"""Version 1: API bodies, and the bases and enumerations that the tables share with them."""

from fractal_models.bases_v1 import (
    RESERVED_ARGUMENTS,
    _ApplyWorkflowBaseV1,
    _DatasetBaseV1,
    _ProjectBaseV1,
    _ResourceBaseV1,
    _TaskBaseV1,
    _WorkflowBaseV1,
    _WorkflowTaskBaseV1,
)
from fractal_models.enums import JobStatusTypeV1, WorkflowTaskStatusTypeV1
from fractal_models.schemas.v1.applyworkflow import (
    ApplyWorkflowCreateV1,
    ApplyWorkflowReadV1,
    ApplyWorkflowSummaryV1,
    ApplyWorkflowUpdateV1,
)
from fractal_models.schemas.v1.dataset import (
    DatasetCreateV1,
    DatasetReadV1,
    DatasetStatusReadV1,
    DatasetSummaryV1,
    DatasetUpdateV1,
    ResourceCreateV1,
    ResourceReadV1,
    ResourceUpdateV1,
)
from fractal_models.schemas.v1.manifest import ManifestV1, TaskManifestV1
from fractal_models.schemas.v1.project import ProjectCreateV1, ProjectReadV1, ProjectUpdateV1
from fractal_models.schemas.v1.state import StateRead
from fractal_models.schemas.v1.task import TaskCreateV1, TaskImportV1, TaskReadV1, TaskSummaryV1, TaskUpdateV1
from fractal_models.schemas.v1.task_collection import TaskCollectPipV1, TaskCollectStatusV1
from fractal_models.schemas.v1.workflow import (
    WorkflowCreateV1,
    WorkflowExportV1,
    WorkflowImportV1,
    WorkflowReadV1,
    WorkflowSummaryV1,
    WorkflowTaskCreateV1,
    WorkflowTaskExportV1,
    WorkflowTaskImportV1,
    WorkflowTaskReadV1,
    WorkflowTaskUpdateV1,
    WorkflowUpdateV1,
)

__all__ = [
    "RESERVED_ARGUMENTS",
    "ApplyWorkflowCreateV1",
    "ApplyWorkflowReadV1",
    "ApplyWorkflowSummaryV1",
    "ApplyWorkflowUpdateV1",
    "DatasetCreateV1",
    "DatasetReadV1",
    "DatasetStatusReadV1",
    "DatasetSummaryV1",
    "DatasetUpdateV1",
    "JobStatusTypeV1",
    "ManifestV1",
    "ProjectCreateV1",
    "ProjectReadV1",
    "ProjectUpdateV1",
    "ResourceCreateV1",
    "ResourceReadV1",
    "ResourceUpdateV1",
    "StateRead",
    "TaskCollectPipV1",
    "TaskCollectStatusV1",
    "TaskCreateV1",
    "TaskImportV1",
    "TaskManifestV1",
    "TaskReadV1",
    "TaskSummaryV1",
    "TaskUpdateV1",
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
    "_ApplyWorkflowBaseV1",
    "_DatasetBaseV1",
    "_ProjectBaseV1",
    "_ResourceBaseV1",
    "_TaskBaseV1",
    "_WorkflowBaseV1",
    "_WorkflowTaskBaseV1",
]

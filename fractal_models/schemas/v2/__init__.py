"""Version 2: API bodies, and the enumerations that the tables share with them."""

from fractal_models.enums import (
    JobStatusTypeV2,
    TaskGroupActivityActionV2,
    TaskGroupActivityStatusV2,
    TaskGroupV2OriginEnum,
    WorkflowTaskStatusTypeV2,
)
from fractal_models.schemas.v2.dataset import (
    DatasetCreateV2,
    DatasetExportV2,
    DatasetImportV2,
    DatasetReadV2,
    DatasetSummaryV2,
    DatasetUpdateV2,
)
from fractal_models.schemas.v2.dumps import DatasetDumpV2, ProjectDumpV2, TaskDumpV2, WorkflowDumpV2, WorkflowTaskDumpV2
from fractal_models.schemas.v2.image import Filters, SingleImage
from fractal_models.schemas.v2.job import JobCreateV2, JobReadV2, JobSummaryV2, JobUpdateV2
from fractal_models.schemas.v2.manifest import ManifestV2, TaskManifestV2
from fractal_models.schemas.v2.project import ProjectCreateV2, ProjectReadV2, ProjectUpdateV2
from fractal_models.schemas.v2.status import StatusReadV2
from fractal_models.schemas.v2.task import (
    TaskCreateV2,
    TaskExportV2,
    TaskImportV2,
    TaskImportV2Legacy,
    TaskReadV2,
    TaskSummaryV2,
    TaskUpdateV2,
)
from fractal_models.schemas.v2.task_collection import TaskCollectCustomV2, TaskCollectPipV2
from fractal_models.schemas.v2.task_group import (
    TaskGroupActivityV2Read,
    TaskGroupCreateV2,
    TaskGroupCreateV2Strict,
    TaskGroupReadV2,
    TaskGroupUpdateV2,
)
from fractal_models.schemas.v2.workflow import (
    WorkflowCreateV2,
    WorkflowExportV2,
    WorkflowImportV2,
    WorkflowReadV2,
    WorkflowReadV2WithWarnings,
    WorkflowSummaryV2,
    WorkflowUpdateV2,
)
from fractal_models.schemas.v2.workflowtask import (
    WorkflowTaskCreateV2,
    WorkflowTaskExportV2,
    WorkflowTaskImportV2,
    WorkflowTaskReadV2,
    WorkflowTaskReadV2WithWarning,
    WorkflowTaskUpdateV2,
)

__all__ = [
    "DatasetCreateV2",
    "DatasetDumpV2",
    "DatasetExportV2",
    "DatasetImportV2",
    "DatasetReadV2",
    "DatasetSummaryV2",
    "DatasetUpdateV2",
    "Filters",
    "JobCreateV2",
    "JobReadV2",
    "JobStatusTypeV2",
    "JobSummaryV2",
    "JobUpdateV2",
    "ManifestV2",
    "ProjectCreateV2",
    "ProjectDumpV2",
    "ProjectReadV2",
    "ProjectUpdateV2",
    "SingleImage",
    "StatusReadV2",
    "TaskCollectCustomV2",
    "TaskCollectPipV2",
    "TaskCreateV2",
    "TaskDumpV2",
    "TaskExportV2",
    "TaskGroupActivityActionV2",
    "TaskGroupActivityStatusV2",
    "TaskGroupActivityV2Read",
    "TaskGroupCreateV2",
    "TaskGroupCreateV2Strict",
    "TaskGroupReadV2",
    "TaskGroupUpdateV2",
    "TaskGroupV2OriginEnum",
    "TaskImportV2",
    "TaskImportV2Legacy",
    "TaskManifestV2",
    "TaskReadV2",
    "TaskSummaryV2",
    "TaskUpdateV2",
    "WorkflowCreateV2",
    "WorkflowDumpV2",
    "WorkflowExportV2",
    "WorkflowImportV2",
    "WorkflowReadV2",
    "WorkflowReadV2WithWarnings",
    "WorkflowSummaryV2",
    "WorkflowTaskCreateV2",
    "WorkflowTaskDumpV2",
    "WorkflowTaskExportV2",
    "WorkflowTaskImportV2",
    "WorkflowTaskReadV2",
    "WorkflowTaskReadV2WithWarning",
    "WorkflowTaskStatusTypeV2",
    "WorkflowTaskUpdateV2",
    "WorkflowUpdateV2",
]

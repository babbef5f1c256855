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
    DatasetUpdateV2,
)
from fractal_models.schemas.v2.image import Filters, SingleImage
from fractal_models.schemas.v2.job import JobCreateV2, JobReadV2, JobUpdateV2
from fractal_models.schemas.v2.project import ProjectCreateV2, ProjectReadV2, ProjectUpdateV2
from fractal_models.schemas.v2.task import TaskCreateV2, TaskReadV2, TaskUpdateV2
from fractal_models.schemas.v2.task_group import (
    TaskGroupActivityV2Read,
    TaskGroupCreateV2,
    TaskGroupReadV2,
    TaskGroupUpdateV2,
)
from fractal_models.schemas.v2.workflow import WorkflowCreateV2, WorkflowReadV2, WorkflowUpdateV2
from fractal_models.schemas.v2.workflowtask import WorkflowTaskCreateV2, WorkflowTaskReadV2, WorkflowTaskUpdateV2

__all__ = [
    "DatasetCreateV2",
    "DatasetExportV2",
    "DatasetImportV2",
    "DatasetReadV2",
    "DatasetUpdateV2",
    "Filters",
    "JobCreateV2",
    "JobReadV2",
    "JobStatusTypeV2",
    "JobUpdateV2",
    "ProjectCreateV2",
    "ProjectReadV2",
    "ProjectUpdateV2",
    "SingleImage",
    "TaskCreateV2",
    "TaskGroupActivityActionV2",
    "TaskGroupActivityStatusV2",
    "TaskGroupActivityV2Read",
    "TaskGroupCreateV2",
    "TaskGroupReadV2",
    "TaskGroupUpdateV2",
    "TaskGroupV2OriginEnum",
    "TaskReadV2",
    "TaskUpdateV2",
    "WorkflowCreateV2",
    "WorkflowReadV2",
    "WorkflowTaskCreateV2",
    "WorkflowTaskReadV2",
    "WorkflowTaskStatusTypeV2",
    "WorkflowTaskUpdateV2",
    "WorkflowUpdateV2",
]

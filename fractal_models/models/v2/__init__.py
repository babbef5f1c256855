"""Tables of version 2."""

from fractal_models.models.linkuserproject import LinkUserProjectV2
from fractal_models.models.v2.dataset import DatasetV2
from fractal_models.models.v2.job import JobV2
from fractal_models.models.v2.project import ProjectV2
from fractal_models.models.v2.task import TaskV2
from fractal_models.models.v2.task_group import TaskGroupActivityV2, TaskGroupV2
from fractal_models.models.v2.workflow import WorkflowV2
from fractal_models.models.v2.workflowtask import WorkflowTaskV2

__all__ = [
    "DatasetV2",
    "JobV2",
    "LinkUserProjectV2",
    "ProjectV2",
    "TaskGroupActivityV2",
    "TaskGroupV2",
    "TaskV2",
    "WorkflowTaskV2",
    "WorkflowV2",
]

"""Tables of version 1, which the server dropped in release 2.12.

They repeat the fields of their bases in `bases_v1`, so that mypy with the pydantic plugin accepts them in constructors.
"""

from fractal_models.enums import JobStatusTypeV1
from fractal_models.models.linkuserproject import LinkUserProject
from fractal_models.models.v1.dataset import Dataset, Resource
from fractal_models.models.v1.job import ApplyWorkflow
from fractal_models.models.v1.project import Project
from fractal_models.models.v1.state import State
from fractal_models.models.v1.task import Task
from fractal_models.models.v1.workflow import Workflow, WorkflowTask

__all__ = [
    "ApplyWorkflow",
    "Dataset",
    "JobStatusTypeV1",
    "LinkUserProject",
    "Project",
    "Resource",
    "State",
    "Task",
    "Workflow",
    "WorkflowTask",
]

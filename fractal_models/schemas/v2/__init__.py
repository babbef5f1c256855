"""Enumerations of version 2."""

from fractal_models.schemas.v2.job import JobStatusTypeV2
from fractal_models.schemas.v2.task_group import (
    TaskGroupActivityActionV2,
    TaskGroupActivityStatusV2,
    TaskGroupV2OriginEnum,
)
from fractal_models.schemas.v2.workflowtask import WorkflowTaskStatusTypeV2

__all__ = [
    "JobStatusTypeV2",
    "TaskGroupActivityActionV2",
    "TaskGroupActivityStatusV2",
    "TaskGroupV2OriginEnum",
    "WorkflowTaskStatusTypeV2",
]

"""Bases and enumerations of version 1."""

from fractal_models.schemas.v1.applyworkflow import JobStatusTypeV1, _ApplyWorkflowBaseV1
from fractal_models.schemas.v1.dataset import _DatasetBaseV1, _ResourceBaseV1
from fractal_models.schemas.v1.project import _ProjectBaseV1
from fractal_models.schemas.v1.task import _TaskBaseV1
from fractal_models.schemas.v1.workflow import (
    RESERVED_ARGUMENTS,
    WorkflowTaskStatusTypeV1,
    _WorkflowBaseV1,
    _WorkflowTaskBaseV1,
)

__all__ = [
    "RESERVED_ARGUMENTS",
    "JobStatusTypeV1",
    "WorkflowTaskStatusTypeV1",
    "_ApplyWorkflowBaseV1",
    "_DatasetBaseV1",
    "_ProjectBaseV1",
    "_ResourceBaseV1",
    "_TaskBaseV1",
    "_WorkflowBaseV1",
    "_WorkflowTaskBaseV1",
]

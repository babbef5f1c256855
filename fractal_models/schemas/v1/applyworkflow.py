"""Jobs of version 1."""

from typing import Any, Self

from pydantic import model_validator

from fractal_models.bases_v1 import _ApplyWorkflowBaseV1
from fractal_models.enums import JobStatusTypeV1
from fractal_models.schemas.body import Create, Read, Update
from fractal_models.schemas.fields import ListIndex, Name, NotNull, StoredDict, Text, UtcDatetime

__all__ = [
    "ApplyWorkflowCreateV1",
    "ApplyWorkflowReadV1",
    "ApplyWorkflowUpdateV1",
    "JobStatusTypeV1",
    "_ApplyWorkflowBaseV1",
]


class ApplyWorkflowCreateV1(_ApplyWorkflowBaseV1, Create, of="ApplyWorkflow"):
    """New job; its workflow and datasets are in the URL of the request."""

    worker_init: Text | None = None
    slurm_account: Name | None = None

    first_task_index: ListIndex | None = None
    """Position of the first step to run, counted from 0; null for the first of the workflow."""

    last_task_index: ListIndex | None = None
    """Position of the last step to run, counted from 0, inclusive; null for the last of the workflow."""

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.last_task_index is not None and self.last_task_index < (self.first_task_index or 0):
            message = "last_task_index should not be less than first_task_index"
            raise ValueError(message)
        return self


class ApplyWorkflowUpdateV1(Update, of="ApplyWorkflow"):
    """Fields that may change on a job whose runner stopped reporting."""

    status: NotNull[JobStatusTypeV1] = None


class ApplyWorkflowReadV1(_ApplyWorkflowBaseV1, Read, of="ApplyWorkflow"):
    """Job: one run of a workflow; kept, with copies, when the project, workflow or datasets are deleted."""

    project_id: int | None
    workflow_id: int | None
    input_dataset_id: int | None
    output_dataset_id: int | None
    user_email: str
    slurm_account: str | None
    input_dataset_dump: StoredDict[Any]
    output_dataset_dump: StoredDict[Any]
    workflow_dump: StoredDict[Any]
    project_dump: StoredDict[Any]
    working_dir: str | None
    working_dir_user: str | None
    first_task_index: int
    last_task_index: int
    start_timestamp: UtcDatetime
    end_timestamp: UtcDatetime | None
    status: str
    log: str | None

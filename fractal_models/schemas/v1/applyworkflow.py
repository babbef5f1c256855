"""Jobs of version 1."""

from typing import Any, Self

from pydantic import model_validator

from fractal_models.bases_v1 import _ApplyWorkflowBaseV1
from fractal_models.enums import JobStatusTypeV1
from fractal_models.schemas.body import Create, Read, Update
from fractal_models.schemas.fields import Given, Moment, Name, Position, StoredDict, Text

__all__ = [
    "ApplyWorkflowCreateV1",
    "ApplyWorkflowReadV1",
    "ApplyWorkflowUpdateV1",
    "JobStatusTypeV1",
    "_ApplyWorkflowBaseV1",
]


class ApplyWorkflowCreateV1(_ApplyWorkflowBaseV1, Create, of="ApplyWorkflow"):
    """A new job, of which workflow and datasets come from the request's address."""

    worker_init: Text | None = None
    slurm_account: Name | None = None

    first_task_index: Position | None = None
    """Position of the first step to run, counted from 0; null for the first one of the workflow."""

    last_task_index: Position | None = None
    """Position of the last step to run, counted from 0, inclusive; null for the last one of the workflow."""

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.last_task_index is not None and self.last_task_index < (self.first_task_index or 0):
            message = "last_task_index comes before first_task_index"
            raise ValueError(message)
        return self


class ApplyWorkflowUpdateV1(Update, of="ApplyWorkflow"):
    """A change of a job, by whom the runner has left in the dark."""

    status: Given[JobStatusTypeV1] = None


class ApplyWorkflowReadV1(_ApplyWorkflowBaseV1, Read, of="ApplyWorkflow"):
    """A job: one run of a workflow. It outlives what it ran on, of which it keeps copies."""

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
    start_timestamp: Moment
    end_timestamp: Moment | None
    status: str
    log: str | None

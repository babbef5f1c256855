"""Jobs of version 2: one dataset is both input and output."""

from typing import Any, Self

from pydantic import model_validator

from fractal_models.enums import JobStatusTypeV2
from fractal_models.schemas.body import Create, Read, Update
from fractal_models.schemas.fields import Given, Moment, Name, Position, StoredDict, Text

__all__ = ["JobCreateV2", "JobReadV2", "JobStatusTypeV2", "JobUpdateV2"]


class JobCreateV2(Create, of="JobV2"):
    """A new job, of which workflow and dataset come from the request's address."""

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


class JobUpdateV2(Update, of="JobV2"):
    """A change of a job, by whom the runner has left in the dark."""

    status: Given[JobStatusTypeV2] = None


class JobReadV2(Read, of="JobV2"):
    """One run of a workflow. It outlives what it ran on, of which it keeps copies."""

    project_id: int | None
    workflow_id: int | None
    dataset_id: int | None
    user_email: str
    slurm_account: str | None
    dataset_dump: StoredDict[Any]
    workflow_dump: StoredDict[Any]
    project_dump: StoredDict[Any]
    worker_init: str | None
    working_dir: str | None
    working_dir_user: str | None
    first_task_index: int
    last_task_index: int
    start_timestamp: Moment
    end_timestamp: Moment | None
    status: str
    log: str | None

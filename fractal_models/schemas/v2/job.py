"""Jobs of version 2, with one dataset as input and output."""

from typing import Any, Self

from pydantic import model_validator

from fractal_models.enums import JobStatusTypeV2
from fractal_models.schemas.body import Create, Read, Update
from fractal_models.schemas.fields import ListIndex, Name, NotNull, StoredDict, Text, UtcDatetime

__all__ = ["JobCreateV2", "JobReadV2", "JobStatusTypeV2", "JobUpdateV2"]


class JobCreateV2(Create, of="JobV2"):
    """New job; its workflow and dataset are in the URL of the request."""

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


class JobUpdateV2(Update, of="JobV2"):
    """Fields that may change on a job whose runner stopped reporting."""

    status: NotNull[JobStatusTypeV2] = None


class JobReadV2(Read, of="JobV2"):
    """One run of a workflow; kept, with copies, when the project, workflow or dataset is deleted."""

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
    start_timestamp: UtcDatetime
    end_timestamp: UtcDatetime | None
    status: str
    log: str | None

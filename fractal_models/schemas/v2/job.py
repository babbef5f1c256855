"""Jobs of version 2, with one dataset as input and output."""

from typing import Self

from pydantic import model_validator

from fractal_models.enums import JobStatusTypeV2
from fractal_models.schemas.body import Create, Read, Update
from fractal_models.schemas.fields import Name, NonNegative
from fractal_models.schemas.stored import StoredAs, UtcDatetime
from fractal_models.schemas.v2.dumps import DatasetDumpV2, ProjectDumpV2, WorkflowDumpV2

__all__ = ["JobCreateV2", "JobReadV2", "JobStatusTypeV2", "JobSummaryV2", "JobUpdateV2"]


class JobCreateV2(Create, of="JobV2"):
    """New job; its workflow and dataset are in the URL of the request."""

    worker_init: Name | None = None
    slurm_account: Name | None = None

    first_task_index: NonNegative | None = None
    """Position of the first step to run, counted from 0; null for the first of the workflow."""

    last_task_index: NonNegative | None = None
    """Position of the last step to run, counted from 0, inclusive; null for the last of the workflow."""

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.last_task_index is not None and self.last_task_index < (self.first_task_index or 0):
            message = "last_task_index should not be less than first_task_index"
            raise ValueError(message)
        return self


class JobUpdateV2(Update, of="JobV2"):
    """Fields that may change on a job whose runner stopped reporting."""

    status: JobStatusTypeV2


class JobSummaryV2(Read, of="JobV2"):
    """Job without its dumps and its log, for rows that were loaded `without_heavy`."""

    project_id: int | None = None
    workflow_id: int | None = None
    dataset_id: int | None = None
    user_email: str
    slurm_account: str | None = None
    worker_init: str | None = None
    working_dir: str | None = None
    working_dir_user: str | None = None
    first_task_index: int | None = None
    last_task_index: int | None = None
    start_timestamp: UtcDatetime
    end_timestamp: UtcDatetime | None = None
    status: str


class JobReadV2(JobSummaryV2):
    """One run of a workflow; kept, with copies, when the project, workflow or dataset is deleted."""

    dataset_dump: StoredAs[DatasetDumpV2]
    workflow_dump: StoredAs[WorkflowDumpV2]
    project_dump: StoredAs[ProjectDumpV2]
    log: str | None = None

"""Jobs of version 1."""

from typing import Self

from pydantic import model_validator

from fractal_models.bases_v1 import _ApplyWorkflowBaseV1
from fractal_models.enums import JobStatusTypeV1
from fractal_models.schemas.body import Create, Read, Update
from fractal_models.schemas.fields import Name, NonNegative
from fractal_models.schemas.stored import StoredAs, UtcDatetime
from fractal_models.schemas.v1.dumps import DatasetDumpV1, ProjectDumpV1, WorkflowDumpV1

__all__ = [
    "ApplyWorkflowCreateV1",
    "ApplyWorkflowReadV1",
    "ApplyWorkflowSummaryV1",
    "ApplyWorkflowUpdateV1",
    "JobStatusTypeV1",
    "_ApplyWorkflowBaseV1",
]


class ApplyWorkflowCreateV1(_ApplyWorkflowBaseV1, Create, of="ApplyWorkflow", extra="ignore"):
    """New job; its workflow and datasets are in the URL of the request."""

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


class ApplyWorkflowUpdateV1(Update, of="ApplyWorkflow", extra="ignore"):
    """Fields that may change on a job whose runner stopped reporting."""

    status: JobStatusTypeV1


class ApplyWorkflowSummaryV1(_ApplyWorkflowBaseV1, Read, of="ApplyWorkflow"):
    """Job without its dumps and its log, for rows that were loaded `without_heavy`."""

    project_id: int | None = None
    workflow_id: int | None = None
    input_dataset_id: int | None = None
    output_dataset_id: int | None = None
    user_email: str
    slurm_account: str | None = None
    working_dir: str | None = None
    working_dir_user: str | None = None
    first_task_index: int | None = None
    last_task_index: int | None = None
    start_timestamp: UtcDatetime
    end_timestamp: UtcDatetime | None = None
    status: str


class ApplyWorkflowReadV1(ApplyWorkflowSummaryV1):
    """Job: one run of a workflow; kept, with copies, when the project, workflow or datasets are deleted."""

    input_dataset_dump: StoredAs[DatasetDumpV1]
    output_dataset_dump: StoredAs[DatasetDumpV1]
    workflow_dump: StoredAs[WorkflowDumpV1]
    project_dump: StoredAs[ProjectDumpV1]
    log: str | None = None

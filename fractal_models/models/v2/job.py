"""Jobs of version 2, with one dataset as input and output."""

from datetime import datetime
from typing import Any

from sqlmodel import Field

from fractal_models.base import Base
from fractal_models.columns import (
    OneSubmittedIndex,
    enum_check,
    heavy_text,
    json_object,
    primary_key,
    task_index_range,
    timestamp_now,
)
from fractal_models.enums import JobStatusTypeV2


class JobV2(Base, table=True):
    """One run of a workflow; kept, with copies, when the project, workflow or dataset is deleted."""

    __tablename__ = "jobv2"
    __table_args__ = (
        OneSubmittedIndex("ix_jobv2_one_submitted_per_dataset", "dataset_id"),
        enum_check("status", JobStatusTypeV2),
        task_index_range(),
    )

    id: int | None = primary_key()

    project_id: int | None = Field(default=None, foreign_key="projectv2.id", ondelete="SET NULL", index=True)
    """Project of the job; null after its deletion."""

    workflow_id: int | None = Field(default=None, foreign_key="workflowv2.id", ondelete="SET NULL", index=True)
    """Workflow of the job; null after its deletion."""

    dataset_id: int | None = Field(default=None, foreign_key="datasetv2.id", ondelete="SET NULL", index=True)
    """Dataset of the job; null after its deletion."""

    user_email: str
    """The submitter's e-mail address at submission."""

    slurm_account: str | None = None
    """SLURM account to charge; null for the default of the cluster."""

    dataset_dump: dict[str, Any] = json_object(heavy=True)
    """Copy of the dataset at submission, without its images and history."""

    workflow_dump: dict[str, Any] = json_object(heavy=True)
    """Copy of the workflow at submission, without its steps."""

    project_dump: dict[str, Any] = json_object(heavy=True)
    """Copy of the project at submission."""

    worker_init: str | None = None
    """Shell commands that each worker runs before its first task."""

    working_dir: str | None = None
    """Folder for scripts and logs, owned by the server."""

    working_dir_user: str | None = None
    """Folder for files, owned by the user on the cluster."""

    first_task_index: int
    """Position of the first step to run, counted from 0."""

    last_task_index: int
    """Position of the last step to run, counted from 0, inclusive."""

    start_timestamp: datetime = timestamp_now()
    """Time of submission."""

    end_timestamp: datetime | None = None
    """Time of the end, with or without an error; null before."""

    status: str = JobStatusTypeV2.SUBMITTED.value
    """One of `JobStatusTypeV2`."""

    log: str | None = heavy_text()
    """Report of the runner; null while the job runs."""

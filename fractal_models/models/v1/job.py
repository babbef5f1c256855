"""Jobs of version 1."""

from datetime import datetime
from typing import Any

from sqlmodel import Field

from fractal_models.base import Base
from fractal_models.bases_v1 import _ApplyWorkflowBaseV1
from fractal_models.columns import (
    OneSubmittedIndex,
    enum_check,
    heavy_text,
    json_object,
    primary_key,
    task_index_range,
    timestamp_now,
)
from fractal_models.enums import JobStatusTypeV1


class ApplyWorkflow(_ApplyWorkflowBaseV1, Base, table=True):
    """Job: one run of a workflow; kept, with copies, when the project, workflow or datasets are deleted."""

    __tablename__ = "applyworkflow"
    __table_args__ = (
        OneSubmittedIndex("ix_applyworkflow_one_submitted_per_output_dataset", "output_dataset_id"),
        enum_check("status", JobStatusTypeV1),
        task_index_range(),
    )

    id: int | None = primary_key()

    project_id: int | None = Field(default=None, foreign_key="project.id", ondelete="SET NULL", index=True)
    """Project of the job; null after its deletion."""

    workflow_id: int | None = Field(default=None, foreign_key="workflow.id", ondelete="SET NULL", index=True)
    """Workflow of the job; null after its deletion."""

    input_dataset_id: int | None = Field(default=None, foreign_key="dataset.id", ondelete="SET NULL", index=True)
    """Input dataset; null after its deletion."""

    output_dataset_id: int | None = Field(default=None, foreign_key="dataset.id", ondelete="SET NULL", index=True)
    """Output dataset; null after its deletion."""

    user_email: str
    """The submitter's e-mail address at submission; `provenance.UNKNOWN_TEXT` if it was not recorded."""

    slurm_account: str | None = None
    """SLURM account to charge; null for the default of the cluster."""

    input_dataset_dump: dict[str, Any] = json_object(heavy=True)
    """Copy of the input dataset at submission, without its history; rebuilt or empty in jobs from before 1.4.0."""

    output_dataset_dump: dict[str, Any] = json_object(heavy=True)
    """Copy of the output dataset at submission, without its history; rebuilt or empty in jobs from before 1.4.0."""

    workflow_dump: dict[str, Any] = json_object(heavy=True)
    """Copy of the workflow at submission, with steps and tasks in jobs from before 1.4.4.

    It is rebuilt or empty in jobs from before 1.3.5.
    """

    project_dump: dict[str, Any] = json_object(heavy=True)
    """Copy of the project at submission; rebuilt or empty in jobs from before 1.4.2."""

    worker_init: str | None = None

    working_dir: str | None = None
    """Folder for scripts and logs, owned by the server."""

    working_dir_user: str | None = None
    """Folder for files, owned by the user on the cluster."""

    first_task_index: int
    """Position of the first step to run, counted from 0; 9999 if it was not recorded."""

    last_task_index: int
    """Position of the last step to run, counted from 0, inclusive; 9999 if it was not recorded."""

    start_timestamp: datetime = timestamp_now()
    """Time of submission."""

    end_timestamp: datetime | None = None
    """Time of the end, with or without an error; null before."""

    status: str = JobStatusTypeV1.SUBMITTED.value
    """One of `JobStatusTypeV1`."""

    log: str | None = heavy_text()
    """Report of the runner; null while the job runs."""

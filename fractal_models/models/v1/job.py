"""Jobs of version 1."""

from datetime import datetime
from typing import Any

from sqlmodel import Field

from fractal_models.base import Base
from fractal_models.bases_v1 import _ApplyWorkflowBaseV1
from fractal_models.columns import (
    enum_check,
    heavy,
    json_object,
    one_submitted_index,
    primary_key,
    task_index_range,
    timestamp_now,
)
from fractal_models.enums import JobStatusTypeV1


class ApplyWorkflow(_ApplyWorkflowBaseV1, Base, table=True):
    """A job: one run of a workflow. It outlives what it ran on, of which it keeps copies."""

    __tablename__ = "applyworkflow"
    __table_args__ = (
        one_submitted_index("ix_applyworkflow_one_submitted_per_output_dataset", "output_dataset_id"),
        enum_check("status", JobStatusTypeV1),
        task_index_range(),
    )

    id: int | None = primary_key()

    project_id: int | None = Field(default=None, foreign_key="project.id", ondelete="SET NULL", index=True)
    """Null once the project was deleted."""

    workflow_id: int | None = Field(default=None, foreign_key="workflow.id", ondelete="SET NULL", index=True)
    """Null once the workflow was deleted."""

    input_dataset_id: int | None = Field(default=None, foreign_key="dataset.id", ondelete="SET NULL", index=True)
    """Null once the dataset was deleted."""

    output_dataset_id: int | None = Field(default=None, foreign_key="dataset.id", ondelete="SET NULL", index=True)
    """Null once the dataset was deleted."""

    user_email: str
    """Who submitted it, by the address of then."""

    slurm_account: str | None = None
    """SLURM account to charge; null for the cluster's default."""

    input_dataset_dump: dict[str, Any] = json_object(sa_column_kwargs=heavy())
    """The input dataset as it was at submission."""

    output_dataset_dump: dict[str, Any] = json_object(sa_column_kwargs=heavy())
    """The output dataset as it was at submission."""

    workflow_dump: dict[str, Any] = json_object(sa_column_kwargs=heavy())
    """The workflow, steps and tasks included, as it was at submission."""

    project_dump: dict[str, Any] = json_object(sa_column_kwargs=heavy())
    """The project as it was at submission."""

    worker_init: str | None = None

    working_dir: str | None = None
    """Folder of the server for its scripts and logs."""

    working_dir_user: str | None = None
    """Folder of the cluster's user for its files."""

    first_task_index: int
    """Position of the first step that it runs, counted from 0."""

    last_task_index: int
    """Position of the last step that it runs, counted from 0, inclusive."""

    start_timestamp: datetime = timestamp_now()
    """When it was submitted."""

    end_timestamp: datetime | None = None
    """When it ended, with or without an error; null until then."""

    status: str = JobStatusTypeV1.SUBMITTED.value
    """One of `JobStatusTypeV1`."""

    log: str | None = Field(default=None, sa_column_kwargs=heavy())
    """What the runner reported; null while it runs."""

"""Jobs of version 2: one dataset is both input and output."""

from datetime import datetime
from typing import Any

from sqlmodel import Field

from fractal_models.base import Base
from fractal_models.columns import (
    enum_check,
    heavy,
    json_object,
    one_submitted_index,
    primary_key,
    task_index_range,
    timestamp_now,
)
from fractal_models.enums import JobStatusTypeV2


class JobV2(Base, table=True):
    """One run of a workflow. It outlives what it ran on, of which it keeps copies."""

    __tablename__ = "jobv2"
    __table_args__ = (
        one_submitted_index("ix_jobv2_one_submitted_per_dataset", "dataset_id"),
        enum_check("status", JobStatusTypeV2),
        task_index_range(),
    )

    id: int | None = primary_key()

    project_id: int | None = Field(default=None, foreign_key="projectv2.id", ondelete="SET NULL", index=True)
    """Null once the project was deleted."""

    workflow_id: int | None = Field(default=None, foreign_key="workflowv2.id", ondelete="SET NULL", index=True)
    """Null once the workflow was deleted."""

    dataset_id: int | None = Field(default=None, foreign_key="datasetv2.id", ondelete="SET NULL", index=True)
    """Null once the dataset was deleted."""

    user_email: str
    """Who submitted it, by the address of then."""

    slurm_account: str | None = None
    """SLURM account to charge; null for the cluster's default."""

    dataset_dump: dict[str, Any] = json_object(sa_column_kwargs=heavy())
    """The dataset as it was at submission."""

    workflow_dump: dict[str, Any] = json_object(sa_column_kwargs=heavy())
    """The workflow, steps and tasks included, as it was at submission."""

    project_dump: dict[str, Any] = json_object(sa_column_kwargs=heavy())
    """The project as it was at submission."""

    worker_init: str | None = None
    """Shell lines that each worker runs before its first task."""

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

    status: str = JobStatusTypeV2.SUBMITTED.value
    """One of `JobStatusTypeV2`."""

    log: str | None = Field(default=None, sa_column_kwargs=heavy())
    """What the runner reported; null while it runs."""

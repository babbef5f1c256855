"""Workflows of version 2: as in version 1, but tasks say for themselves which images they take."""

from datetime import datetime

from fractal_models.base import Base
from fractal_models.columns import (
    eager_relationship,
    keep_numbered,
    primary_key,
    required_foreign_key,
    steps,
    timestamp_now,
)
from fractal_models.models.v2.project import ProjectV2
from fractal_models.models.v2.workflowtask import WorkflowTaskV2


class WorkflowV2(Base, table=True):
    """A sequence of tasks to run on a dataset."""

    __tablename__ = "workflowv2"

    id: int | None = primary_key()

    project_id: int = required_foreign_key(foreign_key="projectv2.id", index=True)
    project: ProjectV2 = eager_relationship()

    name: str

    timestamp_created: datetime = timestamp_now()

    task_list: list[WorkflowTaskV2] = steps("WorkflowTaskV2.order")


keep_numbered(WorkflowV2.task_list)

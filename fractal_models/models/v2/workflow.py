"""Workflows of version 2, without input and output types."""

from datetime import datetime

from fractal_models.base import Base
from fractal_models.columns import (
    eager_relationship,
    primary_key,
    required_foreign_key,
    step_list,
    timestamp_now,
)
from fractal_models.models.v2.project import ProjectV2
from fractal_models.models.v2.workflowtask import WorkflowTaskV2
from fractal_models.step_list import number_on_assignment


class WorkflowV2(Base, table=True):
    """Sequence of tasks to run on a dataset; keeps its project from being deleted."""

    __tablename__ = "workflowv2"

    id: int | None = primary_key()

    project_id: int = required_foreign_key(foreign_key="projectv2.id", index=True)
    project: ProjectV2 = eager_relationship()

    name: str

    timestamp_created: datetime = timestamp_now()

    task_list: list[WorkflowTaskV2] = step_list("WorkflowTaskV2")


number_on_assignment(WorkflowV2.task_list)

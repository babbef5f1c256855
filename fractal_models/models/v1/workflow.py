"""Workflows of version 1 and their steps."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import validates

from fractal_models.base import Base
from fractal_models.bases_v1 import _WorkflowBaseV1, _WorkflowTaskBaseV1, check_reserved_arguments
from fractal_models.columns import (
    eager_relationship,
    json_object,
    primary_key,
    required_foreign_key,
    step_list,
    timestamp_now,
)
from fractal_models.models.v1.project import Project
from fractal_models.models.v1.task import Task
from fractal_models.step_list import number_on_assignment


class WorkflowTask(_WorkflowTaskBaseV1, Base, table=True):
    """Step of a workflow, which runs a task; deleted with the workflow."""

    __tablename__ = "workflowtask"

    id: int | None = primary_key()

    workflow_id: int = required_foreign_key(foreign_key="workflow.id", ondelete="CASCADE", index=True)

    task_id: int = required_foreign_key(foreign_key="task.id", index=True)
    task: Task = eager_relationship()

    order: int | None = None
    """Position in the workflow, counted from 0."""

    meta: dict[str, Any] | None = json_object(default=None)
    args: dict[str, Any] | None = json_object(default=None, check=check_reserved_arguments)

    @validates("args")
    def _validate_assigned_args(self, _name: str, value: dict[str, Any] | None) -> dict[str, Any] | None:
        return self.validate_args(value)

    @staticmethod
    def validate_args(value: dict[str, Any] | None = None) -> dict[str, Any] | None:
        """Return the arguments unchanged.

        The check runs here and on assignment. Edits in place are checked when they are flushed, bulk statements when
        they are executed.

        Raises:
            ValueError: They include `RESERVED_ARGUMENTS`; the message lists these.
        """
        check_reserved_arguments(value)
        return value

    @property
    def parallelization_level(self) -> str | None:
        """`Task.parallelization_level`."""
        return self.task.parallelization_level

    @property
    def is_parallel(self) -> bool:
        """`Task.is_parallel`."""
        return self.task.is_parallel


class Workflow(_WorkflowBaseV1, Base, table=True):
    """Sequence of tasks to run on a dataset; keeps its project from being deleted."""

    __tablename__ = "workflow"

    id: int | None = primary_key()

    project_id: int = required_foreign_key(foreign_key="project.id", index=True)
    project: Project = eager_relationship()

    name: str

    timestamp_created: datetime = timestamp_now()

    task_list: list[WorkflowTask] = step_list("WorkflowTask")

    @property
    def input_type(self) -> str:
        """`Task.input_type` of the first step.

        Raises:
            ValueError: The workflow has no steps.
        """
        return self._step(0).task.input_type

    @property
    def output_type(self) -> str:
        """`Task.output_type` of the last step.

        Raises:
            ValueError: The workflow has no steps.
        """
        return self._step(-1).task.output_type

    def _step(self, index: int) -> WorkflowTask:
        if not self.task_list:
            message = f"Workflow {self.id} ({self.name}) has no steps, so neither input type nor output type"
            raise ValueError(message)
        return self.task_list[index]


number_on_assignment(Workflow.task_list)

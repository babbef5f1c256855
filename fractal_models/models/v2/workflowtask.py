"""Workflow steps of version 2: meta and arguments for each of the two parts of a task."""

from typing import Any

from fractal_models.base import Base
from fractal_models.columns import eager_relationship, json_object, no_filters, primary_key, required_foreign_key
from fractal_models.models.v2.task import TaskV2


class WorkflowTaskV2(Base, table=True):
    """A task at a place in a workflow; deleted with the workflow."""

    __tablename__ = "workflowtaskv2"

    id: int | None = primary_key()

    workflow_id: int = required_foreign_key(foreign_key="workflowv2.id", ondelete="CASCADE", index=True)

    task_id: int = required_foreign_key(foreign_key="taskv2.id", index=True)
    task: TaskV2 = eager_relationship()

    task_type: str
    """`TaskV2.type` of its task."""

    order: int | None = None
    """Position in the workflow, counted from 0."""

    meta_non_parallel: dict[str, Any] | None = json_object(default=None)
    """How to run the non-parallel part of this step; overrides `TaskV2.meta_non_parallel` key by key."""

    meta_parallel: dict[str, Any] | None = json_object(default=None)
    """How to run the parallel part of this step; overrides `TaskV2.meta_parallel` key by key."""

    args_non_parallel: dict[str, Any] | None = json_object(default=None)
    """Arguments of the non-parallel part."""

    args_parallel: dict[str, Any] | None = json_object(default=None)
    """Arguments of the parallel part."""

    input_filters: dict[str, Any] = json_object(
        default_factory=no_filters, sa_column_kwargs={"server_default": '{"attributes": {}, "types": {}}'}
    )
    """Which images this step gets: same shape as `DatasetV2.filters`."""

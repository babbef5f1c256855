"""Workflow steps of version 2, with options and arguments for each of the two parts of a task."""

from typing import Any

from fractal_models.base import Base
from fractal_models.columns import eager_relationship, image_filters, json_object, primary_key, required_foreign_key
from fractal_models.models.v2.task import TaskV2


class WorkflowTaskV2(Base, table=True):
    """Step of a workflow, which runs a task; deleted with the workflow."""

    __tablename__ = "workflowtaskv2"

    id: int | None = primary_key()

    workflow_id: int = required_foreign_key(foreign_key="workflowv2.id", ondelete="CASCADE", index=True)

    task_id: int = required_foreign_key(foreign_key="taskv2.id", index=True)
    task: TaskV2 = eager_relationship()

    task_type: str
    """`TaskV2.type` of the task."""

    order: int | None = None
    """Position in the workflow, counted from 0."""

    meta_non_parallel: dict[str, Any] | None = json_object(default=None)
    """Execution options of the non-parallel part; each key overrides the one in `TaskV2.meta_non_parallel`."""

    meta_parallel: dict[str, Any] | None = json_object(default=None)
    """Execution options of the parallel part; each key overrides the one in `TaskV2.meta_parallel`."""

    args_non_parallel: dict[str, Any] | None = json_object(default=None)
    """Arguments of the non-parallel part."""

    args_parallel: dict[str, Any] | None = json_object(default=None)
    """Arguments of the parallel part."""

    input_filters: dict[str, Any] = image_filters()
    """Filters for the images of this step, like `DatasetV2.filters`."""

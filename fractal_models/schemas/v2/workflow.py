"""Workflows of version 2: as in version 1, but tasks say for themselves which images they take."""

from fractal_models.schemas.body import Create, Read, Update
from fractal_models.schemas.fields import Given, Key, Moment, Name, Unique
from fractal_models.schemas.v2.project import ProjectReadV2
from fractal_models.schemas.v2.workflowtask import WorkflowTaskReadV2

__all__ = ["WorkflowCreateV2", "WorkflowReadV2", "WorkflowUpdateV2"]


class WorkflowCreateV2(Create, of="WorkflowV2"):
    """A new workflow, of which the project comes from the request's address."""

    name: Name


class WorkflowUpdateV2(Update, of="WorkflowV2"):
    """A change of a workflow."""

    name: Given[Name] = None

    reordered_workflowtask_ids: Given[Unique[Key]] = None
    """The `id` of each step, in their new order."""


class WorkflowReadV2(Read, of="WorkflowV2"):
    """A sequence of tasks to run on a dataset."""

    name: str
    timestamp_created: Moment
    project_id: int

    project: ProjectReadV2
    """The project that it belongs to."""

    task_list: list[WorkflowTaskReadV2]
    """Its steps, in the order in which they run."""

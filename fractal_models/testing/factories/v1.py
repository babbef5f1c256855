"""Factories of the tables of version 1."""

from typing import Any

from polyfactory import Use
from sqlalchemy.orm import Session

from fractal_models import models
from fractal_models.enums import JobStatusTypeV1
from fractal_models.testing.factories.base import TableFactory, at_end, in_one_project, next_timestamp, numbered


class ProjectFactory(TableFactory[models.Project]):
    """A project without users."""

    name = numbered("project-{}")


class LinkUserProjectFactory(TableFactory[models.LinkUserProject]):
    """A membership of a user in a project."""


class DatasetFactory(TableFactory[models.Dataset]):
    """A dataset without resources."""

    project = ProjectFactory
    name = numbered("dataset-{}")


class ResourceFactory(TableFactory[models.Resource]):
    """A path of a dataset."""

    path = numbered("/data/{}")


class TaskFactory(TableFactory[models.Task]):
    """A task without an owner."""

    source = numbered("package:1.0.0:task-{}")
    name = numbered("task-{}")
    command = "python task.py"
    input_type = "zarr"
    output_type = "zarr"


class WorkflowFactory(TableFactory[models.Workflow]):
    """A workflow without steps."""

    project = ProjectFactory
    name = numbered("workflow-{}")


class WorkflowTaskFactory(TableFactory[models.WorkflowTask]):
    """A step with a task of its own."""

    task = TaskFactory
    order = 0

    @classmethod
    def create(cls, session: Session, /, **values: Any) -> models.WorkflowTask:
        """Add a step, by default as the last one of its workflow."""
        return super().create(session, **at_end(session, models.WorkflowTask, values))


class ApplyWorkflowFactory(TableFactory[models.ApplyWorkflow]):
    """A completed job."""

    user_email = "user@example.org"
    first_task_index = 0
    last_task_index = 0
    status = JobStatusTypeV1.DONE.value
    end_timestamp = Use(next_timestamp)

    @classmethod
    def create(cls, session: Session, /, **values: Any) -> models.ApplyWorkflow:
        """Add a job, with new datasets and a new workflow in one project where these are not given.

        Pass None for a dataset, workflow or project that was deleted.
        """
        parents: dict[str, type[TableFactory[Any]]] = {
            "workflow_id": WorkflowFactory,
            "input_dataset_id": DatasetFactory,
            "output_dataset_id": DatasetFactory,
        }
        return super().create(session, **in_one_project(session, ProjectFactory, parents, values))


class StateFactory(TableFactory[models.State]):
    """An empty state."""

    timestamp = Use(next_timestamp)

"""Factories of the tables of version 2."""

from typing import Any

from polyfactory import PostGenerated, Use
from sqlalchemy.orm import Session

from fractal_models import models
from fractal_models.enums import (
    JobStatusTypeV2,
    TaskGroupActivityActionV2,
    TaskGroupActivityStatusV2,
    TaskGroupV2OriginEnum,
)
from fractal_models.testing.factories.base import TableFactory, at_end, in_one_project, next_timestamp, numbered


class ProjectV2Factory(TableFactory[models.ProjectV2]):
    """A project without users."""

    name = numbered("project-{}")


class LinkUserProjectV2Factory(TableFactory[models.LinkUserProjectV2]):
    """A membership of a user in a project."""


class DatasetV2Factory(TableFactory[models.DatasetV2]):
    """A dataset without images."""

    project = ProjectV2Factory
    name = numbered("dataset-{}")
    zarr_dir = numbered("/zarr/{}")


class TaskGroupV2Factory(TableFactory[models.TaskGroupV2]):
    """A package from PyPI, without tasks."""

    origin = TaskGroupV2OriginEnum.PYPI.value
    pkg_name = numbered("package-{}")
    version = "1.0.0"


class TaskV2Factory(TableFactory[models.TaskV2]):
    """A parallel task, or one of the given type; the type determines its commands."""

    name = numbered("task-{}")
    type = "parallel"
    command_non_parallel = PostGenerated(lambda _, task: None if task["type"] == "parallel" else "python plan.py")
    command_parallel = PostGenerated(lambda _, task: None if task["type"] == "non_parallel" else "python task.py")


class WorkflowV2Factory(TableFactory[models.WorkflowV2]):
    """A workflow without steps."""

    project = ProjectV2Factory
    name = numbered("workflow-{}")


class WorkflowTaskV2Factory(TableFactory[models.WorkflowTaskV2]):
    """A step with a task of its own, of the type of its task."""

    task = TaskV2Factory
    task_type = PostGenerated(lambda _, step: step["task"].type if "task" in step else TaskV2Factory.type)
    order = 0

    @classmethod
    def create(cls, session: Session, /, **values: Any) -> models.WorkflowTaskV2:
        """Add a step, by default as the last one of its workflow."""
        if "task_id" in values:
            values["task"] = session.get_one(models.TaskV2, values.pop("task_id"))
        return super().create(session, **at_end(session, models.WorkflowTaskV2, values))


class JobV2Factory(TableFactory[models.JobV2]):
    """A completed job."""

    user_email = "user@example.org"
    first_task_index = 0
    last_task_index = 0
    status = JobStatusTypeV2.DONE.value
    end_timestamp = Use(next_timestamp)

    @classmethod
    def create(cls, session: Session, /, **values: Any) -> models.JobV2:
        """Add a job, with a new dataset and a new workflow in one project where these are not given.

        Pass None for a dataset, workflow or project that was deleted.
        """
        parents: dict[str, type[TableFactory[Any]]] = {"workflow_id": WorkflowV2Factory, "dataset_id": DatasetV2Factory}
        return super().create(session, **in_one_project(session, ProjectV2Factory, parents, values))


class TaskGroupActivityV2Factory(TableFactory[models.TaskGroupActivityV2]):
    """A completed collection of tasks."""

    pkg_name = numbered("package-{}")
    version = "1.0.0"
    status = TaskGroupActivityStatusV2.OK.value
    action = TaskGroupActivityActionV2.COLLECT.value
    timestamp_ended = Use(next_timestamp)

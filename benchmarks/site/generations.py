"""The tables of either version by their roles, and the values that access paths look for."""

from dataclasses import dataclass
from typing import Any

from fractal_models import models

SUBMITTED = "submitted"
OAUTH_NAME = "github"


def email_of(user_id: int) -> str:
    """E-mail address of a user, in mixed case."""
    return f"User{user_id}@Example.org"


def account_of(user_id: int) -> str:
    """A user's account id at `OAUTH_NAME`."""
    return f"id-{user_id}"


@dataclass(frozen=True)
class Generation:
    """The tables of version 1 or of version 2."""

    name: str
    project: Any
    member: Any
    dataset: Any
    workflow: Any
    step: Any
    task: Any
    job: Any
    job_datasets: tuple[str, ...]
    """Foreign keys of a job to its datasets; the last one is its output."""
    dataset_parts: tuple[Any, ...] = ()
    """Tables with rows that belong to a dataset."""


V1 = Generation(
    "v1",
    models.Project,
    models.LinkUserProject,
    models.Dataset,
    models.Workflow,
    models.WorkflowTask,
    models.Task,
    models.ApplyWorkflow,
    ("input_dataset_id", "output_dataset_id"),
    (models.Resource,),
)
V2 = Generation(
    "v2",
    models.ProjectV2,
    models.LinkUserProjectV2,
    models.DatasetV2,
    models.WorkflowV2,
    models.WorkflowTaskV2,
    models.TaskV2,
    models.JobV2,
    ("dataset_id",),
)

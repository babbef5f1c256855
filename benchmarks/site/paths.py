"""The access paths of a server: what it asks the database for all the time, stated once.

Each path takes the id of a row, its *anchor* (the project whose jobs are listed, say), and gives statements on the
models.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Delete, Select, Update, delete, func, select, update

from fractal_models.base import Base
from fractal_models.loading import without_heavy
from fractal_models.models import (
    ApplyWorkflow,
    Dataset,
    DatasetV2,
    JobV2,
    LinkUserProject,
    LinkUserProjectV2,
    OAuthAccount,
    Project,
    ProjectV2,
    Resource,
    Task,
    TaskV2,
    UserOAuth,
    Workflow,
    WorkflowTask,
    WorkflowTaskV2,
    WorkflowV2,
)

PAGE = 25
"""Rows on a page of a listing."""

SUBMITTED = "submitted"

OAUTH_NAME = "github"


def email_of(user_id: int) -> str:
    """The address that the user of a filled site has; people type it in any case."""
    return f"User{user_id}@Example.org"


def account_of(user_id: int) -> str:
    """The user's id at `OAUTH_NAME`."""
    return f"id-{user_id}"


@dataclass(frozen=True)
class Reading:
    """A path that reads."""

    name: str
    anchor: type[Base]
    rows: Select[Any]
    """All rows of the kind that is read; the first entity is the one that is fetched by its primary key."""
    narrow: Callable[[Select[Any], int], Select[Any]]
    """Says which of `rows` belong to an anchor, in which order."""

    def statement(self, anchor: int) -> Select[Any]:
        """The path itself."""
        return self.narrow(self.rows, anchor)

    @property
    def model(self) -> Any:
        """What is fetched."""
        return self.rows.column_descriptions[0]["entity"]

    def keys(self, anchor: int) -> Select[Any]:
        """The primary keys of the rows that the path reads."""
        return self.narrow(select(self.model.id), anchor)

    def by_primary_key(self, keys: Sequence[int]) -> Select[Any]:
        """The same rows by primary key: the limit of what a path can reach. Without rows, one that is not there."""
        return self.rows.where(self.model.id.in_(keys or [0]))


@dataclass(frozen=True)
class Deletion:
    """A path that deletes the anchor, and all that goes with it."""

    name: str
    anchor: type[Base]
    statements: Callable[[int], list[Delete]]
    """What it takes at head."""
    clearing: Callable[[int], list[Update | Delete]]
    """What a server had to do first at 2.9, where nothing could be deleted that another row referred to."""


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
    """A job's keys to its datasets; the last one is what it writes."""
    parts: tuple[Any, ...] = ()
    """Tables whose rows are part of a dataset."""

    @property
    def paths(self) -> list[Reading | Deletion]:
        """What is read and deleted."""
        return [*self._readings(), *self._deletions()]

    def _readings(self) -> list[Reading]:
        project, dataset, workflow, step, task, job = (
            self.project,
            self.dataset,
            self.workflow,
            self.step,
            self.task,
            self.job,
        )
        output = getattr(job, self.job_datasets[-1])
        jobs = select(job).options(without_heavy(job))
        return [
            Reading(
                f"jobs of a project, newest {PAGE}",
                project,
                jobs,
                lambda rows, id_: (
                    rows.where(job.project_id == id_).order_by(job.start_timestamp.desc(), job.id.desc()).limit(PAGE)
                ),
            ),
            Reading("submitted jobs", job, jobs, lambda rows, _: rows.where(job.status == SUBMITTED)),
            Reading(
                "submitted jobs of a dataset",
                dataset,
                jobs,
                lambda rows, id_: rows.where(output == id_, job.status == SUBMITTED),
            ),
            Reading(
                "datasets of a project",
                project,
                select(dataset).options(without_heavy(dataset)),
                lambda rows, id_: rows.where(dataset.project_id == id_),
            ),
            Reading(
                "workflows of a project",
                project,
                select(workflow),
                lambda rows, id_: rows.where(workflow.project_id == id_),
            ),
            Reading(
                "steps and tasks of a workflow",
                workflow,
                select(step, task).join(task).options(without_heavy(task)),
                lambda rows, id_: rows.where(step.workflow_id == id_).order_by(step.order),
            ),
            Reading(
                "projects of a user",
                UserOAuth,
                select(project),
                lambda rows, id_: rows.join(self.member).where(self.member.user_id == id_),
            ),
            Reading(
                "is this task in use",
                task,
                select(step.id).select_from(step),
                lambda rows, id_: rows.where(step.task_id == id_).limit(1),
            ),
        ]

    def _deletions(self) -> list[Deletion]:
        project, dataset, workflow, step, job = self.project, self.dataset, self.workflow, self.step, self.job

        def of(model: Any, id_: int) -> Select[Any]:
            return select(model.id).where(model.project_id == id_)

        def clear_datasets(condition: Callable[[Any], Any]) -> list[Update | Delete]:
            """Forget datasets in jobs, and delete their parts."""
            keys = [getattr(job, key) for key in self.job_datasets]
            return [
                *(update(job).where(condition(key)).values({key: None}) for key in keys),
                *(delete(part).where(condition(part.dataset_id)) for part in self.parts),
            ]

        def clear_workflows(condition: Callable[[Any], Any]) -> list[Update | Delete]:
            """Forget workflows in jobs, and delete their steps."""
            return [
                update(job).where(condition(job.workflow_id)).values(workflow_id=None),
                delete(step).where(condition(step.workflow_id)),
            ]

        return [
            Deletion(
                "delete a dataset",
                dataset,
                lambda id_: [delete(dataset).where(dataset.id == id_)],
                lambda id_: clear_datasets(lambda key: key == id_),
            ),
            Deletion(
                "delete a workflow",
                workflow,
                lambda id_: [delete(workflow).where(workflow.id == id_)],
                lambda id_: clear_workflows(lambda key: key == id_),
            ),
            Deletion(
                "delete a project and all in it",
                project,
                lambda id_: [
                    delete(dataset).where(dataset.project_id == id_),
                    delete(workflow).where(workflow.project_id == id_),
                    delete(project).where(project.id == id_),
                ],
                lambda id_: [
                    *clear_datasets(lambda key: key.in_(of(dataset, id_))),
                    *clear_workflows(lambda key: key.in_(of(workflow, id_))),
                    update(job).where(job.project_id == id_).values(project_id=None),
                    delete(self.member).where(self.member.project_id == id_),
                ],
            ),
        ]


V1 = Generation(
    "v1",
    Project,
    LinkUserProject,
    Dataset,
    Workflow,
    WorkflowTask,
    Task,
    ApplyWorkflow,
    ("input_dataset_id", "output_dataset_id"),
    (Resource,),
)
V2 = Generation(
    "v2", ProjectV2, LinkUserProjectV2, DatasetV2, WorkflowV2, WorkflowTaskV2, TaskV2, JobV2, ("dataset_id",)
)

_user: Any = UserOAuth
_account: Any = OAuthAccount

USER_PATHS = [
    # As the adapters of fastapi-users ask.
    Reading(
        "user by e-mail in any case",
        UserOAuth,
        select(UserOAuth),
        lambda rows, id_: rows.where(func.lower(_user.email) == func.lower(email_of(id_))),
    ),
    Reading(
        "user by OAuth account",
        UserOAuth,
        select(OAuthAccount),
        lambda rows, id_: rows.where(_account.oauth_name == OAUTH_NAME, _account.account_id == account_of(id_)),
    ),
]

PATHS: dict[str, Reading | Deletion] = {
    f"{path.name} ({generation.name})": path for generation in (V2, V1) for path in generation.paths
} | {path.name: path for path in USER_PATHS}
"""Every path by its full name."""

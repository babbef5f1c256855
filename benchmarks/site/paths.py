"""Access paths of a server: the queries and deletions that it sends most often.

Each path takes the id of a row, its *anchor* (for example the project whose jobs are listed), and returns statements
on the models.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from sqlalchemy import Delete, Select, Update, delete, func, select, update

from benchmarks.site.generations import OAUTH_NAME, SUBMITTED, V1, V2, Generation, account_of, email_of
from fractal_models.base import Base
from fractal_models.loading import without_heavy
from fractal_models.models import OAuthAccount, UserOAuth

PAGE = 25
"""Rows on a page of a list."""


@dataclass(frozen=True)
class Reading:
    """A path that reads."""

    name: str
    anchor: type[Base]
    rows: Select[Any]
    """All rows of the table that is read; the first entity is the one that `by_primary_key` looks up."""
    narrow: Callable[[Select[Any], int], Select[Any]]
    """Restricts `rows` to those of an anchor, and orders them."""

    def statement(self, anchor: int) -> Select[Any]:
        """The path itself."""
        return self.narrow(self.rows, anchor)

    @property
    def model(self) -> Any:
        """Class of the rows."""
        return self.rows.column_descriptions[0]["entity"]

    def keys(self, anchor: int) -> Select[Any]:
        """Primary keys of the rows that the path reads."""
        return self.narrow(select(self.model.id), anchor)

    def by_primary_key(self, keys: Sequence[int]) -> Select[Any]:
        """The same rows by primary key, the lower bound of a path's time; without keys, a row that does not exist."""
        return self.rows.where(self.model.id.in_(keys or [0]))


@dataclass(frozen=True)
class Deletion:
    """A path that deletes the anchor and the rows that belong to it."""

    name: str
    anchor: type[Base]
    statements: Callable[[int], list[Delete]]
    """Statements at head."""
    clearing: Callable[[int], list[Update | Delete]]
    """Additional statements at 2.9, where foreign keys had no ON DELETE rules."""


def readings(tables: Generation) -> Iterator[Reading]:
    """Paths that read one version."""
    project, dataset, workflow, step, task, job = (
        getattr(tables, name) for name in ("project", "dataset", "workflow", "step", "task", "job")
    )
    output = getattr(job, tables.job_datasets[-1])
    jobs = select(job).options(without_heavy(job))
    datasets = select(dataset).options(without_heavy(dataset))
    steps = select(step, task).join(task).options(without_heavy(task))
    newest = job.start_timestamp.desc(), job.id.desc()

    yield Reading(
        f"jobs of a project, newest {PAGE}",
        project,
        jobs,
        lambda rows, id_: rows.where(job.project_id == id_).order_by(*newest).limit(PAGE),
    )
    yield Reading("submitted jobs", job, jobs, lambda rows, _: rows.where(job.status == SUBMITTED))
    yield Reading(
        "submitted jobs of a dataset",
        dataset,
        jobs,
        lambda rows, id_: rows.where(output == id_, job.status == SUBMITTED),
    )
    yield Reading("datasets of a project", project, datasets, lambda rows, id_: rows.where(dataset.project_id == id_))
    yield Reading(
        "workflows of a project", project, select(workflow), lambda rows, id_: rows.where(workflow.project_id == id_)
    )
    yield Reading(
        "steps and tasks of a workflow",
        workflow,
        steps,
        lambda rows, id_: rows.where(step.workflow_id == id_).order_by(step.order),
    )
    yield Reading(
        "projects of a user",
        UserOAuth,
        select(project),
        lambda rows, id_: rows.join(tables.member).where(tables.member.user_id == id_),
    )
    yield Reading(
        "is this task in use",
        task,
        select(step.id).select_from(step),
        lambda rows, id_: rows.where(step.task_id == id_).limit(1),
    )


def deletions(tables: Generation) -> Iterator[Deletion]:
    """Paths that delete rows of one version."""
    project, dataset, workflow, job = tables.project, tables.dataset, tables.workflow, tables.job
    job_datasets = [getattr(job, key) for key in tables.job_datasets]

    def clear_datasets(chosen: Any) -> list[Update | Delete]:
        return [
            *(update(job).where(key.in_(chosen)).values({key: None}) for key in job_datasets),
            *(delete(part).where(part.dataset_id.in_(chosen)) for part in tables.dataset_parts),
        ]

    def clear_workflows(chosen: Any) -> list[Update | Delete]:
        return [
            update(job).where(job.workflow_id.in_(chosen)).values(workflow_id=None),
            delete(tables.step).where(tables.step.workflow_id.in_(chosen)),
        ]

    yield Deletion(
        "delete a dataset",
        dataset,
        lambda id_: [delete(dataset).where(dataset.id == id_)],
        lambda id_: clear_datasets([id_]),
    )
    yield Deletion(
        "delete a workflow",
        workflow,
        lambda id_: [delete(workflow).where(workflow.id == id_)],
        lambda id_: clear_workflows([id_]),
    )
    yield Deletion(
        "delete a project and all in it",
        project,
        lambda id_: [
            delete(dataset).where(dataset.project_id == id_),
            delete(workflow).where(workflow.project_id == id_),
            delete(project).where(project.id == id_),
        ],
        lambda id_: [
            *clear_datasets(select(dataset.id).where(dataset.project_id == id_)),
            *clear_workflows(select(workflow.id).where(workflow.project_id == id_)),
            update(job).where(job.project_id == id_).values(project_id=None),
            delete(tables.member).where(tables.member.project_id == id_),
        ],
    )


def user_readings() -> Iterator[Reading]:
    """Queries of the fastapi-users adapters."""
    user: Any = UserOAuth
    account: Any = OAuthAccount
    yield Reading(
        "user by e-mail in any case",
        UserOAuth,
        select(UserOAuth),
        lambda rows, id_: rows.where(func.lower(user.email) == func.lower(email_of(id_))),
    )
    yield Reading(
        "user by OAuth account",
        UserOAuth,
        select(OAuthAccount),
        lambda rows, id_: rows.where(account.oauth_name == OAUTH_NAME, account.account_id == account_of(id_)),
    )


def _paths() -> Iterator[tuple[str, Reading | Deletion]]:
    for tables in (V2, V1):
        for path in chain[Reading | Deletion](readings(tables), deletions(tables)):
            yield f"{path.name} ({tables.name})", path
    for path in user_readings():
        yield path.name, path


PATHS = dict(_paths())
"""All paths by full name."""

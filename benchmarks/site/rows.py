"""The rows of a site in the schema of fractal-server 2.9: small ones, related as at a real site."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import Any

from benchmarks.site import layout
from benchmarks.site.generations import OAUTH_NAME, V1, V2, Generation, account_of, email_of
from benchmarks.site.layout import JobKeys, Site, ids
from fractal_models import models

START = datetime(2023, 1, 1, tzinfo=UTC).replace(tzinfo=None)
CREATED = "2023-01-01T00:00:00+00:00"

CONSTANTS: dict[str, dict[str, Any]] = {
    "user_oauth": {"hashed_password": "hash", "is_active": 1, "is_superuser": 0, "is_verified": 1},
    "oauthaccount": {"oauth_name": OAUTH_NAME, "access_token": "token"},
    "project": {"read_only": 0},
    "dataset": {"type": "zarr", "read_only": 0, "meta": "{}"},
    "datasetv2": {"zarr_dir": "/data/zarr", "images": "[]"},
    "resource": {"path": "/data/zarr"},
    "task": {"input_type": "zarr", "output_type": "zarr", "meta": "{}"},
    "taskv2": {"type": "parallel", "version": "1.0"},
    "taskgroupv2": {"user_group_id": 1, "origin": "pypi", "version": "1.0", "active": 1},
    "taskgroupactivityv2": {"version": "1.0", "status": "OK", "action": "collect"},
    "workflowtaskv2": {"task_type": "parallel"},
}
"""Columns that are equal in all rows of a table."""

DUMPED: dict[str, dict[str, Any]] = {
    "project": {"timestamp_created": CREATED},
    "workflow": {"timestamp_created": CREATED},
    "dataset": {"type": "zarr", "read_only": False},
    "datasetv2": {"zarr_dir": "/data/zarr", "filters": {"types": {}, "attributes": {}}},
}
"""Values that are equal in all dumps of a kind."""


def timestamp(minutes: int) -> str:
    """Minutes after `START`, in UTC, in a format that both engines read."""
    return (START + timedelta(minutes=minutes)).isoformat(" ", "microseconds")


@cache
def dump(kind: str, id_: int, project: int | None = None) -> str:
    """JSON copy of a row in a job, with the keys that fractal-server 2.9 stores."""
    key = {} if project is None else {"project_id": project}
    return json.dumps({"id": id_, "name": f"{kind} {id_}", **key, **DUMPED[kind]})


def job_row(generation: Generation, job: JobKeys) -> dict[str, Any]:
    """Row of a job."""
    user = 1 + job.project % 1000
    folder = f"proj_{job.project:07}_wf_{job.workflow:07}_job_{job.id:07}"
    datasets = (job.input_dataset, job.output_dataset)[-len(generation.job_datasets) :]
    row = {
        "id": job.id,
        "project_id": job.project,
        "workflow_id": job.workflow,
        "status": job.status,
        "start_timestamp": timestamp(job.id),
        "end_timestamp": timestamp(job.id + 60),
        "user_email": email_of(user),
        "workflow_dump": dump("workflow", job.workflow, job.project),
        "project_dump": dump("project", job.project),
        "working_dir": f"/srv/fractal/jobs/{folder}",
        "working_dir_user": f"/home/user{user}/fractal/{folder}",
        "first_task_index": 0,
        "last_task_index": layout.STEPS_PER_WORKFLOW - 1,
        "log": "Done.",
    }
    for key, dataset in zip(generation.job_datasets, datasets, strict=True):
        row[key] = dataset
        row[f"{key.removesuffix('_id')}_dump"] = dump(str(generation.dataset.__tablename__), dataset, job.project)
    return row


@dataclass(frozen=True)
class Table:
    """The rows of one table, by their numbers from 1."""

    model: Any
    number: int
    row: Callable[[int], dict[str, Any]]

    @property
    def name(self) -> str:
        """Name of the table."""
        return str(self.model.__tablename__)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Generate all rows."""
        constants = CONSTANTS.get(self.name, {})
        return (self.row(number) | constants for number in ids(self.number))


def tables(site: Site) -> list[Table]:
    """All tables, parents before children."""
    return [*_users(site), *_generation(site, V2), *_generation(site, V1)]


def _users(site: Site) -> Iterator[Table]:
    def account(number: int) -> dict[str, Any]:
        keys = {"id": number, "user_id": number}
        return {**keys, "account_id": account_of(number), "account_email": email_of(number)}

    yield Table(models.UserSettings, site.users, lambda n: {"id": n, "slurm_user": f"slurm{n}"})
    yield Table(models.UserOAuth, site.users, lambda n: {"id": n, "email": email_of(n), "user_settings_id": n})
    yield Table(models.OAuthAccount, site.users, account)
    yield Table(models.UserGroup, 1, lambda n: {"id": n, "name": "All", "timestamp_created": timestamp(0)})
    yield Table(models.LinkUserGroup, site.users, lambda n: {"group_id": 1, "user_id": n})
    yield Table(models.State, 1, lambda n: {"id": n, "data": "{}", "timestamp": timestamp(0)})


def _generation(site: Site, generation: Generation) -> Iterator[Table]:
    projects = {"dataset": site.project_datasets.parent_of, "workflow": site.project_workflows.parent_of}

    def project(number: int) -> dict[str, Any]:
        return {"id": number, "name": f"Project {number}", "timestamp_created": timestamp(number)}

    def part(kind: str, number: int) -> dict[str, Any]:
        keys = {"id": number, "project_id": projects[kind][number]}
        return {**keys, "name": f"{kind} {number}", "timestamp_created": timestamp(number)}

    yield Table(generation.project, site.projects, project)
    yield Table(generation.member, site.members, site.member)
    yield Table(generation.dataset, site.datasets, partial(part, "dataset"))
    yield from _tasks_v1(site) if generation is V1 else _tasks_v2(site)
    yield Table(generation.workflow, site.workflows, partial(part, "workflow"))
    yield Table(generation.step, site.steps, site.step)
    yield Table(generation.job, site.jobs, lambda n: job_row(generation, site.job(n)))


def _tasks_v1(site: Site) -> Iterator[Table]:
    def task(number: int) -> dict[str, Any]:
        source = {"command": f"task-{number}", "source": f"package:1.0:{number}"}
        return {"id": number, "name": f"Task {number}", **source}

    yield Table(models.Resource, site.datasets, lambda n: {"id": n, "dataset_id": n})
    yield Table(models.Task, site.tasks, task)


def _tasks_v2(site: Site) -> Iterator[Table]:
    groups = site.tasks // layout.TASKS_PER_GROUP

    def package(number: int) -> dict[str, Any]:
        return {"id": number, "user_id": 1 + number % site.users, "pkg_name": f"package-{number}"}

    def group(number: int) -> dict[str, Any]:
        times = {"timestamp_created": timestamp(number), "timestamp_last_used": timestamp(number)}
        return {**package(number), **times}

    def activity(number: int) -> dict[str, Any]:
        return {**package(number), "taskgroupv2_id": number, "timestamp_started": timestamp(number)}

    def task(number: int) -> dict[str, Any]:
        keys = {"id": number, "taskgroupv2_id": 1 + number % groups}
        return {**keys, "name": f"Task {number}", "command_parallel": f"task-{number}"}

    yield Table(models.TaskGroupV2, groups, group)
    yield Table(models.TaskGroupActivityV2, groups, activity)
    yield Table(models.TaskV2, site.tasks, task)

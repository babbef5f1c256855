"""A site of any size, always the same: every table has rows, small ones, related as they are in the field."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from io import StringIO
from itertools import islice
from random import Random
from typing import Any, NamedTuple

import sqlalchemy as sa
from rich.progress import Progress

from benchmarks.site.paths import OAUTH_NAME, SUBMITTED, account_of, email_of
from fractal_models.base import Base

SEED = 29
CHUNK = 20_000

JOBS_PER_PROJECT = 100
DATASETS_PER_PROJECT = 10
WORKFLOWS_PER_PROJECT = 5
STEPS_PER_WORKFLOW = 5
MEMBERS_PER_PROJECT = 3
JOBS_PER_TASK = 1000
TASKS_PER_GROUP = 10
SUBMITTED_JOBS = 100
"""How many jobs wait or run at a time: that depends on the cluster, not on how many jobs there have been."""

START = datetime(2023, 1, 1, tzinfo=UTC).replace(tzinfo=None)


def ids(number: int) -> range:
    """Primary keys, counted from 1 as the databases do."""
    return range(1, number + 1)


def moment(minutes: int) -> str:
    """Some minutes after the first of the site, in UTC, as both engines read it."""
    return (START + timedelta(minutes=minutes)).isoformat(" ", "microseconds")


class Owners:
    """Who owns which row: equal shares, but in random order, as projects grow side by side."""

    def __init__(self, children: int, owners: int) -> None:
        self.owner_of = [0, *(1 + number % owners for number in range(children))]
        shares = self.owner_of[1:]
        Random(SEED).shuffle(shares)
        self.owner_of[1:] = shares
        self.children_of: list[list[int]] = [[] for _ in range(owners + 1)]
        for child, owner in enumerate(shares, start=1):
            self.children_of[owner].append(child)


class Job(NamedTuple):
    """Where a job belongs."""

    id: int
    project: int
    workflow: int
    input_dataset: int
    dataset: int
    status: str


class Site:
    """How many rows there are of each generation, and how they are related."""

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self.projects = max(MEMBERS_PER_PROJECT, jobs // JOBS_PER_PROJECT)
        self.users = self.projects
        self.datasets = self.projects * DATASETS_PER_PROJECT
        self.workflows = self.projects * WORKFLOWS_PER_PROJECT
        self.steps = self.workflows * STEPS_PER_WORKFLOW
        self.tasks = max(2 * TASKS_PER_GROUP, jobs // JOBS_PER_TASK)

    @cached_property
    def project_datasets(self) -> Owners:
        """The datasets of each project."""
        return Owners(self.datasets, self.projects)

    @cached_property
    def project_workflows(self) -> Owners:
        """The workflows of each project."""
        return Owners(self.workflows, self.projects)

    @cached_property
    def workflow_steps(self) -> Owners:
        """The steps of each workflow."""
        return Owners(self.steps, self.workflows)

    @cached_property
    def dataset_jobs(self) -> Owners:
        """The jobs that write each dataset."""
        return Owners(self.jobs, self.datasets)

    @property
    def used_tasks(self) -> range:
        """Every second task; the others are old versions, of which no workflow makes use."""
        return range(1, self.tasks + 1, 2)

    def anchors(self, table: str) -> range:
        """The rows of a table that paths start from; of tasks, those that somebody may want to delete."""
        anchors = {
            "user_oauth": ids(self.users),
            "project": ids(self.projects),
            "dataset": ids(self.datasets),
            "workflow": ids(self.workflows),
            "task": range(2, self.tasks + 1, 2),
            "applyworkflow": ids(self.jobs),
            "job": ids(self.jobs),
        }
        return anchors[table.removesuffix("v2")]

    @cached_property
    def submitted(self) -> set[int]:
        """The newest job of each of some datasets waits or runs."""
        worked_on = [jobs[-1] for jobs in self.dataset_jobs.children_of[1:] if jobs]
        return set(worked_on[:: max(1, len(worked_on) // SUBMITTED_JOBS)])

    def place(self, number: int) -> Job:
        """Place one job."""
        dataset = self.dataset_jobs.owner_of[number]
        project = self.project_datasets.owner_of[dataset]
        datasets = self.project_datasets.children_of[project]
        return Job(
            number,
            project,
            self.project_workflows.children_of[project][number % WORKFLOWS_PER_PROJECT],
            datasets[number % DATASETS_PER_PROJECT],
            dataset,
            SUBMITTED if number in self.submitted else "done",
        )

    def members(self) -> Iterator[tuple[int, int]]:
        """Three users in each project, and three projects of each user."""
        for project in ids(self.projects):
            for offset in range(MEMBERS_PER_PROJECT):
                yield project, (project * 7 + offset) % self.users + 1

    def placed_steps(self) -> Iterator[tuple[int, int, int, int]]:
        """Id, workflow, task and order of each step."""
        random = Random(SEED)
        for step in ids(self.steps):
            workflow = self.workflow_steps.owner_of[step]
            order = self.workflow_steps.children_of[workflow].index(step)
            yield step, workflow, random.choice(self.used_tasks), order


Rows = Iterable[tuple[Any, ...]]


@dataclass(frozen=True)
class Table:
    """What to write into one table."""

    name: str
    columns: str
    number: int
    rows: Rows


def tables(site: Site) -> list[Table]:
    """What to write, each table after those that it refers to."""
    return [*_users(site), *_version_2(site), *_version_1(site)]


def _users(site: Site) -> list[Table]:
    users = ids(site.users)
    return [
        Table("user_settings", "id slurm_user", site.users, ((n, f"slurm{n}") for n in users)),
        Table(
            "user_oauth",
            "id email hashed_password is_active is_superuser is_verified user_settings_id",
            site.users,
            ((n, email_of(n), "hash", 1, 0, 1, n) for n in users),
        ),
        Table(
            "oauthaccount",
            "id user_id oauth_name access_token account_id account_email",
            site.users,
            ((n, n, OAUTH_NAME, "token", account_of(n), email_of(n)) for n in users),
        ),
        Table("usergroup", "id name timestamp_created", 1, [(1, "All", moment(0))]),
        Table("linkusergroup", "group_id user_id", site.users, ((1, n) for n in users)),
        Table("state", "id data timestamp", 1, [(1, "{}", moment(0))]),
    ]


CREATED = "2023-01-01T00:00:00+00:00"


def _job(job: Job) -> dict[str, Any]:
    """What jobs of both generations have; the dumps hold what fractal-server 2.9 puts there, with short names."""
    user = 1 + job.project % 1000
    folder = f"proj_{job.project:07}_wf_{job.workflow:07}_job_{job.id:07}"
    return {
        "id": job.id,
        "project_id": job.project,
        "workflow_id": job.workflow,
        "status": job.status,
        "start_timestamp": moment(job.id),
        "end_timestamp": moment(job.id + 60),
        "user_email": email_of(user),
        "workflow_dump": workflow_dump(job.workflow, job.project),
        "project_dump": project_dump(job.project),
        "working_dir": f"/srv/fractal/jobs/{folder}",
        "working_dir_user": f"/home/user{user}/fractal/{folder}",
        "first_task_index": 0,
        "last_task_index": STEPS_PER_WORKFLOW - 1,
        "log": "Done.",
    }


def job_v1(job: Job) -> dict[str, Any]:
    """The row of a job of version 1."""
    return {
        "input_dataset_id": job.input_dataset,
        "input_dataset_dump": dataset_dump_v1(job.input_dataset, job.project),
        "output_dataset_id": job.dataset,
        "output_dataset_dump": dataset_dump_v1(job.dataset, job.project),
        **_job(job),
    }


def job_v2(job: Job) -> dict[str, Any]:
    """The row of a job of version 2."""
    return {
        "dataset_id": job.dataset,
        "dataset_dump": dataset_dump_v2(job.dataset, job.project),
        **_job(job),
    }


@cache
def project_dump(project: int) -> str:
    """A project, as a job keeps it."""
    return json.dumps({"id": project, "name": f"Project {project}", "timestamp_created": CREATED})


@cache
def workflow_dump(workflow: int, project: int) -> str:
    """A workflow, as a job keeps it."""
    dump = {"id": workflow, "name": f"Workflow {workflow}", "project_id": project, "timestamp_created": CREATED}
    return json.dumps(dump)


@cache
def dataset_dump_v1(dataset: int, project: int) -> str:
    """A dataset of version 1, as a job keeps it."""
    dump = {"id": dataset, "name": f"Dataset {dataset}", "type": "zarr", "read_only": False, "project_id": project}
    return json.dumps(dump)


@cache
def dataset_dump_v2(dataset: int, project: int) -> str:
    """A dataset of version 2, as a job keeps it."""
    dump = {"id": dataset, "name": f"Dataset {dataset}", "project_id": project, "zarr_dir": "/data/zarr"}
    return json.dumps(dump | {"filters": {"types": {}, "attributes": {}}})


def _version_2(site: Site) -> list[Table]:
    project_of_dataset = site.project_datasets.owner_of
    project_of_workflow = site.project_workflows.owner_of
    groups = site.tasks // TASKS_PER_GROUP
    return [
        Table(
            "projectv2",
            "id name timestamp_created",
            site.projects,
            ((n, f"Project {n}", moment(n)) for n in ids(site.projects)),
        ),
        Table("linkuserprojectv2", "project_id user_id", site.projects * MEMBERS_PER_PROJECT, site.members()),
        Table(
            "datasetv2",
            "id project_id name zarr_dir images timestamp_created",
            site.datasets,
            ((n, project_of_dataset[n], f"Dataset {n}", "/data/zarr", "[]", moment(n)) for n in ids(site.datasets)),
        ),
        Table(
            "taskgroupv2",
            "id user_id user_group_id origin pkg_name version active timestamp_created timestamp_last_used",
            groups,
            ((n, 1 + n % site.users, 1, "pypi", f"package-{n}", "1.0", 1, moment(n), moment(n)) for n in ids(groups)),
        ),
        Table(
            "taskgroupactivityv2",
            "id user_id taskgroupv2_id pkg_name version status action timestamp_started",
            groups,
            ((n, 1 + n % site.users, n, f"package-{n}", "1.0", "OK", "collect", moment(n)) for n in ids(groups)),
        ),
        Table(
            "taskv2",
            "id taskgroupv2_id name type command_parallel version",
            site.tasks,
            ((n, 1 + n % groups, f"Task {n}", "parallel", f"task-{n}", "1.0") for n in ids(site.tasks)),
        ),
        Table(
            "workflowv2",
            "id project_id name timestamp_created",
            site.workflows,
            ((n, project_of_workflow[n], f"Workflow {n}", moment(n)) for n in ids(site.workflows)),
        ),
        Table(
            "workflowtaskv2",
            "id workflow_id task_id order task_type",
            site.steps,
            ((*step, "parallel") for step in site.placed_steps()),
        ),
        Table(
            "jobv2",
            " ".join(job_v2(site.place(1))),
            site.jobs,
            (tuple(job_v2(site.place(n)).values()) for n in ids(site.jobs)),
        ),
    ]


def _version_1(site: Site) -> list[Table]:
    project_of_dataset = site.project_datasets.owner_of
    project_of_workflow = site.project_workflows.owner_of
    return [
        Table(
            "project",
            "id name read_only timestamp_created",
            site.projects,
            ((n, f"Project {n}", 0, moment(n)) for n in ids(site.projects)),
        ),
        Table("linkuserproject", "project_id user_id", site.projects * MEMBERS_PER_PROJECT, site.members()),
        Table(
            "dataset",
            "id project_id name type read_only meta timestamp_created",
            site.datasets,
            ((n, project_of_dataset[n], f"Dataset {n}", "zarr", 0, "{}", moment(n)) for n in ids(site.datasets)),
        ),
        Table("resource", "id dataset_id path", site.datasets, ((n, n, "/data/zarr") for n in ids(site.datasets))),
        Table(
            "task",
            "id name command source input_type output_type meta",
            site.tasks,
            ((n, f"Task {n}", f"task-{n}", f"package:1.0:{n}", "zarr", "zarr", "{}") for n in ids(site.tasks)),
        ),
        Table(
            "workflow",
            "id project_id name timestamp_created",
            site.workflows,
            ((n, project_of_workflow[n], f"Workflow {n}", moment(n)) for n in ids(site.workflows)),
        ),
        Table("workflowtask", "id workflow_id task_id order", site.steps, site.placed_steps()),
        Table(
            "applyworkflow",
            " ".join(job_v1(site.place(1))),
            site.jobs,
            (tuple(job_v1(site.place(n)).values()) for n in ids(site.jobs)),
        ),
    ]


def fill(engine: sa.Engine, site: Site, progress: Progress) -> None:
    """Fill an empty database at 2.9."""
    todo = tables(site)
    bar = progress.add_task(f"Fill with {site.jobs:,} jobs", total=sum(table.number for table in todo))
    postgresql = engine.dialect.name == "postgresql"
    write = _copy if postgresql else _insert
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        if postgresql:
            # The keys are right: no need to look up every row that they refer to.
            cursor.execute("SET session_replication_role = replica; SET timezone = 'UTC'")
        for table in todo:
            columns = [f'"{column}"' for column in table.columns.split()]
            for chunk in _chunks(table.rows):
                write(cursor, table.name, columns, chunk)
                progress.advance(bar, len(chunk))
            if postgresql and "id" in table.columns.split():
                cursor.execute(
                    f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), (SELECT max(id) FROM {table.name}))"
                )
        if postgresql:
            cursor.execute("RESET ALL")
        connection.commit()
    finally:
        connection.close()
        progress.remove_task(bar)


def _chunks(rows: Rows) -> Iterator[list[tuple[Any, ...]]]:
    iterator = iter(rows)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk


def _copy(cursor: Any, table: str, columns: list[str], rows: list[tuple[Any, ...]]) -> None:
    # No value here is null or needs an escape.
    text = StringIO("".join("\t".join(map(str, row)) + "\n" for row in rows))
    cursor.copy_expert(f"COPY {table} ({', '.join(columns)}) FROM STDIN", text)


def _insert(cursor: Any, table: str, columns: list[str], rows: list[tuple[Any, ...]]) -> None:
    places = ", ".join("?" * len(columns))
    cursor.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", rows)


def row_counts(engine: sa.Engine) -> dict[str, int]:
    """How many rows each table has."""
    with engine.connect() as connection:
        return {
            table.name: connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
            for table in Base.metadata.sorted_tables
        }

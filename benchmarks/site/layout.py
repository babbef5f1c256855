"""The size of a site and the relations between its rows, the same ones in every run."""

from functools import cached_property
from random import Random
from typing import NamedTuple

from benchmarks.site.generations import SUBMITTED

SEED = 29

JOBS_PER_PROJECT = 100
DATASETS_PER_PROJECT = 10
WORKFLOWS_PER_PROJECT = 5
STEPS_PER_WORKFLOW = 5
MEMBERS_PER_PROJECT = 3
JOBS_PER_TASK = 1000
TASKS_PER_GROUP = 10
SUBMITTED_JOBS = 100
"""Number of submitted jobs at any size: it depends on the cluster, not on the number of earlier jobs."""


def ids(number: int) -> range:
    """Primary keys, from 1."""
    return range(1, number + 1)


class Assignment:
    """Random assignment of children to parents in equal shares, as in projects that grow at the same time."""

    def __init__(self, children: int, parents: int) -> None:
        shares = [1 + number % parents for number in range(children)]
        Random(SEED).shuffle(shares)
        self.parent_of = [0, *shares]
        self.children_of: list[list[int]] = [[] for _ in range(parents + 1)]
        for child, parent in enumerate(shares, start=1):
            self.children_of[parent].append(child)


class JobKeys(NamedTuple):
    """Keys and status of a job."""

    id: int
    project: int
    workflow: int
    input_dataset: int
    output_dataset: int
    status: str


class Site:
    """Numbers of rows of each version, and their relations."""

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self.projects = max(MEMBERS_PER_PROJECT, jobs // JOBS_PER_PROJECT)
        self.users = self.projects
        self.datasets = self.projects * DATASETS_PER_PROJECT
        self.workflows = self.projects * WORKFLOWS_PER_PROJECT
        self.steps = self.workflows * STEPS_PER_WORKFLOW
        self.tasks = max(2 * TASKS_PER_GROUP, jobs // JOBS_PER_TASK)
        self.members = self.projects * MEMBERS_PER_PROJECT

    @cached_property
    def project_datasets(self) -> Assignment:
        """Datasets of each project."""
        return Assignment(self.datasets, self.projects)

    @cached_property
    def project_workflows(self) -> Assignment:
        """Workflows of each project."""
        return Assignment(self.workflows, self.projects)

    @cached_property
    def workflow_steps(self) -> Assignment:
        """Steps of each workflow."""
        return Assignment(self.steps, self.workflows)

    @cached_property
    def dataset_jobs(self) -> Assignment:
        """Jobs that write to each dataset."""
        return Assignment(self.jobs, self.datasets)

    def anchors(self, table: str) -> range:
        """Ids of the rows that an access path may start from; of tasks, the unused ones."""
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
        """Ids of submitted jobs, each the newest one of its dataset."""
        newest = [jobs[-1] for jobs in self.dataset_jobs.children_of[1:] if jobs]
        return set(newest[:: max(1, len(newest) // SUBMITTED_JOBS)])

    def job(self, number: int) -> JobKeys:
        """Keys and status of a job."""
        dataset = self.dataset_jobs.parent_of[number]
        project = self.project_datasets.parent_of[dataset]
        return JobKeys(
            number,
            project,
            self.project_workflows.children_of[project][number % WORKFLOWS_PER_PROJECT],
            self.project_datasets.children_of[project][number % DATASETS_PER_PROJECT],
            dataset,
            SUBMITTED if number in self.submitted else "done",
        )

    def member(self, number: int) -> dict[str, int]:
        """Row of a membership; each project has three users, and each user three projects."""
        project, offset = divmod(number - 1, MEMBERS_PER_PROJECT)
        return {"project_id": project + 1, "user_id": ((project + 1) * 7 + offset) % self.users + 1}

    def step(self, number: int) -> dict[str, int]:
        """Row of a step; every second task is unused, as old versions are."""
        workflow = self.workflow_steps.parent_of[number]
        task = 1 + 2 * (number % -(-self.tasks // 2))
        order = self.workflow_steps.children_of[workflow].index(number)
        return {"id": number, "workflow_id": workflow, "task_id": task, "order": order}

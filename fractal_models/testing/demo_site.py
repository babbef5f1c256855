"""A demo site: rows in every table, such as a facility has them, and the same ones each time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from fractal_models.base import Base
from fractal_models.enums import (
    JobStatusTypeV1,
    JobStatusTypeV2,
    TaskGroupActivityActionV2,
    TaskGroupActivityStatusV2,
    TaskGroupV2OriginEnum,
)
from fractal_models.models import (
    ApplyWorkflow,
    Dataset,
    DatasetV2,
    JobV2,
    LinkUserGroup,
    OAuthAccount,
    Project,
    ProjectV2,
    Resource,
    State,
    Task,
    TaskGroupActivityV2,
    TaskGroupV2,
    TaskV2,
    UserGroup,
    UserOAuth,
    UserSettings,
    Workflow,
    WorkflowTask,
    WorkflowTaskV2,
    WorkflowV2,
)

Row = TypeVar("Row", bound=Base)

EPOCH = datetime(2024, 3, 1, 9, tzinfo=UTC)
"""When the site begins; what comes later is a minute after what was before."""

PASSWORD = "demo"
"""Every user's."""

HASHED_PASSWORD = "$argon2id$v=19$m=65536,t=3,p=4$0YPuP39QaxYX5XNeoFOxCQ$gATgPDE4c4wmPtkAjTMWsbSCbe4uuyRVgaGT27GtFSY"
"""`PASSWORD`, as fastapi-users hashes it."""

LAB_SIZE = 5
"""Users in a group."""

CHANNELS = ("DAPI", "GFP", "RFP", "Cy5")


def seed(session: Session, size: int = 10) -> None:
    """Fill an empty database with a site of `size` users, and commit.

    Each user has a project of either version, with two datasets, a workflow and some jobs. The first one is the
    administrator, admin@example.org, the others are user1@example.org and so on; `PASSWORD` logs all of them in. The
    same size always makes the same rows.

    Raises:
        ValueError: `size` is less than 1.
    """
    if size < 1:
        message = f"a site has at least 1 user, not {size}"
        raise ValueError(message)
    _Site(session, size).build()
    session.commit()


class _Site:
    """What is made, in order; rows that others refer to by id are flushed before these."""

    def __init__(self, session: Session, size: int) -> None:
        self.session = session
        self.size = size
        self.random = Random(size)
        self._minutes = count()

    def build(self) -> None:
        """Make everything."""
        users = self._saved([self._user(number) for number in range(self.size)])
        everybody, *labs = self._saved(self._groups())
        self._saved(self._members(users, everybody, labs))
        tasks = self._saved([self._task(name, *types) for name, types in TASKS_V1.items()])
        self._saved([_row(State, data={"status": "OK", "log": f"{tasks[0].source} collected"}, timestamp=self._now())])
        groups = self._saved([self._task_group(name, users[0], everybody) for name in TASKS_V2])
        self._saved([activity for group in groups for activity in self._activities(group)])
        for number, user in enumerate(users):
            members = [user, users[(number + 1) % self.size]] if number % 3 == 0 and self.size > 1 else [user]
            self._v1(members, tasks)
            self._v2(members, [task for group in groups for task in group.task_list])

    def _saved(self, rows: list[Any]) -> list[Any]:
        self.session.add_all(rows)
        self.session.flush()
        return rows

    def _now(self) -> datetime:
        return EPOCH + timedelta(minutes=next(self._minutes))

    def _user(self, number: int) -> UserOAuth:
        name = f"user{number}" if number else "admin"
        account = _row(
            OAuthAccount,
            oauth_name="github",
            account_id=f"{1000 + number}",
            account_email=f"{name}@users.example.org",
            access_token=f"demo-token-{number}",
        )
        return _row(
            UserOAuth,
            email=f"{name}@example.org",
            username=name,
            hashed_password=HASHED_PASSWORD,
            is_superuser=number == 0,
            is_verified=True,
            oauth_accounts=[account] if number % 2 == 0 else [],
            settings=_row(
                UserSettings,
                slurm_accounts=[f"lab{1 + number // LAB_SIZE}"],
                slurm_user=name,
                cache_dir=f"/cluster/{name}/cache",
                project_dir=f"/cluster/{name}/projects",
            ),
        )

    def _groups(self) -> list[UserGroup]:
        labs = [f"Lab {1 + lab}" for lab in range(-(-self.size // LAB_SIZE))]
        return [
            _row(
                UserGroup,
                name=name,
                timestamp_created=self._now(),
                viewer_paths=[] if name == "All" else [f"/data/{name}"],
            )
            for name in ("All", *labs)
        ]

    def _members(
        self, users: Sequence[UserOAuth], everybody: UserGroup, labs: Sequence[UserGroup]
    ) -> list[LinkUserGroup]:
        return [
            _row(LinkUserGroup, group_id=group.id, user_id=user.id, timestamp_created=self._now())
            for number, user in enumerate(users)
            for group in (everybody, labs[number // LAB_SIZE])
        ]

    def _task(self, name: str, input_type: str, output_type: str, level: str | None) -> Task:
        return _row(
            Task,
            name=name,
            source=f"demo_tasks:1.2.0:{_slug(name)}",
            command=f"python {_slug(name)}.py",
            input_type=input_type,
            output_type=output_type,
            version="1.2.0",
            meta={"cpus_per_task": 2, "mem": 4000} | ({"parallelization_level": level} if level else {}),
            args_schema=_args_schema(name),
            args_schema_version="pydantic_v2",
            docs_info=f"### {name}\nPart of the demo.",
            docs_link="https://example.org/demo_tasks",
        )

    def _v1(self, members: list[UserOAuth], tasks: Sequence[Task]) -> None:
        owner = members[0].username
        project = _row(Project, name=f"Screen of {owner}", timestamp_created=self._now(), user_list=members)
        raw = _row(
            Dataset,
            name="Raw",
            type="image",
            project=project,
            timestamp_created=self._now(),
            resource_list=[
                _row(Resource, path=f"/data/{owner}/day{day + 1}") for day in range(1 + self.random.randrange(3))
            ],
        )
        processed = _row(
            Dataset,
            name="Processed",
            type="zarr",
            project=project,
            timestamp_created=self._now(),
            resource_list=[_row(Resource, path=f"/cluster/{owner}/projects/processed")],
        )
        steps = [
            _row(WorkflowTask, task=task, meta={"mem": 8000}, args=self._args(task.args_schema))
            for task in tasks[: 2 + self.random.randrange(len(tasks) - 1)]
        ]
        workflow = _row(Workflow, name="Segmentation", project=project, timestamp_created=self._now(), task_list=steps)
        self._saved([raw, processed, workflow])
        processed.meta = {"plate": ["plate.zarr"], "num_levels": 5, "coarsening_xy": 2}
        processed.history = self._history(steps)
        dumps = {
            "project_dump": _dump(project),
            "input_dataset_dump": _dump(raw, "history", resource_list=raw.resource_list),
            "output_dataset_dump": _dump(processed, "history", resource_list=processed.resource_list),
            "workflow_dump": _dump(workflow, task_list=steps),
        }
        self._saved(
            [
                _row(
                    ApplyWorkflow,
                    project_id=project.id,
                    workflow_id=workflow.id,
                    input_dataset_id=raw.id,
                    output_dataset_id=processed.id,
                    **dumps,
                    **self._run(members[0], len(steps), status),
                )
                for status in (JobStatusTypeV1.FAILED.value, JobStatusTypeV1.DONE.value)
            ]
        )

    def _task_group(self, name: str, owner: UserOAuth, everybody: UserGroup) -> TaskGroupV2:
        path = f"/server/tasks/{name}/1.4.0"
        return _row(
            TaskGroupV2,
            user_id=owner.id,
            user_group_id=everybody.id,
            origin=TaskGroupV2OriginEnum.PYPI.value,
            pkg_name=name,
            version="1.4.0",
            python_version="3.12",
            path=path,
            venv_path=f"{path}/venv",
            pinned_package_versions={"pydantic": "2.12.0"},
            pip_freeze=f"{name}==1.4.0\npydantic==2.12.0\n",
            venv_size_in_kB=350_000,
            venv_file_number=21_000,
            timestamp_created=self._now(),
            timestamp_last_used=self._now(),
            task_list=[self._task_v2(name, task, kind) for task, kind in TASKS_V2[name].items()],
        )

    def _task_v2(self, package: str, name: str, kind: str) -> TaskV2:
        parts = {"non_parallel": kind != "parallel", "parallel": kind != "non_parallel"}
        values: dict[str, Any] = {}
        for part in (part for part, there in parts.items() if there):
            values |= {
                f"command_{part}": f"python -m {_slug(package)}.{_slug(name)}_{part}",
                f"meta_{part}": {"cpus_per_task": 2, "mem": 4000},
                f"args_schema_{part}": _args_schema(name),
            }
        return _row(
            TaskV2,
            name=name,
            type=kind,
            source=f"{package}:1.4.0:{_slug(name)}",
            version="1.4.0",
            args_schema_version="pydantic_v2",
            docs_info=f"### {name}\nPart of the demo.",
            docs_link=f"https://example.org/{package}",
            output_types={"is_3D": False} if kind == "compound" else {},
            category="Conversion" if kind == "non_parallel" else "Image Processing",
            modality="HCS",
            authors="Demo Facility",
            tags=["demo", kind],
            **values,
        )

    def _activities(self, group: TaskGroupV2) -> Iterator[TaskGroupActivityV2]:
        for action in TaskGroupActivityActionV2:
            yield _row(
                TaskGroupActivityV2,
                user_id=group.user_id,
                taskgroupv2_id=group.id,
                pkg_name=group.pkg_name,
                version=group.version,
                status=TaskGroupActivityStatusV2.OK.value,
                action=action.value,
                log=f"{action.value} {group.pkg_name}: done\n",
                timestamp_started=self._now(),
                timestamp_ended=self._now(),
            )

    def _v2(self, members: list[UserOAuth], tasks: Sequence[TaskV2]) -> None:
        owner = members[0].username
        project = _row(ProjectV2, name=f"Plates of {owner}", timestamp_created=self._now(), user_list=members)
        datasets = []
        for number in (1, 2):
            zarr_dir = f"/cluster/{owner}/projects/plate{number}"
            dataset = _row(DatasetV2, name=f"Plate {number}", project=project, zarr_dir=zarr_dir)
            dataset.timestamp_created = self._now()
            dataset.images = self._images(zarr_dir)
            datasets.append(dataset)
        steps = [
            _row(
                WorkflowTaskV2,
                task=task,
                task_type=task.type,
                args_non_parallel=self._args(task.args_schema_non_parallel),
                args_parallel=self._args(task.args_schema_parallel),
                meta_parallel={"mem": 8000} if task.command_parallel else None,
            )
            for task in tasks[: 2 + self.random.randrange(len(tasks) - 1)]
        ]
        workflow = _row(
            WorkflowV2, name="Segmentation", project=project, timestamp_created=self._now(), task_list=steps
        )
        self._saved([*datasets, workflow])
        datasets[0].history = self._history(steps)
        runs = [
            (datasets[0], JobStatusTypeV2.FAILED.value),
            (datasets[0], JobStatusTypeV2.DONE.value),
            (datasets[1], JobStatusTypeV2.SUBMITTED.value),
        ]
        self._saved(
            [
                _row(
                    JobV2,
                    project_id=project.id,
                    workflow_id=workflow.id,
                    dataset_id=dataset.id,
                    project_dump=_dump(project),
                    dataset_dump=_dump(dataset, "history", "images"),
                    workflow_dump=_dump(workflow),
                    **self._run(members[0], len(steps), status),
                )
                for dataset, status in runs
            ]
        )

    def _images(self, zarr_dir: str) -> list[dict[str, Any]]:
        wells = [f"{row}/{column:02}" for row in "BCD"[: 1 + self.random.randrange(3)] for column in (3, 4)]
        return [
            {
                "zarr_url": f"{zarr_dir}/plate.zarr/{well}/0",
                "origin": None,
                "attributes": {"plate": "plate.zarr", "well": well.replace("/", "")},
                "types": {"is_3D": True},
            }
            for well in wells
        ]

    def _args(self, schema: dict[str, Any] | None) -> dict[str, Any] | None:
        if schema is None:
            return None
        return {"channel": self.random.choice(CHANNELS), "diameter": 10 + self.random.randrange(40)}

    @staticmethod
    def _history(steps: Sequence[WorkflowTask] | Sequence[WorkflowTaskV2]) -> list[dict[str, Any]]:
        return [{"workflowtask": _dump(step), "status": "done", "parallelization": None} for step in steps]

    def _run(self, user: UserOAuth, steps: int, status: str) -> dict[str, Any]:
        folder = f"{self._now():%Y%m%d_%H%M%S}"
        ended = status != JobStatusTypeV2.SUBMITTED.value
        return {
            "user_email": user.email,
            "slurm_account": user.slurm_accounts[0],
            "worker_init": "module load cuda",
            "working_dir": f"/server/jobs/{folder}",
            "working_dir_user": f"{user.cache_dir}/{folder}",
            "first_task_index": 0,
            "last_task_index": steps - 1,
            "start_timestamp": self._now(),
            "end_timestamp": self._now() if ended else None,
            "status": status,
            "log": f"Task 0: {status}\n" if ended else None,
        }


TASKS_V1: dict[str, tuple[str, str, str | None]] = {
    "Create OME-Zarr structure": ("image", "zarr", None),
    "Convert Images": ("zarr", "zarr", "image"),
    "Correct Illumination": ("zarr", "zarr", "image"),
    "Segment Nuclei": ("zarr", "zarr", "image"),
}
"""Input type, output type and level of parallelization, by name."""

TASKS_V2 = {
    "demo-tasks-core": {
        "Import OME-Zarr": "non_parallel",
        "Project Image": "compound",
        "Correct Illumination": "parallel",
    },
    "demo-tasks-segmentation": {"Segment Nuclei": "parallel", "Measure Features": "parallel"},
}
"""Type by name of each task, by package."""


def _row(model: type[Row], **values: Any) -> Row:
    """Make a row; what its relationships say need not be said by keys as well."""
    return model(**values)


def _slug(name: str) -> str:
    return name.lower().replace(" ", "_").replace("-", "_")


def _args_schema(name: str) -> dict[str, Any]:
    """The schema of a task's arguments; `diameter` has a default."""
    return {
        "title": name,
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "channel": {
                "title": "Channel",
                "type": "string",
                "enum": list(CHANNELS),
                "description": "What to look at.",
            },
            "diameter": {"title": "Diameter", "type": "integer", "default": 30, "description": "Of a cell, in pixels."},
            "overwrite": {"title": "Overwrite", "type": "boolean", "default": False},
        },
        "required": ["channel"],
    }


def _dump(row: Base, *without: str, **lists: Sequence[Base]) -> dict[str, Any]:
    """A copy of a row, as jobs and histories keep it."""
    values = row.model_dump(mode="json", exclude=set(without))
    dump = {name: values[name] for name in type(row).model_fields if name in values}
    return dump | {name: [_dump(entry) for entry in entries] for name, entries in lists.items()}

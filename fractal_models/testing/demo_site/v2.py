"""Tasks and projects of version 2 of the demo site."""

from collections.abc import Iterator, Sequence
from typing import Any

from fractal_models.enums import (
    JobStatusTypeV2,
    TaskGroupActivityActionV2,
    TaskGroupActivityStatusV2,
    TaskGroupV2OriginEnum,
)
from fractal_models.models import (
    DatasetV2,
    JobV2,
    ProjectV2,
    TaskGroupActivityV2,
    TaskGroupV2,
    TaskV2,
    UserGroup,
    UserOAuth,
    WorkflowTaskV2,
    WorkflowV2,
)
from fractal_models.testing.demo_site.builder import Builder, args_schema, dump, history, new, snake_case

TASKS = {
    "demo-tasks-core": {
        "Import OME-Zarr": "non_parallel",
        "Project Image": "compound",
        "Correct Illumination": "parallel",
    },
    "demo-tasks-segmentation": {"Segment Nuclei": "parallel", "Measure Features": "parallel"},
}
"""Type of each task, by package and name."""


def build_tasks(builder: Builder, owner: UserOAuth, users: UserGroup) -> Sequence[TaskV2]:
    """Save task groups with their tasks and activities."""
    groups = builder.save([_task_group(builder, name, owner, users) for name in TASKS])
    builder.save([activity for group in groups for activity in _activities(builder, group)])
    return [task for group in groups for task in group.task_list]


def _task_group(builder: Builder, name: str, owner: UserOAuth, users: UserGroup) -> TaskGroupV2:
    path = f"/server/tasks/{name}/1.4.0"
    return new(
        TaskGroupV2,
        user_id=owner.id,
        user_group_id=users.id,
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
        timestamp_created=builder.now(),
        timestamp_last_used=builder.now(),
        task_list=[_task(name, task, kind) for task, kind in TASKS[name].items()],
    )


def _task(package: str, name: str, kind: str) -> TaskV2:
    parts = ["non_parallel", "parallel"] if kind == "compound" else [kind]
    values: dict[str, Any] = {}
    for part in parts:
        values |= {
            f"command_{part}": f"python -m {snake_case(package)}.{snake_case(name)}_{part}",
            f"meta_{part}": {"cpus_per_task": 2, "mem": 4000},
            f"args_schema_{part}": args_schema(name),
        }
    return new(
        TaskV2,
        name=name,
        type=kind,
        source=f"{package}:1.4.0:{snake_case(name)}",
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


def _activities(builder: Builder, group: TaskGroupV2) -> Iterator[TaskGroupActivityV2]:
    for action in TaskGroupActivityActionV2:
        yield new(
            TaskGroupActivityV2,
            user_id=group.user_id,
            taskgroupv2_id=group.id,
            pkg_name=group.pkg_name,
            version=group.version,
            status=TaskGroupActivityStatusV2.OK.value,
            action=action.value,
            log=f"{action.value} {group.pkg_name}: done\n",
            timestamp_started=builder.now(),
            timestamp_ended=builder.now(),
        )


def build_project(builder: Builder, members: list[UserOAuth], tasks: Sequence[TaskV2]) -> None:
    """Save a project with two datasets, a workflow and three jobs: failed, completed and submitted."""
    owner = members[0].username
    project = new(ProjectV2, name=f"Plates of {owner}", timestamp_created=builder.now(), user_list=members)
    datasets = [_dataset(builder, project, number, f"/cluster/{owner}/projects/plate{number}") for number in (1, 2)]
    steps = [
        new(
            WorkflowTaskV2,
            task=task,
            task_type=task.type,
            args_non_parallel=builder.args(task.args_schema_non_parallel),
            args_parallel=builder.args(task.args_schema_parallel),
            meta_parallel={"mem": 8000} if task.command_parallel else None,
        )
        for task in builder.first_tasks(tasks)
    ]
    workflow = new(WorkflowV2, name="Segmentation", project=project, timestamp_created=builder.now(), task_list=steps)
    builder.save([*datasets, workflow])
    datasets[0].history = history(steps)
    jobs = [
        (datasets[0], JobStatusTypeV2.FAILED.value),
        (datasets[0], JobStatusTypeV2.DONE.value),
        (datasets[1], JobStatusTypeV2.SUBMITTED.value),
    ]
    builder.save(
        [
            new(
                JobV2,
                project_id=project.id,
                workflow_id=workflow.id,
                dataset_id=dataset.id,
                project_dump=dump(project),
                dataset_dump=dump(dataset, "history", "images"),
                workflow_dump=dump(workflow),
                **builder.job_values(members[0], len(steps), status),
            )
            for dataset, status in jobs
        ]
    )


def _dataset(builder: Builder, project: ProjectV2, number: int, zarr_dir: str) -> DatasetV2:
    created = builder.now()
    wells = [f"{row}/{column:02}" for row in "BCD"[: 1 + builder.random.randrange(3)] for column in (3, 4)]
    images = [
        {
            "zarr_url": f"{zarr_dir}/plate.zarr/{well}/0",
            "origin": None,
            "attributes": {"plate": "plate.zarr", "well": well.replace("/", "")},
            "types": {"is_3D": True},
        }
        for well in wells
    ]
    return new(
        DatasetV2,
        name=f"Plate {number}",
        project=project,
        zarr_dir=zarr_dir,
        timestamp_created=created,
        images=images,
    )

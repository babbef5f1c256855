"""Tasks and projects of version 1 of the demo site."""

from collections.abc import Sequence

from fractal_models.enums import JobStatusTypeV1
from fractal_models.models import (
    ApplyWorkflow,
    Dataset,
    Project,
    Resource,
    State,
    Task,
    UserOAuth,
    Workflow,
    WorkflowTask,
)
from fractal_models.testing.demo_site.builder import Builder, args_schema, dump, history, new, snake_case

TASKS: dict[str, tuple[str, str, str | None]] = {
    "Create OME-Zarr structure": ("image", "zarr", None),
    "Convert Images": ("zarr", "zarr", "image"),
    "Correct Illumination": ("zarr", "zarr", "image"),
    "Segment Nuclei": ("zarr", "zarr", "image"),
}
"""Input type, output type and parallelization level of each task."""


def build_tasks(builder: Builder) -> Sequence[Task]:
    """Save the tasks, and the state of their collection."""
    tasks = builder.save([_task(name, *types) for name, types in TASKS.items()])
    data = {"status": "OK", "log": f"{tasks[0].source} collected"}
    builder.save([new(State, data=data, timestamp=builder.now())])
    return tasks


def _task(name: str, input_type: str, output_type: str, level: str | None) -> Task:
    return new(
        Task,
        name=name,
        source=f"demo_tasks:1.2.0:{snake_case(name)}",
        command=f"python {snake_case(name)}.py",
        input_type=input_type,
        output_type=output_type,
        version="1.2.0",
        meta={"cpus_per_task": 2, "mem": 4000} | ({"parallelization_level": level} if level else {}),
        args_schema=args_schema(name),
        args_schema_version="pydantic_v2",
        docs_info=f"### {name}\nPart of the demo.",
        docs_link="https://example.org/demo_tasks",
    )


def build_project(builder: Builder, members: list[UserOAuth], tasks: Sequence[Task]) -> None:
    """Save a project with two datasets, a workflow, a failed job and a completed one."""
    owner = members[0].username
    project = new(Project, name=f"Screen of {owner}", timestamp_created=builder.now(), user_list=members)
    raw = new(Dataset, name="Raw", type="image", project=project, timestamp_created=builder.now())
    raw.resource_list = [
        new(Resource, path=f"/data/{owner}/day{day + 1}") for day in range(1 + builder.random.randrange(3))
    ]
    processed = new(Dataset, name="Processed", type="zarr", project=project, timestamp_created=builder.now())
    processed.resource_list = [new(Resource, path=f"/cluster/{owner}/projects/processed")]
    steps = [
        new(WorkflowTask, task=task, meta={"mem": 8000}, args=builder.args(task.args_schema))
        for task in builder.first_tasks(tasks)
    ]
    workflow = new(Workflow, name="Segmentation", project=project, timestamp_created=builder.now(), task_list=steps)
    builder.save([raw, processed, workflow])
    processed.meta = {"plate": ["plate.zarr"], "num_levels": 5, "coarsening_xy": 2}
    processed.history = history(steps)
    job = {
        "project_id": project.id,
        "project_dump": dump(project),
        "workflow_id": workflow.id,
        "workflow_dump": dump(workflow),
        "input_dataset_id": raw.id,
        "input_dataset_dump": dump(raw, "history", resource_list=raw.resource_list),
        "output_dataset_id": processed.id,
        "output_dataset_dump": dump(processed, "history", resource_list=processed.resource_list),
    }
    statuses = (JobStatusTypeV1.FAILED.value, JobStatusTypeV1.DONE.value)
    builder.save(
        [new(ApplyWorkflow, **job, **builder.job_values(members[0], len(steps), status)) for status in statuses]
    )

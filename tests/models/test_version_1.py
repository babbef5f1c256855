"""Version 1 as a site uses it, from a new project to a job that outlives it."""

import json
from typing import Any

from sqlmodel import Session, select

from fractal_models.base import Base
from fractal_models.models import (
    ApplyWorkflow,
    Dataset,
    JobStatusTypeV1,
    Project,
    Resource,
    Task,
    Workflow,
    WorkflowTask,
)
from fractal_models.testing.factories import (
    DatasetFactory,
    ProjectFactory,
    ResourceFactory,
    TaskFactory,
    UserOAuthFactory,
    WorkflowFactory,
    WorkflowTaskFactory,
)
from fractal_models.utils import get_timestamp
from tests.support.databases import saved

TASKS: dict[str, tuple[str, str, str | None, dict[str, Any]]] = {
    # name: input type, output type, parallelization level, defaults of the arguments
    "create": ("image", "zarr", None, {"num_levels": 5, "coarsening_xy": 2, "image_extension": None}),
    "convert": ("zarr", "zarr", "image", {}),
    "copy": ("zarr", "zarr", None, {"suffix": "mip", "project_to_2D": True}),
    "correct": ("zarr", "zarr", "image", {"background": 0, "overwrite_input": False}),
    "segment": ("zarr", "zarr", "image", {"channel": {"label": "DAPI"}, "model_type": "cyto2"}),
    "measure": ("zarr", "zarr", "image", {"label_image": "nuclei"}),
}


def make_task(name: str) -> Task:
    input_type, output_type, level, defaults = TASKS[name]
    properties = {key: {"title": key, "default": value} for key, value in defaults.items()}
    return TaskFactory.build(
        name=name,
        input_type=input_type,
        output_type=output_type,
        meta={"cpus_per_task": 1, **({"parallelization_level": level} if level else {})},
        args_schema={"type": "object", "properties": properties, "required": ["input_paths"]},
        args_schema_version="pydantic_v1",
    )


def copy_of(session: Session, row: Base, **related: list[Any]) -> dict[str, Any]:
    session.refresh(row)
    return {**json.loads(row.model_dump_json()), **related}


def test_a_site_of_version_1(session: Session) -> None:
    user = UserOAuthFactory.create(session, username="alice")
    project = ProjectFactory.create(session, name="screen", user_list=[user])

    # Two datasets: images as they were acquired, and the OME-Zarr to be made of them.
    raw = DatasetFactory.build(name="raw", type="image", read_only=True, project=project)
    raw.resource_list.append(ResourceFactory.build(path="/nas/plate_1"))
    raw.resource_list.append(ResourceFactory.build(path="/nas/plate_2"))
    zarr = DatasetFactory.build(name="zarr", type="zarr", project=project)
    zarr.resource_list = [ResourceFactory.build(path="/scratch/zarr")]
    session.add_all([raw, zarr])
    session.commit()
    assert (raw.paths, zarr.paths) == (["/nas/plate_1", "/nas/plate_2"], ["/scratch/zarr"])

    # Six tasks, and a workflow in which each has the defaults of its schema.
    tasks = {name: make_task(name) for name in TASKS}
    session.add_all(tasks.values())
    session.commit()
    workflow = WorkflowFactory.build(name="full", project=project)
    for task in tasks.values():
        workflow.task_list.append(WorkflowTaskFactory.build(task=task, args=task.default_args_from_args_schema))
    saved(session, workflow)

    def steps() -> list[tuple[int | None, str]]:
        session.commit()
        return [(step.order, step.task.name) for step in workflow.task_list]

    assert steps() == list(enumerate(TASKS))
    assert [step.args for step in workflow.task_list[:4]] == [
        {"num_levels": 5, "coarsening_xy": 2},
        {},
        {"suffix": "mip", "project_to_2D": True},
        {"background": 0, "overwrite_input": False},
    ]
    assert [step.is_parallel for step in workflow.task_list] == [False, True, False, True, True, True]
    assert (workflow.input_type, workflow.output_type) == ("image", "zarr")

    # Steps are moved, inserted and removed.
    workflow.task_list.insert(2, workflow.task_list.pop(3))
    assert steps() == list(enumerate(["create", "convert", "correct", "copy", "segment", "measure"]))
    workflow.task_list.insert(5, WorkflowTaskFactory.build(task=tasks["segment"], args={"channel": {"label": "GFP"}}))
    workflow.task_list.pop(3)
    assert steps() == list(enumerate(["create", "convert", "correct", "segment", "segment", "measure"]))
    assert len(session.exec(select(WorkflowTask)).all()) == 6

    # One argument of one step is changed.
    args = workflow.task_list[3].args
    assert args is not None
    args["model_type"] = "nuclei"
    session.commit()
    assert workflow.task_list[3].args == {"channel": {"label": "DAPI"}, "model_type": "nuclei"}

    # A job runs the first three steps; it keeps copies of all that it runs on.
    task_list = [copy_of(session, step) for step in workflow.task_list]
    dumps: dict[str, Any] = {
        "project_dump": copy_of(session, project),
        "workflow_dump": copy_of(session, workflow, task_list=task_list),
        "input_dataset_dump": copy_of(session, raw, resource_list=raw.paths),
        "output_dataset_dump": copy_of(session, zarr, resource_list=zarr.paths),
    }
    keys: dict[str, Any] = {
        "project_id": project.id,
        "workflow_id": workflow.id,
        "input_dataset_id": raw.id,
        "output_dataset_id": zarr.id,
    }
    job = ApplyWorkflow(user_email=user.email, first_task_index=0, last_task_index=2, **dumps, **keys)
    saved(session, job)
    assert job.status == JobStatusTypeV1.SUBMITTED

    for step in workflow.task_list[job.first_task_index : job.last_task_index + 1]:
        zarr.history.append({"workflowtask": {"id": step.id}, "status": "done", "parallelization": None})
    zarr.meta["plate"] = ["plate_1.zarr", "plate_2.zarr"]
    job.status, job.end_timestamp, job.log = JobStatusTypeV1.DONE, get_timestamp(), "…"
    session.commit()
    assert [item["status"] for item in zarr.history] == ["done", "done", "done"]

    # All that it ran on is deleted.
    for key in keys:
        setattr(job, key, None)
    session.commit()
    for row in (raw, zarr, workflow):
        session.delete(row)
    session.commit()
    session.delete(project)
    session.commit()
    for model in (Resource, Dataset, WorkflowTask, Workflow, Project):
        assert session.exec(select(model)).all() == []
    assert len(session.exec(select(Task)).all()) == 6

    (survivor,) = session.exec(select(ApplyWorkflow))
    assert survivor is job
    assert {key: getattr(job, key) for key in keys} == dict.fromkeys(keys)
    assert {name: getattr(job, name) for name in dumps} == dumps
    assert [step["order"] for step in job.workflow_dump["task_list"]] == [0, 1, 2, 3, 4, 5]
    assert job.input_dataset_dump["resource_list"] == ["/nas/plate_1", "/nas/plate_2"]
    assert (job.status, job.user_email) == ("done", user.email)

"""Workflows, and properties that steps take from their tasks."""

import pytest
from sqlmodel import Session

from fractal_models.models import Workflow
from fractal_models.testing.factories import TaskFactory, WorkflowFactory, WorkflowTaskFactory
from tests.support.databases import statement_count


def test_a_workflow_takes_the_types_of_its_first_and_last_task() -> None:
    first, last = TaskFactory.build(input_type="image"), TaskFactory.build(output_type="zarr")
    workflow = WorkflowFactory.build(
        task_list=[WorkflowTaskFactory.build(task=task) for task in (first, TaskFactory.build(), last)]
    )
    assert (workflow.input_type, workflow.output_type) == ("image", "zarr")


@pytest.mark.parametrize("name", ["input_type", "output_type"])
def test_a_workflow_without_steps_has_no_types(name: str) -> None:
    workflow = WorkflowFactory.build(id=5, name="empty")
    with pytest.raises(ValueError, match=r"^Workflow 5 \(empty\) has no steps, so neither input type nor output type$"):
        getattr(workflow, name)


def test_a_step_is_as_parallel_as_its_task() -> None:
    parallel = WorkflowTaskFactory.build(task=TaskFactory.build(meta={"parallelization_level": "well"}))
    assert (parallel.is_parallel, parallel.parallelization_level) == (True, "well")
    serial = WorkflowTaskFactory.build()
    assert (serial.is_parallel, serial.parallelization_level) == (False, None)


def test_steps_and_tasks_are_loaded_with_a_workflow(session: Session) -> None:
    tasks = [TaskFactory.build(input_type="image"), TaskFactory.build(output_type="plot")]
    key = WorkflowFactory.create(session, task_list=[WorkflowTaskFactory.build(task=task) for task in tasks]).id
    names = [task.name for task in tasks]
    session.expunge_all()
    workflow = session.get_one(Workflow, key)
    statements = statement_count(session.get_bind())
    assert [step.task.name for step in workflow.task_list] == names
    assert (workflow.input_type, workflow.output_type) == ("image", "plot")
    assert workflow.project.user_list == []
    assert statements == []

"""Workflows, and what their steps read off their tasks."""

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from fractal_models.models import Workflow
from tests import factories
from tests.databases import statement_count


def test_a_workflow_takes_the_types_of_its_first_and_last_task() -> None:
    first, last = factories.task(input_type="image"), factories.task(output_type="zarr")
    workflow = factories.workflow(task_list=[factories.step(task=task) for task in (first, factories.task(), last)])
    assert (workflow.input_type, workflow.output_type) == ("image", "zarr")


@pytest.mark.parametrize("name", ["input_type", "output_type"])
def test_a_workflow_without_steps_has_no_types(name: str) -> None:
    workflow = factories.workflow(id=5, name="empty")
    with pytest.raises(ValueError, match=r"^Workflow 5 \(empty\) has no steps, so neither input type nor output type$"):
        getattr(workflow, name)


def test_a_step_is_as_parallel_as_its_task() -> None:
    parallel = factories.step(task=factories.task(meta={"parallelization_level": "well"}))
    assert (parallel.is_parallel, parallel.parallelization_level) == (True, "well")
    serial = factories.step()
    assert (serial.is_parallel, serial.parallelization_level) == (False, None)


def test_steps_and_tasks_are_loaded_with_a_workflow(session: Session, engine: Engine) -> None:
    steps = [factories.step(), factories.step()]
    key = factories.saved(session, factories.workflow(task_list=steps)).id
    session.expunge_all()
    workflow = session.get_one(Workflow, key)
    statements = statement_count(engine)
    assert [step.task.name for step in workflow.task_list] == ["task", "task"]
    assert (workflow.input_type, workflow.output_type) == ("image", "zarr")
    assert workflow.project.user_list == []
    assert statements == []

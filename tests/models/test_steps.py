"""Steps of workflows of both versions: a list that numbers its entries 0, 1, 2 … after every edit."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session, select, update

from fractal_models.models import Workflow, WorkflowTask, WorkflowTaskV2, WorkflowV2
from fractal_models.testing.factories import (
    ProjectFactory,
    ProjectV2Factory,
    TaskFactory,
    TaskGroupV2Factory,
    TaskV2Factory,
    UserOAuthFactory,
    WorkflowTaskFactory,
    WorkflowTaskV2Factory,
)
from tests.support.databases import saved

Steps = list[Any]
New = Callable[[], Any]


@pytest.fixture(params=[Workflow, WorkflowV2])
def new_workflow(request: pytest.FixtureRequest, session: Session) -> New:
    """Factory of empty saved workflows."""
    project = ProjectFactory.build() if request.param is Workflow else ProjectV2Factory.build()
    return lambda: saved(session, request.param(name="workflow", project=project))


@pytest.fixture
def new_step(new_workflow: New, session: Session) -> New:
    """Factory of steps, each with a number to identify it."""
    numbers = count()
    if isinstance(new_workflow(), Workflow):
        task = TaskFactory.create(session)
        return lambda: WorkflowTaskFactory.build(task=task, meta={"n": next(numbers)})
    group = TaskGroupV2Factory.build(user_id=UserOAuthFactory.create(session).id, task_list=[TaskV2Factory.build()])
    (task_v2,) = saved(session, group).task_list
    return lambda: WorkflowTaskV2Factory.build(task=task_v2, meta_parallel={"n": next(numbers)})


def number(step: Any) -> int:
    meta: Any = step.meta if isinstance(step, WorkflowTask) else step.meta_parallel
    return int(meta["n"])


def check(workflow: Any, expected: Steps) -> None:
    assert list(workflow.task_list) == expected
    assert [step.order for step in workflow.task_list] == list(range(len(expected)))


def check_saved(session: Session, workflow: Any, expected: Steps) -> None:
    """Check that the database has these steps, and no removed ones."""
    numbers = [number(step) for step in expected]
    session.commit()
    assert [number(step) for step in workflow.task_list] == numbers
    assert [step.order for step in workflow.task_list] == list(range(len(numbers)))
    model = WorkflowTask if isinstance(workflow, Workflow) else WorkflowTaskV2
    rows = session.exec(select(model).where(model.workflow_id == workflow.id)).all()
    assert sorted(number(step) for step in rows) == sorted(numbers)


def move(steps: Steps, source: int, target: int) -> None:
    steps.insert(target, steps.pop(source))


def set_slice(steps: Steps, i: int, j: int, new: Steps) -> None:
    steps[i:j] = new


def reverse_slice(steps: Steps, i: int, j: int) -> None:
    steps[i:j] = steps[i:j][::-1]


def reverse_every_other(steps: Steps) -> None:
    steps[::2] = steps[::2][::-1]


def swap(steps: Steps, i: int, j: int) -> None:
    steps[i], steps[j] = steps[j], steps[i]


def copy_and_delete(steps: Steps, i: int, j: int) -> None:
    steps.insert(i, steps[j])
    del steps[j + 1]


# Parameters: the steps, two positions i <= j in them, and two new steps.
Change = Callable[[Steps, int, int, Steps], Any]

IN_PLACE: dict[str, Change] = {
    "insert": lambda steps, i, j, new: steps.insert(i, new[0]),
    "append": lambda steps, i, j, new: steps.append(new[0]),
    "extend": lambda steps, i, j, new: steps.extend(new),
    "add in place": lambda steps, i, j, new: steps.__iadd__(new),
    "move forward": lambda steps, i, j, new: move(steps, i, j),
    "move backward": lambda steps, i, j, new: move(steps, j, i),
    "move by copy": lambda steps, i, j, new: copy_and_delete(steps, i, j),
    "swap": lambda steps, i, j, new: swap(steps, i, j),
    "move to the end": lambda steps, i, j, new: steps.append(steps.pop(i)),
    "pop": lambda steps, i, j, new: steps.pop(i),
    "pop the last": lambda steps, i, j, new: steps.pop(),
    "remove": lambda steps, i, j, new: steps.remove(steps[i]),
    "delete": lambda steps, i, j, new: steps.__delitem__(i),
    "delete a slice": lambda steps, i, j, new: steps.__delitem__(slice(i, j)),
    "replace": lambda steps, i, j, new: steps.__setitem__(i, new[0]),
    "replace the last": lambda steps, i, j, new: steps.__setitem__(-1, new[0]),
    "replace a slice": lambda steps, i, j, new: set_slice(steps, i, j, new),
    "reverse a slice": lambda steps, i, j, new: reverse_slice(steps, i, j),
    "reverse every other": lambda steps, i, j, new: reverse_every_other(steps),
    "reverse": lambda steps, i, j, new: steps.reverse(),
    "sort": lambda steps, i, j, new: steps.sort(key=number, reverse=True),
    "clear": lambda steps, i, j, new: steps.clear(),
    "multiply by nothing": lambda steps, i, j, new: steps.__imul__(0),
}

ASSIGNED: dict[str, Change] = {
    "assign reordered": lambda steps, i, j, new: [*steps[i:], *steps[:i]],
    "assign some of them": lambda steps, i, j, new: [*steps[j:], new[0], *steps[:i], new[1]],
    "assign none": lambda steps, i, j, new: [],
}


def perform(change: str, workflow: Any, i: int, j: int, new: Steps) -> Steps:
    """Apply the same change to the steps of a workflow and to a plain list of them; return the list."""
    plain = list(workflow.task_list)
    if change in ASSIGNED:
        workflow.task_list = plain = ASSIGNED[change](plain, i, j, new)
    else:
        IN_PLACE[change](plain, i, j, new)
        IN_PLACE[change](workflow.task_list, i, j, new)
    return plain


def test_every_change_renumbers_and_is_saved(session: Session, new_workflow: New, new_step: New) -> None:
    for change in [*IN_PLACE, *ASSIGNED]:
        workflow = new_workflow()
        workflow.task_list = [new_step() for _ in range(4)]
        session.commit()
        expected = perform(change, workflow, 1, 3, [new_step(), new_step()])
        check(workflow, expected)
        check_saved(session, workflow, expected)


@given(
    st.lists(
        st.tuples(st.sampled_from([*IN_PLACE, *ASSIGNED, "commit"]), st.integers(0, 9), st.integers(0, 9)), max_size=12
    )
)
def test_any_sequence_of_changes_keeps_the_numbers(
    session: Session,
    new_workflow: New,
    new_step: New,
    changes: list[tuple[str, int, int]],
) -> None:
    workflow = new_workflow()
    workflow.task_list = expected = [new_step() for _ in range(3)]
    for change, first, second in changes:
        if change == "commit":
            session.commit()
            continue
        if not expected:
            workflow.task_list.append(new_step())
        i, j = sorted(position % len(workflow.task_list) for position in (first, second))
        expected = perform(change, workflow, i, j, [new_step(), new_step()])
        check(workflow, expected)
    check_saved(session, workflow, expected)


@pytest.mark.parametrize("expire", [True, False])
def test_step_that_is_put_into_another_workflow_leaves_its_own(
    session: Session, new_workflow: New, new_step: New, expire: bool
) -> None:
    session.expire_on_commit = expire
    one, other = new_workflow(), new_workflow()
    one.task_list, other.task_list = [new_step() for _ in range(3)], [new_step() for _ in range(2)]
    session.commit()
    moved, left = one.task_list[1], [one.task_list[0], one.task_list[2]]

    other.task_list[1:1] = [moved]
    session.commit()
    one.task_list.append(last := new_step())
    session.commit()

    check(one, [*left, last])
    assert other.task_list[1] is moved
    assert [step.order for step in other.task_list] == [0, 1, 2]
    assert moved.workflow_id == other.id


def test_a_gap_left_by_a_deleted_step_is_closed_by_the_next_change(
    session: Session, new_workflow: New, new_step: New
) -> None:
    changes: list[Callable[[Any], None]] = [
        lambda steps: steps.append(new_step()),
        lambda steps: steps.reverse(),
        lambda steps: steps.reorder(),
    ]
    for change in changes:
        workflow = new_workflow()
        workflow.task_list = [new_step() for _ in range(4)]
        session.commit()
        session.delete(workflow.task_list[1])
        session.commit()
        assert [step.order for step in workflow.task_list] == [0, 2, 3]

        change(workflow.task_list)
        check_saved(session, workflow, list(workflow.task_list))


def test_reading_steps_with_a_gap_changes_nothing(session: Session, new_workflow: New, new_step: New) -> None:
    workflow = new_workflow()
    workflow.task_list = [new_step() for _ in range(3)]
    session.commit()
    session.delete(workflow.task_list[0])
    session.commit()
    assert [step.order for step in workflow.task_list] == [1, 2]
    assert not session.dirty


def test_steps_with_the_same_number_are_in_order_of_their_ids(
    session: Session, new_workflow: New, new_step: New
) -> None:
    workflow = new_workflow()
    workflow.task_list = steps = [new_step() for _ in range(3)]
    session.commit()
    for step in steps[::-1]:
        step.order = 0
        session.flush()
    session.expire(workflow)
    assert [step.id for step in workflow.task_list] == sorted(step.id for step in steps)


def without_order(session: Session, workflow: Any, numbered: int = 0) -> Any:
    """Set `order` to null in the database for all steps after the first ones, and load the workflow again."""
    model, key = type(workflow), workflow.id
    for step in workflow.task_list[numbered:]:
        session.execute(update(type(step)).where(type(step).id == step.id).values(order=None))
    session.commit()
    session.expire_all()
    return session.get_one(model, key)


def orders_in_the_database(session: Session, workflow: Any) -> list[int | None]:
    step = type(workflow.task_list[0])
    statement = select(step.order).where(step.workflow_id == workflow.id).order_by(step.id)
    return list(session.exec(statement))


@pytest.mark.parametrize("numbered", [0, 1, 2])
def test_steps_without_order_are_numbered_when_they_are_loaded_without_a_write(
    session: Session, new_workflow: New, new_step: New, numbered: int
) -> None:
    workflow = new_workflow()
    workflow.task_list = [new_step() for _ in range(3)]
    session.commit()
    workflow = without_order(session, workflow, numbered)
    expected: list[int | None] = [*range(numbered), *[None] * (3 - numbered)]

    assert [(step.order, number(step)) for step in workflow.task_list] == [(n, n) for n in range(3)]
    assert not session.dirty
    session.commit()
    assert orders_in_the_database(session, workflow) == expected
    session.refresh(workflow)
    assert [step.order for step in workflow.task_list] == [0, 1, 2]


def test_the_first_edit_writes_the_numbers_of_steps_without_order(
    session: Session, new_workflow: New, new_step: New
) -> None:
    edits: list[Callable[[Any], None]] = [
        lambda workflow: workflow.task_list.append(new_step()),
        lambda workflow: workflow.task_list.insert(0, new_step()),
        lambda workflow: workflow.task_list.reverse(),
        lambda workflow: setattr(workflow, "task_list", list(workflow.task_list)),
        lambda workflow: workflow.task_list.reorder(),
    ]
    for edit in edits:
        workflow = new_workflow()
        workflow.task_list = [new_step() for _ in range(3)]
        session.commit()
        workflow = without_order(session, workflow)
        edit(workflow)
        check_saved(session, workflow, list(workflow.task_list))
        assert sorted(order for order in orders_in_the_database(session, workflow) if order is not None) == [
            *range(len(workflow.task_list))
        ]


def test_a_gap_before_a_step_without_order_is_kept(session: Session, new_workflow: New, new_step: New) -> None:
    workflow = new_workflow()
    workflow.task_list = [new_step() for _ in range(4)]
    session.commit()
    session.delete(workflow.task_list[1])
    session.commit()
    workflow = without_order(session, workflow, 2)
    assert [step.order for step in workflow.task_list] == [0, 2, 3]


def test_numbering_what_is_numbered_changes_nothing(session: Session, new_workflow: New, new_step: New) -> None:
    workflow = new_workflow()
    workflow.task_list = [new_step(), new_step()]
    session.commit()
    workflow.task_list.reorder()
    assert not session.dirty


def test_a_step_that_is_taken_out_is_deleted_and_its_task_is_not(
    session: Session, new_workflow: New, new_step: New
) -> None:
    workflow = new_workflow()
    workflow.task_list = [new_step(), new_step()]
    session.commit()
    step = workflow.task_list.pop()
    task = step.task
    session.commit()
    assert session.get(type(step), step.id) is None
    assert session.get(type(task), task.id) is task


def test_steps_are_deleted_with_their_workflow_and_tasks_are_not(
    session: Session, new_workflow: New, new_step: New
) -> None:
    workflow, other = new_workflow(), new_workflow()
    workflow.task_list, other.task_list = [new_step(), new_step()], [new_step()]
    session.commit()
    kept = other.task_list[0]
    session.delete(workflow)
    session.commit()
    assert session.exec(select(type(kept))).all() == [kept]
    assert session.get(type(kept.task), kept.task_id) is kept.task


def test_one_task_may_be_several_steps(session: Session, new_workflow: New, new_step: New) -> None:
    workflow = new_workflow()
    workflow.task_list = [new_step(), new_step()]
    session.commit()
    assert workflow.task_list[0].task is workflow.task_list[1].task


def test_merging_a_detached_workflow_keeps_its_steps_in_order(
    session: Session, new_workflow: New, new_step: New
) -> None:
    workflow = new_workflow()
    workflow.task_list = [new_step() for _ in range(3)]
    session.commit()
    session.refresh(workflow)
    session.expunge_all()

    workflow.task_list.reverse()
    expected = [number(step) for step in workflow.task_list]
    merged = session.merge(workflow)
    session.commit()
    assert [(step.order, number(step)) for step in merged.task_list] == list(enumerate(expected))


def test_a_step_put_in_twice_is_one_step(session: Session, new_workflow: New, new_step: New) -> None:
    workflow = new_workflow()
    first, second = new_step(), new_step()
    workflow.task_list = [first, second, first]
    check_saved(session, workflow, [first, second])
    workflow.task_list.insert(0, second)
    check_saved(session, workflow, [second, first])


def test_a_list_that_was_replaced_belongs_to_its_workflow_no_more(
    session: Session, new_workflow: New, new_step: New
) -> None:
    workflow = new_workflow()
    workflow.task_list = [new_step(), new_step()]
    replaced = workflow.task_list
    workflow.task_list = expected = list(replaced)
    replaced.clear()
    replaced.append(new_step())
    check_saved(session, workflow, expected)

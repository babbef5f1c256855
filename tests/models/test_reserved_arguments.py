"""Reserved arguments are rejected in `WorkflowTask.args`, on every way to write them."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import insert, update
from sqlmodel import Session

from fractal_models.models import WorkflowTask
from fractal_models.schemas.v1 import RESERVED_ARGUMENTS
from fractal_models.testing.factories import WorkflowFactory, WorkflowTaskFactory
from fractal_models.types import UnstorableValueError
from tests.support.databases import statement_count

ALLOWED: list[dict[str, Any] | None] = [None, {}, {"size": 3}, {"nested": {"component": 1}}, {"Component": 1}]
RESERVED = {"metadata": {}, "size": 3, "component": "B/03/0"}
MESSAGE = "args should not contain reserved arguments, which the runner sets: component, metadata$"


@pytest.fixture
def step(session: Session) -> WorkflowTask:
    step = WorkflowTaskFactory.build(args={"size": 1})
    WorkflowFactory.create(session, task_list=[step])
    session.refresh(step)
    return step


@pytest.mark.parametrize("name", sorted(RESERVED_ARGUMENTS))
def test_each_reserved_name_is_refused(name: str) -> None:
    with pytest.raises(
        ValueError, match=rf"^args should not contain reserved arguments, which the runner sets: {name}$"
    ):
        WorkflowTaskFactory.build(args={"size": 3, name: None})


def test_the_reserved_names_are_those_of_the_runner() -> None:
    assert {"input_paths", "output_path", "metadata", "component"} == RESERVED_ARGUMENTS


def test_the_validator_gives_back_what_it_lets_through() -> None:
    assert WorkflowTask.validate_args() is None
    for args in ALLOWED:
        assert WorkflowTask.validate_args(args) is args
        assert WorkflowTaskFactory.build().validate_args(args) is args
    with pytest.raises(ValueError, match=MESSAGE):
        WorkflowTask.validate_args(RESERVED)


def test_the_constructor_refuses_reserved_names() -> None:
    with pytest.raises(ValueError, match=MESSAGE):
        WorkflowTaskFactory.build(args=RESERVED)


def test_validated_construction_refuses_reserved_names() -> None:
    with pytest.raises(ValueError, match=MESSAGE.removesuffix("$")):
        WorkflowTask.model_validate({"workflow_id": 1, "task_id": 1, "args": RESERVED})


def test_an_assignment_of_reserved_names_is_refused_and_the_old_value_stays(
    session: Session, step: WorkflowTask
) -> None:
    with pytest.raises(ValueError, match=MESSAGE):
        step.args = RESERVED
    assert step.args == {"size": 1}
    assert not session.dirty


@pytest.mark.parametrize("loaded", [True, False], ids=["loaded", "fresh"])
def test_an_edit_in_place_is_refused_at_flush(session: Session, loaded: bool) -> None:
    args = {"size": 1}
    step = WorkflowTaskFactory.build(args=args)
    session.add(WorkflowFactory.build(task_list=[step]))
    session.flush()
    if loaded:
        session.refresh(step)
    assert step.args == args
    statements = statement_count(session.get_bind())
    step.args.update(RESERVED)
    with pytest.raises(UnstorableValueError, match=rf"^workflowtask\.args: {MESSAGE}"):
        session.flush()
    assert statements == []


def test_an_assignment_of_reserved_names_after_an_edit_in_place_is_refused(step: WorkflowTask) -> None:
    assert step.args is not None
    step.args.update(RESERVED)
    with pytest.raises(ValueError, match=MESSAGE):
        step.args = step.args


STATEMENTS: list[Callable[[Session, dict[str, Any], Any], Any]] = [
    lambda session, row, args: session.execute(insert(WorkflowTask), [{**row, "args": args}, {**row, "args": args}]),
    lambda session, row, args: session.execute(insert(WorkflowTask).values({**row, "args": args})),
    lambda session, row, args: session.connection().execute(
        WorkflowTask.metadata.tables["workflowtask"].insert(), [{**row, "args": args}]
    ),
    lambda session, row, args: session.bulk_insert_mappings(
        sa.inspect(WorkflowTask).mapper, [{**row, "args": args}, {**row, "args": {}}]
    ),
    lambda session, row, args: session.execute(update(WorkflowTask).values(args=args)),
    lambda session, row, args: session.execute(update(WorkflowTask), [{"id": 1, "args": args}]),
]


@pytest.mark.parametrize("statement", STATEMENTS)
def test_statements_refuse_reserved_names_and_let_the_rest_through(
    session: Session, step: WorkflowTask, statement: Callable[[Session, dict[str, Any], Any], Any]
) -> None:
    row = {"workflow_id": step.workflow_id, "task_id": step.task_id}
    for args in ALLOWED:
        statement(session, row, args)
    with pytest.raises(UnstorableValueError, match=rf"^workflowtask\.args: {MESSAGE}"):
        statement(session, row, RESERVED)


def test_what_is_allowed_is_saved(session: Session, step: WorkflowTask) -> None:
    for args in ALLOWED:
        step.args = args
        session.commit()
        assert step.args == args


def test_a_row_from_before_the_rule_can_be_read_and_mended(session: Session, step: WorkflowTask) -> None:
    session.execute(sa.text("UPDATE workflowtask SET args = :args"), {"args": json.dumps(RESERVED)})
    session.commit()
    assert step.args == RESERVED

    step.meta = {"cpus": 1}
    session.commit()
    assert step.args == RESERVED

    del step.args["metadata"]
    del step.args["component"]
    session.commit()
    assert step.args == {"size": 3}

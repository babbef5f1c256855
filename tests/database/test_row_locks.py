"""Concurrent changes of one row: none is lost, on either engine."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm.exc import StaleDataError
from sqlmodel import Session, select

from fractal_models.database import (
    BusyError,
    async_sessionmaker,
    create_engine,
    lock_row,
    lock_row_async,
    sessionmaker,
)
from fractal_models.models import DatasetV2, LinkUserProjectV2, Project, WorkflowTaskV2, WorkflowV2
from fractal_models.testing.factories import (
    DatasetV2Factory,
    ProjectFactory,
    ProjectV2Factory,
    TaskGroupV2Factory,
    TaskV2Factory,
    UserOAuthFactory,
    WorkflowV2Factory,
)

CONCURRENT = 10


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    return 100 if request.config.getoption("--thorough", False) else 2


def new_rows(session: Any) -> tuple[int, int, int]:
    """Save a workflow, a dataset and a task; return their ids."""
    workflow = WorkflowV2Factory.create(session)
    dataset = DatasetV2Factory.create(session, filters={"attributes": {}, "types": {}})
    owner = UserOAuthFactory.create(session)
    group = TaskGroupV2Factory.create(session, user_id=owner.id, task_list=[TaskV2Factory.build()])
    assert workflow.id
    assert dataset.id
    assert group.task_list[0].id
    return workflow.id, dataset.id, group.task_list[0].id


def insert_step(session: Any, workflow: WorkflowV2, task_id: int) -> None:
    workflow.task_list.insert(0, WorkflowTaskV2(task_id=task_id, task_type="parallel"))


def edit_filters(session: Any, dataset: DatasetV2, number: int) -> None:
    dataset.filters[f"edit {number}"] = number


def check(session: Any, workflow_id: int, dataset_id: int) -> None:
    workflow, dataset = session.get(WorkflowV2, workflow_id), session.get(DatasetV2, dataset_id)
    assert [step.order for step in workflow.task_list] == list(range(CONCURRENT))
    orders = select(WorkflowTaskV2.order).where(WorkflowTaskV2.workflow_id == workflow_id)
    assert sorted(session.scalars(orders)) == list(range(CONCURRENT))
    assert {key for key in dataset.filters if key.startswith("edit")} == {f"edit {n}" for n in range(CONCURRENT)}


def test_no_update_is_lost(engine: Engine, rounds: int) -> None:
    def change(workflow_id: int, dataset_id: int, task_id: int, number: int) -> None:
        with sessionmaker(engine)() as session:
            workflow = session.get_one(WorkflowV2, workflow_id)
            lock_row(session, workflow)
            insert_step(session, workflow, task_id)
            session.commit()
            dataset = session.get_one(DatasetV2, dataset_id)
            lock_row(session, dataset)
            edit_filters(session, dataset, number)
            session.commit()

    with ThreadPoolExecutor(CONCURRENT) as threads:
        for _ in range(rounds):
            with Session(engine) as session:
                ids = new_rows(session)
            list(threads.map(partial(change, *ids), range(CONCURRENT)))
            with Session(engine) as session:
                check(session, *ids[:2])


async def test_no_update_is_lost_in_asynchronous_code(async_engine: AsyncEngine, rounds: int) -> None:
    sessions = async_sessionmaker(async_engine)

    async def change(workflow_id: int, dataset_id: int, task_id: int, number: int) -> None:
        async with sessions() as session:
            workflow = await session.get_one(WorkflowV2, workflow_id)
            await lock_row_async(session, workflow)
            insert_step(session, workflow, task_id)
            await session.commit()
            dataset = await session.get_one(DatasetV2, dataset_id)
            await lock_row_async(session, dataset)
            edit_filters(session, dataset, number)
            await session.commit()

    for _ in range(rounds):
        async with sessions() as session:
            ids = await session.run_sync(new_rows)
        await asyncio.gather(*(change(*ids, number) for number in range(CONCURRENT)))
        async with sessions() as session:
            await session.run_sync(check, *ids[:2])


def test_a_lock_loads_what_another_transaction_has_changed(engine: Engine) -> None:
    with Session(engine) as session, Session(engine) as other:
        workflow_id, _, task_id = new_rows(session)
        workflow = session.get_one(WorkflowV2, workflow_id)
        workflow.task_list = [WorkflowTaskV2(task_id=task_id, task_type="parallel") for _ in range(2)]
        session.commit()
        first, second = workflow.task_list
        assert (first.order, second.order) == (0, 1)
        session.rollback()
        assert [step.order for step in workflow.task_list] == [0, 1]

        changed = other.get_one(WorkflowV2, workflow_id)
        changed.name = "changed"
        changed.task_list.reverse()
        other.commit()
        lock_row(session, workflow)
        assert workflow.name == "changed"
        assert workflow.task_list == [second, first]
        assert (second.order, first.order) == (0, 1)


def test_each_kind_of_row_can_be_locked_without_a_change(engine: Engine) -> None:
    with Session(engine, expire_on_commit=False) as session:
        user = UserOAuthFactory.create(session)
        project = ProjectV2Factory.create(session, user_list=[user])
        link = session.exec(select(LinkUserProjectV2)).one()
        for row in (user, project, link):
            before = row.model_dump()
            lock_row(session, row)
            assert row.model_dump() == before
        session.commit()


def test_a_row_with_unsaved_edits_is_not_locked(session: Session) -> None:
    project = ProjectFactory.create(session)
    project.name = "edited"
    with pytest.raises(InvalidRequestError, match=r"^Project has unsaved edits; call lock_row after saving it, before"):
        lock_row(session, project)
    with pytest.raises(InvalidRequestError, match=r"^Project is not stored; call lock_row after saving it, before"):
        lock_row(session, ProjectFactory.build())


def test_a_row_that_was_deleted_meanwhile_is_stale(engine: Engine) -> None:
    with Session(engine, expire_on_commit=False) as session, Session(engine) as other:
        project = ProjectFactory.create(session)
        other.delete(other.get_one(Project, project.id))
        other.commit()
        with pytest.raises(StaleDataError, match=r"^Project \(1,\) was deleted by another transaction$"):
            lock_row(session, project)


def in_deferred_transactions(engine: Engine) -> None:
    """Begin a transaction of SQLite with the first statement, also where it reads."""

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN")


def test_a_transaction_that_cannot_get_the_lock_any_more_is_told_so(url: Any) -> None:
    postgresql = url.get_backend_name() == "postgresql"
    options: dict[str, Any] = {"isolation_level": "REPEATABLE READ"} if postgresql else {}
    engine = create_engine(url, **options)
    if not postgresql:
        in_deferred_transactions(engine)
    with Session(engine) as session, Session(engine) as other:
        project = ProjectFactory.create(session)
        assert project.name
        changed = other.get_one(Project, project.id)
        changed.name = "changed"
        other.commit()
        reason = "another transaction has changed the row" if postgresql else "this transaction has read before another"
        with pytest.raises(BusyError, match=rf"^[^\n]*: {reason}[^\n]*; roll back, and lock the row first[^\n]*$"):
            lock_row(session, project)
        session.rollback()
        lock_row(session, project)
        assert project.name == "changed"
    engine.dispose()


def test_a_lock_that_another_transaction_holds_too_long_is_busy(url: Any) -> None:
    engine = create_engine(url, connect_timeout=None if url.get_backend_name() == "postgresql" else 0.1)
    with Session(engine) as session, Session(engine) as other:
        project = ProjectFactory.create(session)
        held = other.get_one(Project, project.id)
        lock_row(other, held)
        if engine.dialect.name == "postgresql":
            session.connection().exec_driver_sql("SET LOCAL lock_timeout = '100ms'")
        with pytest.raises(BusyError, match=r"^[^\n]*: locked [^\n]*; end the session that holds the lock[^\n]*$"):
            lock_row(session, project)
        session.rollback()
        other.rollback()
    engine.dispose()

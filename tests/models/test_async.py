"""Requests of a server in asynchronous code, with each driver: no implicit loading."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from math import nan
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlmodel import Session, col

from fractal_models.base import Base
from fractal_models.database import create_engine
from fractal_models.models import (
    ApplyWorkflow,
    Dataset,
    DatasetV2,
    JobStatusTypeV1,
    JobV2,
    OAuthAccount,
    Project,
    ProjectV2,
    Resource,
    State,
    TaskGroupV2,
    TaskV2,
    UserOAuth,
    UserSettings,
    Workflow,
    WorkflowTask,
    WorkflowTaskV2,
    WorkflowV2,
)
from fractal_models.testing.databases import Databases
from fractal_models.testing.factories import (
    ApplyWorkflowFactory,
    DatasetFactory,
    DatasetV2Factory,
    JobV2Factory,
    OAuthAccountFactory,
    ProjectFactory,
    ProjectV2Factory,
    ResourceFactory,
    TaskFactory,
    TaskGroupV2Factory,
    TaskV2Factory,
    UserGroupFactory,
    UserOAuthFactory,
    WorkflowFactory,
    WorkflowTaskFactory,
    WorkflowTaskV2Factory,
    WorkflowV2Factory,
)
from fractal_models.types import UnstorableValueError
from tests.support.databases import Row, saved, statement_count


async def all_of(session: AsyncSession, model: type[Row]) -> list[Row]:
    """All rows, loaded again."""
    session.expunge_all()
    return list(await session.scalars(select(model).order_by("id")))


async def test_foreign_keys_are_enforced(async_session: AsyncSession) -> None:
    async_session.add(ResourceFactory.build(dataset_id=999_999))
    with pytest.raises(IntegrityError, match=r"(?i)foreign key constraint"):
        await async_session.flush()


async def test_users(async_session: AsyncSession) -> None:
    settings = UserSettings(slurm_accounts=["lab"])
    accounts = [OAuthAccountFactory.build(), OAuthAccountFactory.build()]
    await async_session.run_sync(UserOAuthFactory.create, settings=settings, oauth_accounts=accounts)
    await async_session.run_sync(UserOAuthFactory.create)

    user, other = await all_of(async_session, UserOAuth)
    assert (user.slurm_accounts, other.slurm_accounts) == (["lab"], [])
    assert [account.user for account in user.oauth_accounts] == [user, user]

    user.slurm_accounts.append("other")
    user.oauth_accounts.pop(0)
    await async_session.commit()
    user, other = await all_of(async_session, UserOAuth)
    assert user.slurm_accounts == ["lab", "other"]
    (account,) = await all_of(async_session, OAuthAccount)
    assert account.user is not None
    assert (account.user.oauth_accounts, account.user.slurm_accounts) == ([account], ["lab", "other"])

    await async_session.delete(account.user)
    await async_session.commit()
    assert await all_of(async_session, OAuthAccount) == []
    assert await all_of(async_session, UserSettings) == []
    assert [found.id for found in await all_of(async_session, UserOAuth)] == [other.id]


@pytest.mark.parametrize(("make", "model"), [(ProjectFactory.build, Project), (ProjectV2Factory.build, ProjectV2)])
async def test_projects(async_session: AsyncSession, make: Callable[..., Any], model: type[Any]) -> None:
    users = [await async_session.run_sync(UserOAuthFactory.create, settings=UserSettings()) for _ in range(2)]
    await async_session.run_sync(saved, make(name="both", user_list=users))
    await async_session.run_sync(saved, make(name="none"))

    both, none = await all_of(async_session, model)
    assert [user.settings.slurm_accounts for user in both.user_list] == [[], []]
    none.user_list.append(both.user_list.pop())
    await async_session.commit()
    both, none = await all_of(async_session, model)
    assert [[user.id for user in project.user_list] for project in (both, none)] == [[users[0].id], [users[1].id]]

    await async_session.delete(both)
    await async_session.commit()
    assert [project.name for project in await all_of(async_session, model)] == ["none"]
    assert len(await all_of(async_session, UserOAuth)) == 2


async def test_datasets(async_session: AsyncSession) -> None:
    user = await async_session.run_sync(UserOAuthFactory.create, oauth_accounts=[OAuthAccountFactory.build()])
    project = await async_session.run_sync(ProjectFactory.create, user_list=[user])
    resources = [ResourceFactory.build(path=path) for path in "abc"]
    await async_session.run_sync(DatasetFactory.create, project=project, resource_list=resources)

    (dataset,) = await all_of(async_session, Dataset)
    assert dataset.paths == ["a", "b", "c"]
    assert [account.oauth_name for user in dataset.project.user_list for account in user.oauth_accounts] == ["github"]
    del dataset.resource_list[1]
    dataset.meta["plate"] = "x"
    dataset.history.append({"status": "done"})
    await async_session.commit()
    (dataset,) = await all_of(async_session, Dataset)
    assert (dataset.paths, dataset.meta, dataset.history) == (["a", "c"], {"plate": "x"}, [{"status": "done"}])

    await async_session.delete(dataset)
    await async_session.commit()
    assert await all_of(async_session, Resource) == []


async def test_datasets_of_version_2(async_session: AsyncSession) -> None:
    await async_session.run_sync(DatasetV2Factory.create, images=[{"zarr_url": "/a"}])
    (dataset,) = await all_of(async_session, DatasetV2)
    assert dataset.project.user_list == []
    dataset.images.append({"zarr_url": "/b"})
    await async_session.commit()
    (dataset,) = await all_of(async_session, DatasetV2)
    assert dataset.image_zarr_urls == ["/a", "/b"]


async def test_workflows(async_session: AsyncSession) -> None:
    steps = [WorkflowTaskFactory.build(task=TaskFactory.build(name=name), args={"name": name}) for name in "abc"]
    project = ProjectFactory.build(name="project")
    await async_session.run_sync(WorkflowFactory.create, project=project, task_list=steps)

    (workflow,) = await all_of(async_session, Workflow)
    assert [step.task.name for step in workflow.task_list] == ["a", "b", "c"]
    assert (workflow.input_type, workflow.output_type, workflow.project.name) == ("zarr", "zarr", "project")
    assert not any(step.is_parallel for step in workflow.task_list)
    workflow.task_list.insert(0, workflow.task_list.pop())
    workflow.task_list.remove(workflow.task_list[1])
    workflow.task_list.append(WorkflowTaskFactory.build(task=workflow.task_list[0].task))
    await async_session.commit()
    (workflow,) = await all_of(async_session, Workflow)
    assert [(step.order, step.task.name) for step in workflow.task_list] == [(0, "c"), (1, "b"), (2, "c")]

    await async_session.delete(workflow)
    await async_session.commit()
    assert await all_of(async_session, WorkflowTask) == []


async def test_workflows_of_version_2(async_session: AsyncSession) -> None:
    owner = await async_session.run_sync(UserOAuthFactory.create)
    tasks = [TaskV2Factory.build(name=name) for name in "ab"]
    group = await async_session.run_sync(TaskGroupV2Factory.create, user_id=owner.id, task_list=tasks)
    steps = [WorkflowTaskV2Factory.build(task=task) for task in group.task_list]
    await async_session.run_sync(WorkflowV2Factory.create, task_list=steps)

    (workflow,) = await all_of(async_session, WorkflowV2)
    assert [step.task.name for step in workflow.task_list] == ["a", "b"]
    workflow.task_list.reverse()
    await async_session.commit()
    (workflow,) = await all_of(async_session, WorkflowV2)
    assert [(step.order, step.task.name) for step in workflow.task_list] == [(0, "b"), (1, "a")]

    await async_session.delete(workflow)
    await async_session.commit()
    assert await all_of(async_session, WorkflowTaskV2) == []
    (group,) = await all_of(async_session, TaskGroupV2)
    await async_session.delete(group)
    await async_session.commit()
    assert await all_of(async_session, TaskV2) == []


@pytest.mark.parametrize(("make", "model"), [(ApplyWorkflowFactory.build, ApplyWorkflow), (JobV2Factory.build, JobV2)])
async def test_jobs(async_session: AsyncSession, make: Callable[..., Any], model: type[Any]) -> None:
    await async_session.run_sync(saved, make(workflow_dump={"b": 1, "a": [2]}))
    (job,) = await all_of(async_session, model)
    assert list(job.workflow_dump) == ["b", "a"]
    job.status = JobStatusTypeV1.FAILED
    job.end_timestamp = datetime(2024, 1, 1, tzinfo=UTC)
    await async_session.commit()
    (job,) = await all_of(async_session, model)
    assert (job.status, job.end_timestamp) == ("failed", datetime(2024, 1, 1, tzinfo=UTC))
    assert job.start_timestamp.tzinfo is UTC


DATA = {"z": [1, 2.5, None, {"b": True}], "a": "漢", "é": {}}

REFUSED: list[tuple[Base, str]] = [
    (State(data={"a": nan}), r"^state\.data: should not contain NaN or Infinity"),
    (UserGroupFactory.build(viewer_paths=[{1}]), r"^usergroup\.viewer_paths: Object of type set"),
    (ProjectFactory.build(name="\0"), r"^project\.name: should not contain NUL characters"),
    (State(timestamp=datetime(2024, 1, 1)), r"^state\.timestamp: should have a timezone"),  # noqa: DTZ001
]


@pytest.mark.parametrize(("row", "message"), REFUSED, ids=[message for _, message in REFUSED])
async def test_each_driver_refuses_what_cannot_be_stored_before_it_sends_anything(
    shared_async_engine: AsyncEngine, async_session: AsyncSession, row: Base, message: str
) -> None:
    statements = statement_count(shared_async_engine.sync_engine)
    async_session.add(row)
    with pytest.raises(UnstorableValueError, match=message):
        await async_session.flush()
    assert [statement for statement in statements if "SAVEPOINT" not in statement] == []
    async_session.expunge_all()


async def test_each_driver_stores_json_alike(async_session: AsyncSession) -> None:
    await async_session.execute(insert(State), [{"data": DATA}, {"data": None}])
    await async_session.execute(update(State).where(col(State.data).is_(None)).values(data={}))
    full, empty = await all_of(async_session, State)
    assert (list(full.data.items()), empty.data) == (list(DATA.items()), {})

    found = await async_session.scalars(select(State).where(col(State.data)["z"][3]["b"].as_boolean().is_(True)))
    assert found.all() == [full]
    text = await async_session.scalars(sa.text("SELECT CAST(data AS TEXT) FROM state ORDER BY id"))
    assert text.all() == [json.dumps(DATA), "{}"]


def test_psycopg_stores_everything_alike_in_synchronous_code(fractal_postgresql_databases: Databases) -> None:
    url = fractal_postgresql_databases.create_at_head()
    engine = create_engine(url.set(drivername="postgresql+psycopg"))
    with Session(engine) as session:
        moment = datetime(2024, 2, 29, tzinfo=UTC)
        state = saved(session, State(data=DATA, timestamp=moment))
        assert (list(state.data.items()), state.timestamp) == (list(DATA.items()), moment)
        state.data["new"] = [None]
        session.commit()
        assert state.data["new"] == [None]
        job = saved(session, ApplyWorkflowFactory.build(status=JobStatusTypeV1.DONE, log="é 漢"))
        assert (job.status, job.log) == ("done", "é 漢")
        session.execute(insert(State), [{"data": None}, {"data": None}])
        assert session.scalar(sa.text("SELECT count(*) FROM state WHERE data IS NULL")) == 2
        session.add(State(data={"a": nan}))
        with pytest.raises(UnstorableValueError, match=r"^state\.data: should not contain NaN or Infinity"):
            session.flush()
    engine.dispose()
    fractal_postgresql_databases.drop(url)

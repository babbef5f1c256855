"""Rows in asynchronous code, with each driver: new ones are readable, and what is not loaded says how to load it."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError
from sqlmodel import Session, select
from sqlmodel.ext.asyncio.session import AsyncSession

from fractal_models.base import Base
from fractal_models.lazy_loads import NotLoadedError
from fractal_models.loading import without_relationships
from fractal_models.models import (
    Dataset,
    DatasetV2,
    LinkUserProjectV2,
    OAuthAccount,
    Project,
    ProjectV2,
    Resource,
    TaskGroupV2,
    TaskV2,
    UserOAuth,
    Workflow,
    WorkflowTaskV2,
    WorkflowV2,
)
from fractal_models.schemas import UserRead
from fractal_models.schemas.v1 import DatasetReadV1, WorkflowReadV1
from fractal_models.schemas.v2 import DatasetReadV2, TaskGroupReadV2, WorkflowReadV2
from fractal_models.testing.factories import (
    ProjectV2Factory,
    TaskGroupV2Factory,
    TaskV2Factory,
    UserOAuthFactory,
    WorkflowV2Factory,
)


async def created(session: AsyncSession, row: Any) -> Any:
    """Save a row as a request does."""
    session.add(row)
    await session.commit()
    return row


@pytest.fixture
async def project_id(async_session: AsyncSession) -> int:
    """A project that no session has loaded."""
    session = async_session
    project = await session.run_sync(ProjectV2Factory.create)
    session.expunge_all()
    return project.id or 0


@pytest.fixture
async def task_id(async_session: AsyncSession) -> int:
    """A task that no session has loaded."""
    session = async_session
    owner = await session.run_sync(UserOAuthFactory.create)
    tasks = [TaskV2Factory.build()]
    group = await session.run_sync(TaskGroupV2Factory.create, user_id=owner.id, task_list=tasks)
    session.expunge_all()
    return group.task_list[0].id or 0


NEW: list[tuple[Callable[[], Base], type[BaseModel], str]] = [
    (lambda: UserOAuth(email="a@example.org", hashed_password="hash"), UserRead, "oauth_accounts"),
    (lambda: WorkflowV2(name="a", project=ProjectV2(name="a")), WorkflowReadV2, "task_list"),
    (lambda: Workflow(name="a", project=Project(name="a")), WorkflowReadV1, "task_list"),
    (lambda: Dataset(name="a", project=Project(name="a")), DatasetReadV1, "resource_list"),
    (lambda: DatasetV2(name="a", zarr_dir="/a", project=ProjectV2(name="a")), DatasetReadV2, "project"),
]


@pytest.mark.parametrize(("make", "body", "name"), NEW, ids=[body.__name__ for _, body, _ in NEW])
async def test_a_new_row_is_readable(
    async_session: AsyncSession, make: Callable[[], Base], body: type[BaseModel], name: str
) -> None:
    row = await created(async_session, make())
    read = body.model_validate(row)
    if name != "project":
        assert getattr(read, name) == getattr(row, name) == []
        assert name not in row.__dict__
    async_session.expunge_all()
    stored = (await async_session.exec(select(type(row)))).one()
    assert body.model_validate(stored) == read


async def test_other_lists_of_new_rows_are_empty(async_session: AsyncSession) -> None:
    assert (await created(async_session, ProjectV2(name="a"))).user_list == []
    user = await created(async_session, UserOAuth(email="a@example.org", hashed_password="hash"))
    assert user.settings is None
    group = await created(async_session, TaskGroupV2(user_id=user.id, origin="pypi", pkg_name="a"))
    assert TaskGroupReadV2.model_validate(group).task_list == []


async def test_an_entry_added_after_a_flush_is_saved(
    async_session: AsyncSession, project_id: int, task_id: int
) -> None:
    workflow = WorkflowV2(name="a", project_id=project_id)
    async_session.add(workflow)
    await async_session.flush()
    workflow.task_list.append(WorkflowTaskV2(task_id=task_id, task_type="parallel"))
    await async_session.commit()
    workflow.task_list.insert(0, WorkflowTaskV2(task_id=task_id, task_type="parallel"))
    await async_session.commit()
    await async_session.refresh(workflow)
    assert [step.order for step in workflow.task_list] == [0, 1]


def assert_not_loaded(read: Callable[[], object], attribute: str) -> None:
    name = attribute.split(".")[1]
    message = (
        f'{attribute} is not loaded; in asynchronous code, run `await session.refresh(row, ["{name}"])` first, '
        f"or read `await row.awaitable_attrs.{name}`"
    )
    with pytest.raises(NotLoadedError) as error:
        read()
    assert str(error.value) == message


async def test_a_row_given_by_its_key_says_how_to_load_it(
    async_session: AsyncSession, project_id: int, task_id: int
) -> None:
    dataset = await created(async_session, DatasetV2(name="a", zarr_dir="/a", project_id=project_id))
    assert_not_loaded(lambda: dataset.project, "DatasetV2.project")
    with pytest.raises(ValidationError, match=r"NotLoadedError: DatasetV2\.project is not loaded; in asynchronous"):
        DatasetReadV2.model_validate(dataset)
    assert (await dataset.awaitable_attrs.project).id == project_id
    assert DatasetReadV2.model_validate(dataset).project.id == project_id

    workflow = await created(async_session, WorkflowV2(name="a", project=dataset.project))
    step = WorkflowTaskV2(task_id=task_id, workflow_id=workflow.id, task_type="parallel")
    await created(async_session, step)
    assert_not_loaded(lambda: step.task, "WorkflowTaskV2.task")
    await async_session.refresh(step, ["task"])
    assert step.task.id == task_id


async def test_a_list_whose_entry_was_saved_by_its_key_is_not_empty(
    async_session: AsyncSession, project_id: int, task_id: int
) -> None:
    owner = await created(async_session, UserOAuth(email="a@example.org", hashed_password="hash"))
    workflow = await created(async_session, WorkflowV2(name="a", project_id=project_id))
    dataset = await created(async_session, Dataset(name="a", project=Project(name="a")))
    group = await created(async_session, TaskGroupV2(user_id=owner.id, origin="pypi", pkg_name="a"))
    project = await created(async_session, ProjectV2(name="a"))
    entries: list[tuple[Any, str, Base]] = [
        (workflow, "task_list", WorkflowTaskV2(task_id=task_id, workflow_id=workflow.id, task_type="parallel")),
        (dataset, "resource_list", Resource(path="/a", dataset_id=dataset.id)),
        (group, "task_list", TaskV2(name="a", type="parallel", taskgroupv2_id=group.id)),
        (project, "user_list", LinkUserProjectV2(project_id=project.id, user_id=owner.id)),
        (
            owner,
            "oauth_accounts",
            OAuthAccount(oauth_name="a", access_token="a", account_id="a", account_email="a", user_id=owner.id),
        ),
    ]
    for row, name, entry in entries:
        assert getattr(row, name) == []
        await created(async_session, entry)
        assert_not_loaded(partial(getattr, row, name), f"{type(row).__name__}.{name}")
        assert len(await getattr(row.awaitable_attrs, name)) == 1


async def test_a_row_is_expired_after_a_rollback_and_says_how_to_load_it(async_session: AsyncSession) -> None:
    project = await created(async_session, ProjectV2(name="a"))
    await async_session.execute(select(ProjectV2))
    await async_session.rollback()
    message = (
        "ProjectV2 is expired, as after a rollback, so these are not loaded: id, name, timestamp_created; "
        "in asynchronous code, run `await session.refresh(row)` first"
    )
    with pytest.raises(NotLoadedError) as error:
        project.name  # noqa: B018
    assert str(error.value) == message
    assert_not_loaded(lambda: project.user_list, "ProjectV2.user_list")
    await async_session.refresh(project)
    assert (project.name, project.user_list) == ("a", [])


async def test_a_row_without_its_relationships_says_so(async_session: AsyncSession) -> None:
    await async_session.run_sync(WorkflowV2Factory.create)
    async_session.expunge_all()
    light = select(WorkflowV2).options(without_relationships(WorkflowV2))
    workflow = (await async_session.exec(light)).one()
    with pytest.raises(Exception, match=r"WorkflowV2\.task_list.*raise"):
        workflow.task_list  # noqa: B018
    await async_session.refresh(workflow, ["task_list", "project"])
    assert WorkflowReadV2.model_validate(workflow).task_list == []


def test_synchronous_code_loads_lists_of_new_rows(session: Session) -> None:
    with Session(session.get_bind(), expire_on_commit=False) as other:
        other.add(project := ProjectV2(name="a"))
        other.commit()
        user = UserOAuthFactory.create(session)
        session.add(LinkUserProjectV2(project_id=project.id or 0, user_id=user.id or 0))
        session.commit()
        assert [found.id for found in project.user_list] == [user.id]


@pytest.fixture
async def stored(async_session: AsyncSession, task_id: int) -> tuple[WorkflowV2, DatasetV2]:
    """A workflow with two steps and a dataset with images, in one project."""
    steps = [WorkflowTaskV2(task_id=task_id, task_type="parallel", args_parallel={"n": n}) for n in range(2)]
    project = ProjectV2(name="a")
    workflow = await created(async_session, WorkflowV2(name="a", project=project, task_list=steps))
    images = [{"zarr_url": "/a/b"}]
    dataset = await created(async_session, DatasetV2(name="a", zarr_dir="/a", project=project, images=images))
    async_session.expunge_all()
    return workflow, dataset


async def test_merging_keeps_steps_and_json(async_session: AsyncSession, stored: tuple[WorkflowV2, DatasetV2]) -> None:
    workflow, dataset = stored
    await async_session.merge(WorkflowV2(id=workflow.id, name="merged"))
    values: dict[str, Any] = {"id": dataset.id, "name": "merged"}
    await async_session.merge(DatasetV2(**values))
    await async_session.commit()
    async_session.expunge_all()
    merged = (await async_session.exec(select(WorkflowV2))).one()
    assert [step.args_parallel for step in merged.task_list] == [{"n": 0}, {"n": 1}]
    after = (await async_session.exec(select(DatasetV2))).one()
    assert after.model_dump() == {**dataset.model_dump(), "name": "merged"}


async def test_the_session_has_exec_and_execute(async_session: AsyncSession) -> None:
    await created(async_session, ProjectV2(name="a"))
    assert (await async_session.exec(select(ProjectV2.name))).all() == ["a"]
    assert (await async_session.execute(select(ProjectV2.name))).scalars().all() == ["a"]

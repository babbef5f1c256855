"""What a server, a script and a test do with this package, to be understood by type checkers as it stands."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Annotated, Any, assert_type

from fastapi import Depends, FastAPI, HTTPException
from fastapi_users import BaseUserManager, FastAPIUsers, IntegerIDMixin
from fastapi_users.authentication import AuthenticationBackend, BearerTransport, JWTStrategy
from fastapi_users_db_sqlmodel import SQLModelUserDatabaseAsync
from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Session, col, select

from fractal_models.database import async_sessionmaker, create_async_engine, create_engine, sessionmaker
from fractal_models.loading import without_heavy
from fractal_models.models import (
    ApplyWorkflow,
    Dataset,
    DatasetV2,
    JobStatusTypeV1,
    LinkUserProject,
    OAuthAccount,
    Project,
    Resource,
    Task,
    TaskGroupV2,
    TaskV2,
    UserOAuth,
    UserSettings,
    Workflow,
    WorkflowTask,
    WorkflowTaskV2,
    WorkflowV2,
)
from fractal_models.schemas import UserCreate, UserRead, UserUpdate
from fractal_models.schemas.v1 import (
    ApplyWorkflowCreateV1,
    DatasetReadV1,
    ProjectCreateV1,
    ProjectReadV1,
    ProjectUpdateV1,
    WorkflowTaskStatusTypeV1,
)
from fractal_models.schemas.v1.dataset import ResourceCreateV1
from fractal_models.schemas.v2 import DatasetCreateV2, Filters, SingleImage, TaskGroupV2OriginEnum
from fractal_models.testing import seed
from fractal_models.testing.factories import DatasetV2Factory, ProjectFactory, WorkflowFactory
from fractal_models.utils import get_timestamp

engine = create_engine("sqlite:///fractal.db", connect_timeout=5, pool_size=5)
sessions = sessionmaker(engine)
async_engine = create_async_engine("postgresql://localhost/fractal", pooler=True)
async_sessions = async_sessionmaker(async_engine)


def fill(session: Session) -> Project:
    """Construct rows, with their relationships."""
    project = Project(name="Screen", user_list=[UserOAuth(email="alice@example.org", hashed_password="…")])
    dataset = Dataset(name="Plate", project=project, meta={"plate": 1})
    dataset.resource_list.append(Resource(path="/data/plate-1"))
    task = Task(name="Segment", command="run", source="site:segment", input_type="image", output_type="image")
    workflow = Workflow(name="Segmentation", project=project, task_list=[WorkflowTask(task=task, args={"a": 1})])
    workflow.task_list.insert(0, WorkflowTask(task=task, meta=None))
    session.add_all([project, dataset, workflow])
    session.commit()
    return project


def relationships(session: Session) -> None:
    """Follow relationships and read columns."""
    dataset = session.get_one(Dataset, 1)
    assert_type(dataset.id, int | None)
    assert_type(dataset.name, str)
    assert_type(dataset.project, Project)
    assert_type(dataset.project.user_list, list[UserOAuth])
    assert_type(dataset.project.user_list[0].oauth_accounts, list[OAuthAccount])
    assert_type(dataset.project.user_list[0].settings, UserSettings | None)
    assert_type(dataset.resource_list, list[Resource])
    assert_type(dataset.paths, list[str])
    assert_type(dataset.meta, dict[str, Any])
    assert_type(dataset.timestamp_created, datetime)
    workflow = session.get_one(Workflow, 1)
    assert_type(workflow.task_list[0].task, Task)
    assert_type(workflow.task_list[0].args, dict[str, Any] | None)
    assert_type(workflow.input_type, str)
    workflow_v2 = session.get_one(WorkflowV2, 1)
    assert_type(workflow_v2.task_list, list[WorkflowTaskV2])
    assert_type(workflow_v2.task_list[0].task.input_types, dict[str, bool])
    assert_type(session.get_one(DatasetV2, 1).images, list[dict[str, Any]])
    assert_type(session.get_one(TaskGroupV2, 1).task_list, list[TaskV2])
    assert_type(session.get_one(TaskGroupV2, 1).pip_install_string, str)


def queries(session: Session) -> None:
    """Select by columns, joins and enumerations."""
    done = select(ApplyWorkflow).where(ApplyWorkflow.status == JobStatusTypeV1.DONE)
    jobs = session.exec(done.order_by(col(ApplyWorkflow.start_timestamp).desc()).limit(10)).all()
    assert_type(jobs, Sequence[ApplyWorkflow])
    statement = select(Dataset.id, Dataset.name).where(Dataset.name == "Plate", Dataset.read_only == False)  # noqa: E712
    for key, name in session.exec(statement):
        assert_type(key, int | None)
        assert_type(name, str)
    assert_type(session.exec(select(Project).where(Project.id == 1)).first(), Project | None)
    mine = select(Project).join(LinkUserProject).where(LinkUserProject.user_id == 1)
    assert_type(session.exec(mine).one(), Project)
    recent = select(ApplyWorkflow).where(
        ApplyWorkflow.start_timestamp < get_timestamp(),
        col(ApplyWorkflow.end_timestamp).is_(None),
        col(ApplyWorkflow.user_email).in_(["alice@example.org"]),
    )
    assert_type(session.exec(recent).all(), Sequence[ApplyWorkflow])
    assert_type(session.exec(select(func.count(col(Dataset.id)))).one(), int)
    light = select(DatasetV2).options(without_heavy(DatasetV2))
    assert_type(session.exec(light).all(), Sequence[DatasetV2])


def bodies(session: Session) -> DatasetReadV1:
    """Take what clients send, and show rows."""
    create = ProjectCreateV1(name="Screen")
    project = Project(**create.model_dump())
    update = ProjectUpdateV1(read_only=True)
    assert_type(update.name, str | None)
    project.sqlmodel_update(update.model_dump(exclude_unset=True))
    read = ProjectReadV1.model_validate(project)
    assert_type(read.id, int)
    assert_type(read.timestamp_created, datetime)
    job = ApplyWorkflowCreateV1.model_validate_json("{}")
    assert_type(job.first_task_index, int | None)
    dataset = DatasetCreateV2(name="Plate", zarr_dir="/zarr", filters=Filters(types={"3D": True}))
    assert_type(dataset.filters.types, dict[str, bool])
    image = SingleImage(zarr_url="/zarr/plate/B/03/0", attributes={"well": "B03"})
    assert_type(image.origin, str | None)
    assert_type(ResourceCreateV1(path="/data").path, str)
    shown = DatasetReadV1.model_validate(session.get_one(Dataset, 1))
    assert_type(shown.project, ProjectReadV1)
    return shown


def enumerations(status: str) -> str:
    """Enumerations are texts, and checked for completeness."""
    match JobStatusTypeV1(status):
        case JobStatusTypeV1.SUBMITTED:
            return WorkflowTaskStatusTypeV1.SUBMITTED.value
        case JobStatusTypeV1.DONE | JobStatusTypeV1.FAILED:
            return TaskGroupV2OriginEnum.WHEELFILE.upper()


def factories(session: Session) -> None:
    """Make rows for tests."""
    dataset = DatasetV2Factory.create(session, name="Plate")
    assert_type(dataset, DatasetV2)
    assert_type(ProjectFactory.build(), Project)
    assert_type(ProjectFactory.batch(3), list[Project])
    assert_type(WorkflowFactory.create(session).project.name, str)
    seed(session, size=3)


class UserManager(IntegerIDMixin, BaseUserManager[UserOAuth, int]):
    """The users of a server."""

    reset_password_token_secret = "…"


async def get_session() -> AsyncIterator[AsyncSession]:
    """Open a session for a request."""
    async with async_sessions() as session:
        yield session


RequestSession = Annotated[AsyncSession, Depends(get_session)]


async def get_user_manager(session: RequestSession) -> AsyncIterator[UserManager]:
    """Make a manager for a request."""
    # The adapter asks for its own class, and needs no more than the attributes of it.
    account_model: Any = OAuthAccount
    yield UserManager(SQLModelUserDatabaseAsync(session, UserOAuth, account_model))


def get_strategy() -> JWTStrategy[UserOAuth, int]:
    """Say how tokens are made."""
    return JWTStrategy(secret="…", lifetime_seconds=3600)


backend = AuthenticationBackend("jwt", BearerTransport("auth/login"), get_strategy)
users = FastAPIUsers[UserOAuth, int](get_user_manager, [backend])
app = FastAPI()
app.include_router(users.get_auth_router(backend), prefix="/auth")
app.include_router(users.get_register_router(UserRead, UserCreate), prefix="/auth")
app.include_router(users.get_users_router(UserRead, UserUpdate), prefix="/users")


CurrentUser = Annotated[UserOAuth, Depends(users.current_user(active=True))]


@app.get("/datasets/{key}", response_model=DatasetReadV1)
async def read_dataset(key: int, session: RequestSession, user: CurrentUser) -> Dataset:
    """Serve a row as its body."""
    dataset = (await session.scalars(select(Dataset).where(Dataset.id == key))).one_or_none()
    if dataset is None or user not in dataset.project.user_list:
        raise HTTPException(404)
    return dataset

"""A small server on the tables of version 1: users, projects, datasets, workflows and jobs.

`python app.py` serves it on this machine. README.md shows its requests and lists what it omits.
"""

import logging
import os
import secrets
import warnings
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypeVar

import jwt
import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from fastapi_users import BaseUserManager, FastAPIUsers, IntegerIDMixin
from fastapi_users.authentication import AuthenticationBackend, BearerTransport, JWTStrategy
from fastapi_users.exceptions import UserNotExists
from httpx import HTTPError
from httpx_oauth.integrations.fastapi import OAuth2AuthorizeCallbackError
from httpx_oauth.oauth2 import BaseOAuth2
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.exc import StaleDataError
from sqlmodel import col, delete, select

from fractal_models.base import Base
from fractal_models.database import (
    DatabaseError,
    async_sessionmaker,
    check_database_async,
    create_async_engine,
    lock_row_async,
)
from fractal_models.models import LinkUserProject, OAuthAccount, UserOAuth
from fractal_models.models import v1 as tables
from fractal_models.schemas import Read, RowId, UserCreate, UserRead
from fractal_models.schemas import v1 as bodies
from fractal_models.utils import get_timestamp

with warnings.catch_warnings(action="ignore"):  # It configures pydantic in the style of version 1.
    from fastapi_users_db_sqlmodel import SQLModelUserDatabaseAsync

DATABASE_URL = os.environ.get("FRACTAL_DATABASE_URL", "sqlite:///fractal.db")
PORT = int(os.environ.get("PORT", "8000"))
PROVIDER = os.environ.get("PROVIDER", "http://127.0.0.1:9000")
SECRET = os.environ.get("SECRET") or secrets.token_urlsafe(32)  # a new one invalidates all tokens

logger = logging.getLogger("uvicorn.error")


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Refuse to start unless the database is at head; close all connections at shutdown."""
    engine = create_async_engine(DATABASE_URL)
    try:
        await check_database_async(engine)
        app.state.sessions = async_sessionmaker(engine)
        yield
    except DatabaseError as error:
        logger.error(error)
        logger.disabled = True  # Suppresses the traceback, which adds nothing.
        raise
    finally:
        await engine.dispose()


# `/docs` shows the description of each field without a click.
app = FastAPI(title="Fractal, in small", lifespan=lifespan, swagger_ui_parameters={"defaultModelsExpandDepth": 3})


def add_error_response(error: type[Exception], status: int, detail: str) -> None:
    """Return a fixed text for an exception, whose own text may contain data of other users."""
    app.add_exception_handler(error, lambda _request, _error: JSONResponse({"detail": detail}, status))


add_error_response(IntegrityError, 409, "Conflicts with the current data.")
add_error_response(StaleDataError, 409, "Deleted by another request.")
add_error_response(OAuth2AuthorizeCallbackError, 400, "Login at the identity provider failed.")
add_error_response(jwt.InvalidTokenError, 400, "Invalid login state; start the login again.")
add_error_response(HTTPError, 502, "The identity provider is unavailable.")


async def open_session(request: Request) -> AsyncIterator[AsyncSession]:
    """Open one session per request."""
    async with request.app.state.sessions() as session:
        yield session


Session = Annotated[AsyncSession, Depends(open_session)]


class Provider(BaseOAuth2[dict[str, Any]]):
    """The identity provider."""

    async def get_id_email(self, token: str) -> tuple[str, str | None]:
        """Return the account id and e-mail address of a token's user."""
        async with self.get_httpx_client() as client:
            response = await client.get(f"{PROVIDER}/userinfo", headers={"Authorization": f"Bearer {token}"})
        profile = response.raise_for_status().json()
        return profile["sub"], profile["email"]


class UserManager(IntegerIDMixin, BaseUserManager[UserOAuth, int]):
    """User manager of fastapi-users with integer ids."""

    async def get_by_email(self, user_email: str) -> UserOAuth:
        """Find a user; no address contains a null character, which PostgreSQL refuses in text."""
        if "\0" in user_email:
            raise UserNotExists
        return await super().get_by_email(user_email)


def get_user_manager(session: Session) -> UserManager:
    """Return the user manager of one request."""
    identities: Any = OAuthAccount  # The adapter accepts any table, but is annotated with its own class.
    return UserManager(SQLModelUserDatabaseAsync(session, UserOAuth, identities))


def get_strategy() -> JWTStrategy[UserOAuth, int]:
    """Issue tokens that expire after an hour."""
    return JWTStrategy(SECRET, lifetime_seconds=3600)


provider = Provider("fractal", "demo-secret", f"{PROVIDER}/authorize", f"{PROVIDER}/token", name="demo")
backend = AuthenticationBackend("jwt", BearerTransport("auth/login"), get_strategy)
users = FastAPIUsers[UserOAuth, int](get_user_manager, [backend])
app.include_router(users.get_register_router(UserRead, UserCreate), prefix="/auth")
app.include_router(users.get_auth_router(backend), prefix="/auth")
app.include_router(users.get_oauth_router(provider, backend, SECRET), prefix="/auth/demo")

User = Annotated[UserOAuth, Depends(users.current_user(active=True))]
Row = TypeVar("Row", bound=Base)
Part = TypeVar("Part", tables.Dataset, tables.Workflow, tables.ApplyWorkflow)


async def save(session: AsyncSession, row: Row) -> Row:
    """Save a row and load its relationships."""
    session.add(row)
    await session.commit()
    await session.refresh(row)
    return row


async def find(session: AsyncSession, table: type[Part], key: int, project: tables.Project) -> Part:
    """Find a dataset, workflow or job of a project."""
    row = await session.get(table, key)
    if row is None or row.project_id != project.id:
        raise HTTPException(404, f"Project has no {table.__name__} {key}.")
    return row


async def find_project(project_id: RowId, user: User, session: Session) -> tables.Project:
    """Find a project of the user."""
    own = select(tables.Project).join(LinkUserProject).where(LinkUserProject.user_id == user.id)
    if (project := await session.scalar(own.where(tables.Project.id == project_id))) is None:
        raise HTTPException(404, f"Project {project_id} not found.")
    return project


Project = Annotated[tables.Project, Depends(find_project)]


async def lock_project(project: Project, session: Session) -> tables.Project:
    """Find a project of the user and lock it until the end of the request."""
    await lock_row_async(session, project)
    return project


LockedProject = Annotated[tables.Project, Depends(lock_project)]


async def find_workflow(workflow_id: RowId, project: LockedProject, session: Session) -> tables.Workflow:
    """Find a workflow of a locked project."""
    return await find(session, tables.Workflow, workflow_id, project)


Workflow = Annotated[tables.Workflow, Depends(find_workflow)]

PROJECT = "/projects/{project_id}"
DATASET = PROJECT + "/datasets/{dataset_id}"
WORKFLOW = PROJECT + "/workflows/{workflow_id}"


@app.get("/users/me", response_model=UserRead)
async def show_user(user: User) -> UserOAuth:
    """Show the current user."""
    return user


@app.post("/projects", status_code=201, response_model=bodies.ProjectReadV1)
async def create_project(body: bodies.ProjectCreateV1, user: User, session: Session) -> tables.Project:
    """Create a project of the user."""
    return await save(session, tables.Project(user_list=[user], **body.model_dump()))


@app.get("/projects", response_model=list[bodies.ProjectReadV1])
async def list_projects(user: User, session: Session) -> Sequence[tables.Project]:
    """List the projects of the user."""
    own = select(tables.Project).join(LinkUserProject).where(LinkUserProject.user_id == user.id)
    return (await session.scalars(own.order_by(col(tables.Project.id)))).all()


@app.delete(PROJECT, status_code=204)
async def delete_project(project: LockedProject, session: Session) -> None:
    """Delete a project with its datasets and workflows. Its jobs stay in the database."""
    for table in (tables.Dataset, tables.Workflow):
        await session.execute(delete(table).where(col(table.project_id) == project.id))
    await session.delete(project)
    await session.commit()


@app.post(PROJECT + "/datasets", status_code=201, response_model=bodies.DatasetReadV1)
async def create_dataset(project: Project, body: bodies.DatasetCreateV1, session: Session) -> tables.Dataset:
    """Create a dataset."""
    return await save(session, tables.Dataset(project=project, **body.model_dump()))


@app.delete(DATASET, status_code=204)
async def delete_dataset(project: LockedProject, dataset_id: RowId, session: Session) -> None:
    """Delete a dataset with its resources. Jobs that used it stay."""
    await session.delete(await find(session, tables.Dataset, dataset_id, project))
    await session.commit()


@app.post(DATASET + "/resources", status_code=201, response_model=bodies.DatasetReadV1)
async def add_resource(
    project: Project, dataset_id: RowId, body: bodies.ResourceCreateV1, session: Session
) -> tables.Dataset:
    """Add a path to a dataset."""
    dataset = await find(session, tables.Dataset, dataset_id, project)
    dataset.resource_list.append(tables.Resource(**body.model_dump()))
    return await save(session, dataset)


@app.post("/tasks", status_code=201, response_model=bodies.TaskReadV1)
async def create_task(body: bodies.TaskCreateV1, user: User, session: Session) -> tables.Task:
    """Create a task, which all users can add to workflows."""
    return await save(session, tables.Task(owner=user.email, **body.model_dump()))


@app.post(PROJECT + "/workflows", status_code=201, response_model=bodies.WorkflowReadV1)
async def create_workflow(project: Project, body: bodies.WorkflowCreateV1, session: Session) -> tables.Workflow:
    """Create a workflow without steps."""
    return await save(session, tables.Workflow(project=project, **body.model_dump()))


@app.patch(WORKFLOW, response_model=bodies.WorkflowReadV1)
async def change_workflow(workflow: Workflow, body: bodies.WorkflowUpdateV1, session: Session) -> tables.Workflow:
    """Rename a workflow or reorder its steps."""
    if (ids := body.reordered_workflowtask_ids) is not None:
        if set(ids) != {step.id for step in workflow.task_list}:
            raise HTTPException(422, "reordered_workflowtask_ids must contain exactly the steps of the workflow.")
        workflow.task_list.sort(key=lambda step: ids.index(step.id or 0))
    workflow.name = body.name or workflow.name
    return await save(session, workflow)


@app.post(WORKFLOW + "/steps", status_code=201, response_model=bodies.WorkflowReadV1)
async def add_step(
    workflow: Workflow, task_id: RowId, body: bodies.WorkflowTaskCreateV1, session: Session
) -> tables.Workflow:
    """Add a task to a workflow as its last step, or at the given position."""
    if (task := await session.get(tables.Task, task_id)) is None:
        raise HTTPException(404, f"Task {task_id} not found.")
    order = len(workflow.task_list) if body.order is None else body.order
    workflow.task_list.insert(order, tables.WorkflowTask(task=task, **body.model_dump(exclude={"order"})))
    return await save(session, workflow)


@app.post(WORKFLOW + "/jobs", status_code=201, response_model=bodies.ApplyWorkflowReadV1)
async def submit_job(
    workflow: Workflow,
    input_dataset_id: RowId,
    output_dataset_id: RowId,
    body: bodies.ApplyWorkflowCreateV1,
    user: User,
    session: Session,
) -> tables.ApplyWorkflow:
    """Submit a job, unless another submitted job has the same output dataset."""
    project, steps = workflow.project, range(len(workflow.task_list))
    input_dataset = await find(session, tables.Dataset, input_dataset_id, project)
    output_dataset = await find(session, tables.Dataset, output_dataset_id, project)
    first = body.first_task_index or 0
    last = len(steps) - 1 if body.last_task_index is None else body.last_task_index
    if first not in steps or last not in steps or output_dataset.read_only:
        raise HTTPException(422, "Step index out of range, or output dataset read-only.")
    values = body.model_dump() | {"first_task_index": first, "last_task_index": last, "user_email": user.email}
    copied: dict[str, tuple[type[Read], Any]] = {
        "project": (bodies.ProjectReadV1, project),
        "workflow": (bodies.WorkflowReadV1, workflow),
        "input_dataset": (bodies.DatasetReadV1, input_dataset),
        "output_dataset": (bodies.DatasetReadV1, output_dataset),
    }
    for name, (read, row) in copied.items():
        values[f"{name}_id"] = row.id
        values[f"{name}_dump"] = read.model_validate(row).model_dump(mode="json", exclude={"project"})
    return await save(session, tables.ApplyWorkflow(**values))


@app.get(PROJECT + "/jobs", response_model=list[bodies.ApplyWorkflowReadV1])
async def list_jobs(project: Project, session: Session) -> Sequence[tables.ApplyWorkflow]:
    """List the jobs of a project."""
    query = select(tables.ApplyWorkflow).where(tables.ApplyWorkflow.project_id == project.id)
    return (await session.scalars(query.order_by(col(tables.ApplyWorkflow.id)))).all()


@app.patch(PROJECT + "/jobs/{job_id}", response_model=bodies.ApplyWorkflowReadV1)
async def end_job(
    project: Project, job_id: RowId, body: bodies.ApplyWorkflowUpdateV1, session: Session
) -> tables.ApplyWorkflow:
    """Set the final status of a job, in place of a job runner."""
    job = await find(session, tables.ApplyWorkflow, job_id, project)
    job.sqlmodel_update(body.model_dump(exclude_unset=True) | {"end_timestamp": get_timestamp()})
    return await save(session, job)


if __name__ == "__main__":
    # An access log would contain the authorization codes of the identity provider.
    uvicorn.run(app, port=PORT, log_level="warning", access_log=False)

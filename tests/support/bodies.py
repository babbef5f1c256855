"""All API bodies, and the row that each creates."""

import re
from collections.abc import Callable
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

from sqlmodel import Session

from fractal_models import models, schemas
from fractal_models.base import Base
from fractal_models.models import (
    Dataset,
    DatasetV2,
    OAuthAccount,
    Project,
    ProjectV2,
    State,
    Task,
    TaskGroupActivityV2,
    UserGroup,
    UserSettings,
    Workflow,
    WorkflowV2,
)
from fractal_models.schemas import UserCreate, UserGroupCreate
from fractal_models.schemas.body import Body, Create, Response, Update, Write
from fractal_models.schemas.v1 import (
    ApplyWorkflowCreateV1,
    DatasetCreateV1,
    ProjectCreateV1,
    ResourceCreateV1,
    TaskCollectPipV1,
    TaskCreateV1,
    TaskImportV1,
    WorkflowCreateV1,
    WorkflowImportV1,
    WorkflowTaskCreateV1,
    WorkflowTaskImportV1,
)
from fractal_models.schemas.v2 import (
    DatasetCreateV2,
    DatasetImportV2,
    JobCreateV2,
    ProjectCreateV2,
    TaskCollectCustomV2,
    TaskCollectPipV2,
    TaskCreateV2,
    TaskGroupCreateV2,
    TaskGroupCreateV2Strict,
    TaskImportV2,
    TaskImportV2Legacy,
    WorkflowCreateV2,
    WorkflowImportV2,
    WorkflowTaskCreateV2,
    WorkflowTaskImportV2,
)
from fractal_models.testing.factories import (
    ApplyWorkflowFactory,
    DatasetFactory,
    JobV2Factory,
    OAuthAccountFactory,
    ProjectFactory,
    ProjectV2Factory,
    ResourceFactory,
    TaskGroupV2Factory,
    TaskV2Factory,
    UserGroupFactory,
    UserOAuthFactory,
    WorkflowFactory,
    WorkflowTaskFactory,
    WorkflowTaskV2Factory,
    WorkflowV2Factory,
)
from tests.support.databases import saved

MODULES = [import_module(module.name) for module in walk_packages(schemas.__path__, f"{schemas.__name__}.")]

BODIES: dict[str, type[Body]] = {
    name: found
    for module in MODULES
    for name in getattr(module, "__all__", ())
    if isinstance(found := getattr(module, name), type) and issubclass(found, Body)
}
READS: dict[str, type[Response]] = {name: body for name, body in BODIES.items() if issubclass(body, Response)}
WRITES: dict[str, type[Write]] = {name: body for name, body in BODIES.items() if issubclass(body, Write)}
UPDATES: dict[str, type[Update]] = {name: body for name, body in BODIES.items() if issubclass(body, Update)}

SECRETS = {"hashed_password", "access_token", "refresh_token", "ssh_private_key_path"}

MAX = 2**31 - 1


def model_of(body: type[Body]) -> type[Base]:
    found: type[Base] = getattr(models, body._table)
    return found


def read_of(model: type[Base]) -> type[Response]:
    """Response body that shows most of a row."""
    bodies = [body for name, body in READS.items() if re.search(r"Read(V\d)?$", name)]
    (found,) = (body for body in bodies if body._table == model.__name__)
    return found


Maker = Callable[..., Base]


def step_of(session: Session, **values: Any) -> Base:
    step = WorkflowTaskFactory.build(**values)
    session.add(WorkflowFactory.build(task_list=[step]))
    return step


def step_v2_of(session: Session, **values: Any) -> Base:
    group = TaskGroupV2Factory.build(user_id=owner(session).id, task_list=[task := TaskV2Factory.build()])
    session.add(group)
    step = WorkflowTaskV2Factory.build(task=task, **values)
    session.add(WorkflowV2Factory.build(task_list=[step]))
    return step


def owner(session: Session) -> models.UserOAuth:
    session.add(user := UserOAuthFactory.build())
    session.flush()
    return user


def job_of(make: Maker, **values: Any) -> Base:
    """Job with the indexes that the server sets if omitted."""
    first = values.pop("first_task_index") or 0
    last = values.pop("last_task_index")
    return make(first_task_index=first, last_task_index=MAX if last is None else last, **values)


def task_v2_of(session: Session, **values: Any) -> Base:
    task = TaskV2Factory.build(**values)
    session.add(TaskGroupV2Factory.build(user_id=owner(session).id, task_list=[task]))
    return task


def resource_of(session: Session, **values: Any) -> Base:
    resource = ResourceFactory.build(**values)
    session.add(DatasetFactory.build(resource_list=[resource]))
    return resource


def user_of(_session: Session, **values: Any) -> Base:
    return UserOAuthFactory.build(hashed_password=values.pop("password")[::-1], **values)


def task_group_of(session: Session, **values: Any) -> Base:
    user, group = owner(session), UserGroupFactory.build()
    session.add(group)
    session.flush()
    return TaskGroupV2Factory.build(**values | {"user_id": user.id, "user_group_id": group.id})


ROWS: dict[type[Create], Maker] = {
    ApplyWorkflowCreateV1: lambda _, **values: job_of(ApplyWorkflowFactory.build, **values),
    DatasetCreateV1: lambda _, **values: Dataset(project=ProjectFactory.build(), **values),
    DatasetCreateV2: lambda _, **values: DatasetV2(
        project=ProjectV2Factory.build(), **values | {"zarr_dir": values["zarr_dir"] or "/zarr"}
    ),
    DatasetImportV2: lambda _, **values: DatasetV2(project=ProjectV2Factory.build(), **values),
    JobCreateV2: lambda _, **values: job_of(JobV2Factory.build, **values),
    ProjectCreateV1: lambda _, **values: Project(**values),
    ProjectCreateV2: lambda _, **values: ProjectV2(**values),
    ResourceCreateV1: resource_of,
    TaskCreateV1: lambda _, **values: Task(**values),
    TaskCreateV2: task_v2_of,
    TaskGroupCreateV2: task_group_of,
    UserCreate: user_of,
    UserGroupCreate: lambda _, **values: UserGroup(**values),
    WorkflowCreateV1: lambda _, **values: Workflow(project=ProjectFactory.build(), **values),
    WorkflowCreateV2: lambda _, **values: WorkflowV2(project=ProjectV2Factory.build(), **values),
    WorkflowTaskCreateV1: step_of,
    WorkflowTaskCreateV2: step_v2_of,
}
"""Function that creates a row, by body."""

LEAST: dict[type[Create], dict[str, Any]] = {
    ApplyWorkflowCreateV1: {},
    DatasetCreateV1: {"name": "n"},
    DatasetCreateV2: {"name": "n"},
    DatasetImportV2: {"name": "n", "zarr_dir": "/zarr"},
    JobCreateV2: {},
    ProjectCreateV1: {"name": "n"},
    ProjectCreateV2: {"name": "n"},
    ResourceCreateV1: {"path": "/data"},
    TaskCreateV1: {"name": "n", "command": "run", "source": "s", "input_type": "Any", "output_type": "None"},
    TaskCollectCustomV2: {
        "label": "n",
        "manifest": {"manifest_version": "2", "task_list": []},
        "python_interpreter": "/python",
        "package_name": "package",
    },
    TaskCollectPipV1: {"package": "package"},
    TaskCollectPipV2: {"package": "package"},
    TaskCreateV2: {"name": "n", "command_parallel": "run"},
    TaskGroupCreateV2: {"user_id": 1, "origin": "pypi", "pkg_name": "package"},
    TaskGroupCreateV2Strict: {
        "user_id": 1,
        "origin": "pypi",
        "pkg_name": "package",
        "version": "1.0",
        "python_version": "3.12",
        "path": "/package",
        "venv_path": "/package/venv",
    },
    TaskImportV1: {"source": "s"},
    TaskImportV2: {"name": "n", "pkg_name": "package"},
    TaskImportV2Legacy: {"source": "s"},
    UserCreate: {"email": "alice@example.org", "password": "pass"},
    UserGroupCreate: {"name": "n"},
    WorkflowCreateV1: {"name": "n"},
    WorkflowCreateV2: {"name": "n"},
    WorkflowImportV1: {"name": "n", "task_list": []},
    WorkflowImportV2: {"name": "n", "task_list": []},
    WorkflowTaskCreateV1: {},
    WorkflowTaskCreateV2: {},
    WorkflowTaskImportV1: {"task": {"source": "s"}},
    WorkflowTaskImportV2: {"task": {"source": "s"}},
}
"""Required fields, by body."""

REQUIRED: dict[str, dict[str, Any]] = {
    "ApplyWorkflowUpdateV1": {"status": "done"},
    "JobUpdateV2": {"status": "done"},
    "ResourceUpdateV1": {"path": "/data"},
    "UserUpdateGroups": {"group_ids": []},
}
"""Fields that an update requires."""


def row_of(session: Session, body: Create) -> Base:
    """Row created from a body, added to the session."""
    values = body.model_dump()
    if isinstance(body, TaskCreateV2):
        values["type"] = body.type
    row = ROWS[type(body)](session, **values)
    session.add(row)
    return row


def least_row(session: Session, model: type[Base]) -> Any:
    """Saved row with only the fields that its body, or the database, requires."""
    if model is State or model is UserSettings:
        return saved(session, model())
    if model is OAuthAccount:
        return UserOAuthFactory.create(session, oauth_accounts=[OAuthAccountFactory.build()]).oauth_accounts[0]
    if model is TaskGroupActivityV2:
        values: dict[str, Any] = {"pkg_name": "package", "version": "1", "status": "OK", "action": "collect"}
        return saved(session, TaskGroupActivityV2(**values | {"user_id": owner(session).id}))
    create = next(create for create in ROWS if create._table == model.__name__)
    return saved(session, row_of(session, create.model_validate(LEAST[create])))

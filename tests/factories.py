"""Valid rows with no more in them than the database asks for; keyword arguments set or replace the rest."""

from itertools import count
from typing import Any, TypeVar

from sqlmodel import Session

from fractal_models.base import Base
from fractal_models.models import (
    ApplyWorkflow,
    Dataset,
    DatasetV2,
    JobV2,
    OAuthAccount,
    Project,
    ProjectV2,
    Resource,
    Task,
    TaskGroupV2,
    TaskV2,
    UserGroup,
    UserOAuth,
    Workflow,
    WorkflowTask,
    WorkflowTaskV2,
    WorkflowV2,
)

Row = TypeVar("Row", bound=Base)

_numbers = count(1)


def saved(session: Session, row: Row) -> Row:
    """Add and commit."""
    session.add(row)
    session.commit()
    return row


def _unique(text: str) -> str:
    return f"{text}-{next(_numbers)}"


def user(**values: Any) -> UserOAuth:
    return UserOAuth(**{"email": f"{_unique('user')}@example.org", "hashed_password": "hash", **values})


def oauth_account(**values: Any) -> OAuthAccount:
    """An account that needs a `user`, or a place in the `oauth_accounts` of one."""
    identity = {"oauth_name": "github", "account_id": _unique("id"), "account_email": "someone@example.org"}
    return OAuthAccount(**{"access_token": "token", **identity, **values})


def group(**values: Any) -> UserGroup:
    return UserGroup(**{"name": _unique("group"), **values})


def project(**values: Any) -> Project:
    return Project(**{"name": "project", **values})


def dataset(**values: Any) -> Dataset:
    return Dataset(**{"name": "dataset", "project": project(), **values})


def resource(**values: Any) -> Resource:
    """A resource that needs a place in the `resource_list` of a dataset."""
    return Resource(**{"path": "/data/plate.zarr", **values})


def task(**values: Any) -> Task:
    types = {"input_type": "image", "output_type": "zarr"}
    return Task(**{"name": "task", "command": "run", "source": _unique("package:task"), **types, **values})


def step(**values: Any) -> WorkflowTask:
    """A step that needs a place in the `task_list` of a workflow."""
    return WorkflowTask(**{"task": task(), **values})


def workflow(**values: Any) -> Workflow:
    return Workflow(**{"name": "workflow", "project": project(), **values})


def job(**values: Any) -> ApplyWorkflow:
    dumps: dict[str, Any] = {f"{name}_dump": {} for name in ("input_dataset", "output_dataset", "workflow", "project")}
    return ApplyWorkflow(
        **{"user_email": "user@example.org", "first_task_index": 0, "last_task_index": 0, **dumps, **values}
    )


def project_v2(**values: Any) -> ProjectV2:
    return ProjectV2(**{"name": "project", **values})


def dataset_v2(**values: Any) -> DatasetV2:
    return DatasetV2(**{"name": "dataset", "zarr_dir": "/zarr", "project": project_v2(), **values})


def task_group(owner: UserOAuth, **values: Any) -> TaskGroupV2:
    """A task group of a saved user."""
    return TaskGroupV2(**{"user_id": owner.id, "origin": "pypi", "pkg_name": "package", **values})


def task_v2(**values: Any) -> TaskV2:
    """A task that needs a place in the `task_list` of a task group."""
    return TaskV2(**{"name": "task", "type": "parallel", **values})


def step_v2(**values: Any) -> WorkflowTaskV2:
    """A step that needs a `task`, and a place in the `task_list` of a workflow."""
    return WorkflowTaskV2(**{"task_type": "parallel", **values})


def workflow_v2(**values: Any) -> WorkflowV2:
    return WorkflowV2(**{"name": "workflow", "project": project_v2(), **values})


def job_v2(**values: Any) -> JobV2:
    dumps: dict[str, Any] = {f"{name}_dump": {} for name in ("dataset", "workflow", "project")}
    return JobV2(**{"user_email": "user@example.org", "first_task_index": 0, "last_task_index": 0, **dumps, **values})

"""Task groups of version 2 and their activities."""

from typing import Self

from pydantic import Field, model_validator

from fractal_models.enums import TaskGroupActivityActionV2, TaskGroupActivityStatusV2, TaskGroupV2OriginEnum
from fractal_models.schemas.body import Create, Read, Update
from fractal_models.schemas.fields import (
    AbsolutePath,
    Extras,
    Name,
    PackageName,
    PackageVersion,
    PythonVersion,
    RowId,
    Text,
)
from fractal_models.schemas.stored import StoredDict, UtcDatetime
from fractal_models.schemas.v2.task import TaskReadV2

__all__ = [
    "TaskGroupActivityActionV2",
    "TaskGroupActivityStatusV2",
    "TaskGroupActivityV2Read",
    "TaskGroupCreateV2",
    "TaskGroupCreateV2Strict",
    "TaskGroupReadV2",
    "TaskGroupUpdateV2",
    "TaskGroupV2OriginEnum",
]


class TaskGroupCreateV2(Create, of="TaskGroupV2"):
    """New package of tasks, to be installed."""

    user_id: RowId
    user_group_id: RowId | None = None
    origin: TaskGroupV2OriginEnum
    pkg_name: Name
    version: Name | None = None
    python_version: PythonVersion | None = None
    path: AbsolutePath | None = None
    venv_path: AbsolutePath | None = None
    wheel_path: AbsolutePath | None = None
    pip_extras: Extras | None = None
    pinned_package_versions: dict[PackageName, PackageVersion] = Field(default_factory=dict)
    pip_freeze: Text | None = None
    active: bool = True


class TaskGroupCreateV2Strict(TaskGroupCreateV2):
    """New package of tasks, with all that its installation needs."""

    version: Name
    python_version: PythonVersion
    path: AbsolutePath
    venv_path: AbsolutePath

    @model_validator(mode="after")
    def _check_wheel(self) -> Self:
        if self.origin is TaskGroupV2OriginEnum.WHEELFILE and self.wheel_path is None:
            message = "should have a wheel_path, because origin is wheel-file"
            raise ValueError(message)
        return self


class TaskGroupUpdateV2(Update, of="TaskGroupV2"):
    """Change of the user group that may use a task group."""

    user_group_id: RowId | None = None


class TaskGroupReadV2(Read, of="TaskGroupV2"):
    """Installed package of tasks."""

    user_id: int
    user_group_id: int | None = None
    origin: str
    pkg_name: str
    version: str | None = None
    python_version: str | None = None
    path: str | None = None
    venv_path: str | None = None
    wheel_path: str | None = None
    pip_extras: str | None = None
    pinned_package_versions: StoredDict[str] = Field(default_factory=dict)
    pip_freeze: str | None = None
    venv_size_in_kB: int | None = None  # noqa: N815 (released name)
    venv_file_number: int | None = None
    active: bool
    timestamp_created: UtcDatetime
    timestamp_last_used: UtcDatetime

    task_list: list[TaskReadV2]
    """Tasks of the group, ordered by ID."""


class TaskGroupActivityV2Read(Read, of="TaskGroupActivityV2"):
    """Collection, deactivation or reactivation of a task group; kept when the group is deleted."""

    user_id: int
    taskgroupv2_id: int | None = None
    pkg_name: str
    version: str
    status: TaskGroupActivityStatusV2
    action: TaskGroupActivityActionV2
    log: str | None = None
    timestamp_started: UtcDatetime
    timestamp_ended: UtcDatetime | None = None

"""Task groups of version 2 and their activities."""

from pydantic import Field

from fractal_models.enums import TaskGroupActivityActionV2, TaskGroupActivityStatusV2, TaskGroupV2OriginEnum
from fractal_models.schemas.body import Create, Read, Update
from fractal_models.schemas.fields import (
    AbsolutePath,
    Extras,
    PackageName,
    PackageVersion,
    PythonVersion,
    RowId,
    StoredDict,
    Text,
    UtcDatetime,
)
from fractal_models.schemas.v2.task import TaskReadV2

__all__ = [
    "TaskGroupActivityActionV2",
    "TaskGroupActivityStatusV2",
    "TaskGroupActivityV2Read",
    "TaskGroupCreateV2",
    "TaskGroupReadV2",
    "TaskGroupUpdateV2",
    "TaskGroupV2OriginEnum",
]


class TaskGroupCreateV2(Create, of="TaskGroupV2"):
    """New package of tasks, to be installed."""

    user_id: RowId
    user_group_id: RowId | None = None
    origin: TaskGroupV2OriginEnum
    pkg_name: PackageName
    version: PackageVersion | None = None
    python_version: PythonVersion | None = None
    path: AbsolutePath | None = None
    venv_path: AbsolutePath | None = None
    wheel_path: AbsolutePath | None = None
    pip_extras: Extras | None = None
    pinned_package_versions: dict[PackageName, PackageVersion] = Field(default_factory=dict)
    pip_freeze: Text | None = None
    active: bool = True


class TaskGroupUpdateV2(Update, of="TaskGroupV2"):
    """Change of the user group that may use a task group."""

    user_group_id: RowId | None = None


class TaskGroupReadV2(Read, of="TaskGroupV2"):
    """Installed package of tasks."""

    user_id: int
    user_group_id: int | None
    origin: str
    pkg_name: str
    version: str | None
    python_version: str | None
    path: str | None
    venv_path: str | None
    wheel_path: str | None
    pip_extras: str | None
    pinned_package_versions: StoredDict[str]
    pip_freeze: str | None
    venv_size_in_kB: int | None  # noqa: N815 (released name)
    venv_file_number: int | None
    active: bool
    timestamp_created: UtcDatetime
    timestamp_last_used: UtcDatetime

    task_list: list[TaskReadV2]
    """Tasks of the group, ordered by ID."""


class TaskGroupActivityV2Read(Read, of="TaskGroupActivityV2"):
    """Collection, deactivation or reactivation of a task group; kept when the group is deleted."""

    user_id: int
    taskgroupv2_id: int | None
    pkg_name: str
    version: str
    status: str
    action: str
    log: str | None
    timestamp_started: UtcDatetime
    timestamp_ended: UtcDatetime | None

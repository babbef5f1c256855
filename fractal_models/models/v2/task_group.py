"""Installed packages of tasks of version 2, and their activities."""

from datetime import datetime

from sqlalchemy import text
from sqlmodel import Field

from fractal_models.base import Base
from fractal_models.columns import children, enum_check, json_object, primary_key, timestamp_now
from fractal_models.enums import TaskGroupActivityActionV2, TaskGroupActivityStatusV2
from fractal_models.models.v2.task import TaskV2


class TaskGroupV2(Base, table=True):
    """Installed package of tasks; cannot be deleted while a task of it is a step of a workflow."""

    __tablename__ = "taskgroupv2"

    id: int | None = primary_key()

    user_id: int = Field(foreign_key="user_oauth.id", index=True)
    """Owner of the group."""

    user_group_id: int | None = Field(default=None, foreign_key="usergroup.id", index=True)
    """User group that may also use it; null for the owner only."""

    origin: str
    """One of `TaskGroupV2OriginEnum`."""

    pkg_name: str
    """Name of the Python package."""

    version: str | None = None
    """Version of the Python package (PEP 440)."""

    python_version: str | None = None
    """Version of Python in the virtual environment, such as "3.12"."""

    path: str | None = None
    """Folder of the group."""

    venv_path: str | None = None
    """Folder of the virtual environment."""

    wheel_path: str | None = None
    """Wheel file it was installed from; null for other origins."""

    pip_extras: str | None = None
    """Extras of the package, separated by commas (PEP 508)."""

    pinned_package_versions: dict[str, str] = json_object(default_factory=dict, nullable=True, server_default="{}")
    """Version of each pinned dependency, by name."""

    pip_freeze: str | None = None
    """Output of `pip freeze` in the virtual environment, to rebuild a deactivated group."""

    venv_size_in_kB: int | None = None  # noqa: N815 (released name)
    """Size of the virtual environment, in kibibytes."""

    venv_file_number: int | None = None
    """Number of files in the virtual environment."""

    active: bool = True
    """Whether the virtual environment exists, so that the tasks can run."""

    timestamp_created: datetime = timestamp_now()

    timestamp_last_used: datetime = timestamp_now(server_default=text("'2024-11-20 00:00:00+00'"))
    """Time of the last job with one of its tasks; 2024-11-20 for groups from before it was recorded."""

    task_list: list[TaskV2] = children("TaskV2.id")

    @property
    def pip_install_string(self) -> str:
        """Requirement for `pip install`: `WHEEL_PATH[EXTRAS]` or `PKG[EXTRAS]==VERSION`.

        Raises:
            ValueError: Both `wheel_path` and `version` are null.
        """
        extras = f"[{self.pip_extras}]" if self.pip_extras else ""
        if self.wheel_path:
            return f"{self.wheel_path}{extras}"
        if not self.version:
            message = f"Task group {self.id} ({self.pkg_name}) has neither wheel_path nor version to install from"
            raise ValueError(message)
        return f"{self.pkg_name}{extras}=={self.version}"

    @property
    def pinned_package_versions_string(self) -> str:
        """Pinned dependencies as arguments of `pip install`: `a==1 b==2`."""
        return " ".join(f"{name}=={version}" for name, version in (self.pinned_package_versions or {}).items())


class TaskGroupActivityV2(Base, table=True):
    """Collection, deactivation or reactivation of a task group; kept when the group is deleted."""

    __tablename__ = "taskgroupactivityv2"
    __table_args__ = (enum_check("status", TaskGroupActivityStatusV2), enum_check("action", TaskGroupActivityActionV2))

    id: int | None = primary_key()

    user_id: int = Field(foreign_key="user_oauth.id", index=True)
    """User who started the activity."""

    taskgroupv2_id: int | None = Field(default=None, foreign_key="taskgroupv2.id", ondelete="SET NULL", index=True)
    """Task group; null after its deletion."""

    pkg_name: str
    """`TaskGroupV2.pkg_name` at the start."""

    version: str
    """`TaskGroupV2.version` at the start."""

    status: str
    """One of `TaskGroupActivityStatusV2`."""

    action: str
    """One of `TaskGroupActivityActionV2`."""

    log: str | None = None
    """Report of the activity."""

    timestamp_started: datetime = timestamp_now()
    """Time of the start."""

    timestamp_ended: datetime | None = None
    """Time of the end, with or without an error; null before."""

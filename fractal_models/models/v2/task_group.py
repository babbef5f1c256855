"""Installed packages of tasks of version 2, and what was done to them."""

from datetime import datetime

from sqlalchemy import text
from sqlmodel import Field

from fractal_models.base import Base
from fractal_models.columns import children, enum_check, json_object, primary_key, timestamp_now
from fractal_models.enums import TaskGroupActivityActionV2, TaskGroupActivityStatusV2
from fractal_models.models.v2.task import TaskV2


class TaskGroupV2(Base, table=True):
    """One installed package of tasks."""

    __tablename__ = "taskgroupv2"

    id: int | None = primary_key()

    user_id: int = Field(foreign_key="user_oauth.id", index=True)
    """The owner."""

    user_group_id: int | None = Field(default=None, foreign_key="usergroup.id", index=True)
    """Who else may use it; null for the owner alone."""

    origin: str
    """One of `TaskGroupV2OriginEnum`."""

    pkg_name: str
    """Name of the Python package."""

    version: str | None = None
    """Version of the Python package, as PEP 440 writes it."""

    python_version: str | None = None
    """Version of Python in its virtual environment, as "3.12"."""

    path: str | None = None
    """Folder of the group."""

    venv_path: str | None = None
    """Folder of its virtual environment."""

    wheel_path: str | None = None
    """File that it was installed from; null unless it came as a wheel."""

    pip_extras: str | None = None
    """Extras to install with it, separated by commas, as PEP 508 writes them."""

    pinned_package_versions: dict[str, str] = json_object(
        default_factory=dict, nullable=True, sa_column_kwargs={"server_default": "{}"}
    )
    """Version by name of each other package that must not float."""

    pip_freeze: str | None = None
    """Output of `pip freeze` in its virtual environment, from which a deactivated group is rebuilt."""

    venv_size_in_kB: int | None = None  # noqa: N815 (released name)
    """Size of its virtual environment, in kibibytes."""

    venv_file_number: int | None = None
    """Number of files in its virtual environment."""

    active: bool = True
    """Whether its virtual environment exists, so that its tasks can run."""

    timestamp_created: datetime = timestamp_now()

    timestamp_last_used: datetime = timestamp_now(sa_column_kwargs={"server_default": text("'2024-11-20 00:00:00+00'")})
    """When a job last ran one of its tasks; 2024-11-20 for groups from before this was recorded."""

    task_list: list[TaskV2] = children("TaskV2.id")

    @property
    def pip_install_string(self) -> str:
        """What `pip install` takes to install it: `WHEEL_PATH[EXTRAS]` or `PKG[EXTRAS]==VERSION`.

        Raises:
            ValueError: Neither wheel nor version is known.
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
        """The pinned packages as arguments of `pip install`: `a==1 b==2`; empty if there are none."""
        return " ".join(f"{name}=={version}" for name, version in (self.pinned_package_versions or {}).items())


class TaskGroupActivityV2(Base, table=True):
    """One collection, deactivation or reactivation of a task group. It outlives the group."""

    __tablename__ = "taskgroupactivityv2"
    __table_args__ = (enum_check("status", TaskGroupActivityStatusV2), enum_check("action", TaskGroupActivityActionV2))

    id: int | None = primary_key()

    user_id: int = Field(foreign_key="user_oauth.id", index=True)
    """Who asked for it."""

    taskgroupv2_id: int | None = Field(default=None, foreign_key="taskgroupv2.id", ondelete="SET NULL", index=True)
    """Null once the group was deleted."""

    pkg_name: str
    """`TaskGroupV2.pkg_name` of then."""

    version: str
    """`TaskGroupV2.version` of then."""

    status: str
    """One of `TaskGroupActivityStatusV2`."""

    action: str
    """One of `TaskGroupActivityActionV2`."""

    log: str | None = None
    """What it reported."""

    timestamp_started: datetime = timestamp_now()
    """When it was asked for."""

    timestamp_ended: datetime | None = None
    """When it ended, with or without an error; null until then."""

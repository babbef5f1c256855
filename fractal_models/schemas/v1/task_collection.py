"""Collections of packages of version 1: requests to install one, and their progress."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from fractal_models.schemas.body import Body, Create
from fractal_models.schemas.fields import Extras, Name, Package, PackageName, PackageVersion
from fractal_models.schemas.v1.task import TaskReadV1

__all__ = ["TaskCollectPipV1", "TaskCollectStatusV1"]


class TaskCollectPipV1(Create, extra="ignore"):
    """Package of tasks to install."""

    package: Package
    """Name of a Python package, or absolute path of a wheel on the server."""

    package_version: PackageVersion | None = None
    """Version of the package; null for the latest."""

    package_extras: Extras | None = None
    """Extras of the package, separated by commas."""

    python_version: Name | None = None
    """Version of Python; null for the default of the server."""

    pinned_package_versions: dict[PackageName, PackageVersion] | None = None
    """Version by name of dependencies that are installed in exactly that version."""


class TaskCollectStatusV1(Body):
    """Progress of a collection, in `State.data`."""

    status: Literal["pending", "installing", "collecting", "fail", "OK"]
    """Status of the collection."""

    package: str
    """Package as requested."""

    venv_path: Path
    """Folder of the virtual environment, relative to that of all tasks."""

    task_list: list[TaskReadV1] | None = Field(default_factory=list)
    """Tasks of the package, once collected."""

    log: str | None = None
    """Log of the installation."""

    info: str | None = None
    """Message about the result."""

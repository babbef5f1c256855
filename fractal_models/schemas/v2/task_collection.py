"""Collections of packages of version 2: requests to install one, or to take over one that is installed."""

from typing import Literal, Self

from pydantic import model_validator

from fractal_models.schemas.body import Create
from fractal_models.schemas.fields import AbsolutePath, Extras, Name, Package, PackageName, PackageVersion
from fractal_models.schemas.v2.manifest import ManifestV2

__all__ = ["TaskCollectCustomV2", "TaskCollectPipV2"]


class TaskCollectPipV2(Create):
    """Package of tasks to install."""

    package: Package
    """Name of a Python package, or absolute path of a wheel on the server."""

    package_version: PackageVersion | None = None
    """Version of the package; null for the latest."""

    package_extras: Extras | None = None
    """Extras of the package, separated by commas."""

    python_version: Literal["3.9", "3.10", "3.11", "3.12"] | None = None
    """Version of Python; null for the default of the server."""

    pinned_package_versions: dict[PackageName, PackageVersion] | None = None
    """Version by name of dependencies that are installed in exactly that version."""


class TaskCollectCustomV2(Create):
    """Package of tasks that is already installed."""

    manifest: ManifestV2
    """Manifest of the package."""

    python_interpreter: AbsolutePath
    """Absolute path of the Python that runs the tasks."""

    label: Name
    """Name of the task group."""

    package_root: AbsolutePath | None = None
    """Absolute path of the folder that contains the executables; null if `package_name` is given."""

    package_name: PackageName | None = None
    """Name of the package that contains the executables; null if `package_root` is given."""

    version: Name | None = None
    """Version of the tasks."""

    @model_validator(mode="after")
    def _check_package(self) -> Self:
        if (self.package_root is None) == (self.package_name is None):
            message = "should have either package_root or package_name"
            raise ValueError(message)
        return self

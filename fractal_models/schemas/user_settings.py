"""Settings of users for the cluster."""

from pydantic import Field

from fractal_models.schemas.body import Read, Response, Update
from fractal_models.schemas.fields import AbsolutePath, Name, NotNull, Unique
from fractal_models.schemas.stored import StoredList

__all__ = ["UserSettingsRead", "UserSettingsReadStrict", "UserSettingsUpdate", "UserSettingsUpdateStrict"]


class UserSettingsUpdateStrict(Update, of="UserSettings"):
    """Change that a user may make to the own settings."""

    slurm_accounts: NotNull[Unique[Name]] = None
    cache_dir: AbsolutePath | None = None


class UserSettingsUpdate(UserSettingsUpdateStrict):
    """Change of the settings of a user; the path of the private key can be written, but not read."""

    ssh_host: Name | None = None
    ssh_username: Name | None = None
    ssh_private_key_path: AbsolutePath | None = Field(default=None, repr=False)
    ssh_tasks_dir: AbsolutePath | None = None
    ssh_jobs_dir: AbsolutePath | None = None
    slurm_user: Name | None = None
    project_dir: AbsolutePath | None = None


class UserSettingsReadStrict(Response, of="UserSettings"):
    """Settings that a user may see of the own account."""

    slurm_user: str | None = None
    slurm_accounts: StoredList[str]
    cache_dir: str | None = None
    project_dir: str | None = None
    ssh_username: str | None = None


class UserSettingsRead(Read, UserSettingsReadStrict, of="UserSettings"):
    """Settings of a user for the cluster."""

    ssh_host: str | None = None
    ssh_tasks_dir: str | None = None
    ssh_jobs_dir: str | None = None

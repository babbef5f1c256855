"""Settings of users for the cluster."""

from pydantic import Field

from fractal_models.schemas.body import Read, Update
from fractal_models.schemas.fields import AbsolutePath, Name, NotNull, StoredList, Unique

__all__ = ["UserSettingsRead", "UserSettingsUpdate"]


class UserSettingsUpdate(Update, of="UserSettings"):
    """Change of the settings of a user; the path of the private key can be written, but not read."""

    slurm_accounts: NotNull[Unique[Name]] = None
    ssh_host: Name | None = None
    ssh_username: Name | None = None
    ssh_private_key_path: AbsolutePath | None = Field(default=None, repr=False)
    ssh_tasks_dir: AbsolutePath | None = None
    ssh_jobs_dir: AbsolutePath | None = None
    slurm_user: Name | None = None
    cache_dir: AbsolutePath | None = None
    project_dir: AbsolutePath | None = None


class UserSettingsRead(Read, of="UserSettings"):
    """Settings of a user for the cluster."""

    slurm_accounts: StoredList[str]
    ssh_host: str | None
    ssh_username: str | None
    ssh_tasks_dir: str | None
    ssh_jobs_dir: str | None
    slurm_user: str | None
    cache_dir: str | None
    project_dir: str | None

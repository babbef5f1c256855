"""What a user needs on the cluster."""

from sqlmodel import Field

from fractal_models.base import Base
from fractal_models.columns import json_array, primary_key


class UserSettings(Base, table=True):
    """One user's settings for the cluster; deleted with the user."""

    __tablename__ = "user_settings"

    id: int | None = primary_key()

    slurm_accounts: list[str] = json_array(default_factory=list, sa_column_kwargs={"server_default": "[]"})
    """SLURM accounts that the user may charge, the default one first."""

    ssh_host: str | None = None
    """Host name of the cluster's login node."""

    ssh_username: str | None = None
    """User name on `ssh_host`."""

    ssh_private_key_path: str | None = Field(default=None, repr=False)
    """Path, on the server, of the private key for `ssh_host`."""

    ssh_tasks_dir: str | None = None
    """Folder on `ssh_host` for the user's task environments."""

    ssh_jobs_dir: str | None = None
    """Folder on `ssh_host` for the user's jobs."""

    slurm_user: str | None = None
    """User name under which jobs are submitted to a cluster that is reached without SSH."""

    cache_dir: str | None = None
    """Folder that `slurm_user` can write, for the files of running jobs."""

    project_dir: str | None = None
    """Folder under which the user's datasets are written."""

"""Settings of users for the cluster."""

from fractal_models.base import Base
from fractal_models.columns import json_array, primary_key, secret


class UserSettings(Base, table=True):
    """Settings of a user for the cluster; deleted with the user by a session, but not by SQL."""

    __tablename__ = "user_settings"

    id: int | None = primary_key()

    slurm_accounts: list[str] = json_array(default_factory=list, server_default="[]")
    """SLURM accounts that the user may charge, the default one first."""

    ssh_host: str | None = None
    """Host name of the cluster's login node."""

    ssh_username: str | None = None
    """User name on `ssh_host`."""

    ssh_private_key_path: str | None = secret(default=None)
    """Path of the private key for `ssh_host`, on the server."""

    ssh_tasks_dir: str | None = None
    """Folder on `ssh_host` for the task environments of the user."""

    ssh_jobs_dir: str | None = None
    """Folder on `ssh_host` for the jobs of the user."""

    slurm_user: str | None = None
    """User name for submitting jobs to a cluster without SSH."""

    cache_dir: str | None = None
    """Folder for files of running jobs, writable by `slurm_user`."""

    project_dir: str | None = None
    """Parent folder of the datasets of the user."""

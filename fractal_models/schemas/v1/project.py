"""Projects of version 1."""

from fractal_models.bases_v1 import _ProjectBaseV1
from fractal_models.schemas.body import Create, Read, Update
from fractal_models.schemas.fields import Name, NotNull
from fractal_models.schemas.stored import UtcDatetime

__all__ = ["ProjectCreateV1", "ProjectReadV1", "ProjectUpdateV1", "_ProjectBaseV1"]


class ProjectCreateV1(_ProjectBaseV1, Create, of="Project", extra="ignore"):
    """New project."""

    name: Name


class ProjectUpdateV1(Update, of="Project", extra="ignore"):
    """Change of a project."""

    name: NotNull[Name] = None
    read_only: NotNull[bool] = None


class ProjectReadV1(_ProjectBaseV1, Read, of="Project"):
    """Workspace of one or several users, with datasets, workflows and jobs."""

    timestamp_created: UtcDatetime

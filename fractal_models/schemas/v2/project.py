"""Projects of version 2, without `read_only`."""

from fractal_models.schemas.body import Create, Read, Update
from fractal_models.schemas.fields import Name, NotNull
from fractal_models.schemas.stored import UtcDatetime

__all__ = ["ProjectCreateV2", "ProjectReadV2", "ProjectUpdateV2"]


class ProjectCreateV2(Create, of="ProjectV2"):
    """New project."""

    name: Name


class ProjectUpdateV2(Update, of="ProjectV2"):
    """Change of a project."""

    name: NotNull[Name] = None


class ProjectReadV2(Read, of="ProjectV2"):
    """Workspace of one or several users, with datasets, workflows and jobs."""

    name: str
    timestamp_created: UtcDatetime

"""Projects of version 2: as in version 1, but never read-only."""

from fractal_models.schemas.body import Create, Read, Update
from fractal_models.schemas.fields import Given, Moment, Name

__all__ = ["ProjectCreateV2", "ProjectReadV2", "ProjectUpdateV2"]


class ProjectCreateV2(Create, of="ProjectV2"):
    """A new project."""

    name: Name


class ProjectUpdateV2(Update, of="ProjectV2"):
    """A change of a project."""

    name: Given[Name] = None


class ProjectReadV2(Read, of="ProjectV2"):
    """What a group of users works on: the owner of datasets, workflows and jobs."""

    name: str
    timestamp_created: Moment

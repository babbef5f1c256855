"""Projects of version 1."""

from fractal_models.bases_v1 import _ProjectBaseV1
from fractal_models.schemas.body import Create, Read, Update
from fractal_models.schemas.fields import Given, Moment, Name

__all__ = ["ProjectCreateV1", "ProjectReadV1", "ProjectUpdateV1", "_ProjectBaseV1"]


class ProjectCreateV1(_ProjectBaseV1, Create, of="Project"):
    """A new project."""

    name: Name


class ProjectUpdateV1(Update, of="Project"):
    """A change of a project."""

    name: Given[Name] = None
    read_only: Given[bool] = None


class ProjectReadV1(_ProjectBaseV1, Read, of="Project"):
    """What a group of users works on: the owner of datasets, workflows and jobs."""

    timestamp_created: Moment

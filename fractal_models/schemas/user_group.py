"""Groups of users."""

from pydantic import Field

from fractal_models.schemas.body import Create, Read, Update
from fractal_models.schemas.fields import AbsolutePath, Given, Moment, Name, StoredList, Unique

__all__ = ["UserGroupCreate", "UserGroupRead", "UserGroupUpdate"]


class UserGroupCreate(Create, of="UserGroup"):
    """A new group."""

    name: Name
    viewer_paths: Unique[AbsolutePath] = Field(default_factory=list)


class UserGroupUpdate(Update, of="UserGroup"):
    """A change of a group."""

    viewer_paths: Given[Unique[AbsolutePath]] = None


class UserGroupRead(Read, of="UserGroup"):
    """A group of users who share task groups and folders."""

    name: str
    timestamp_created: Moment
    viewer_paths: StoredList[str]

    user_ids: list[int] | None = None
    """`id` of each member; null where nobody has asked for it."""

"""Groups of users."""

from pydantic import Field

from fractal_models.schemas.body import Create, Read, Update
from fractal_models.schemas.fields import AbsolutePath, Name, NotNull, Unique
from fractal_models.schemas.stored import StoredList, UtcDatetime

__all__ = ["UserGroupCreate", "UserGroupRead", "UserGroupUpdate"]


class UserGroupCreate(Create, of="UserGroup"):
    """New group of users."""

    name: Name
    viewer_paths: Unique[AbsolutePath] = Field(default_factory=list)


class UserGroupUpdate(Update, of="UserGroup"):
    """Change of a group of users."""

    viewer_paths: NotNull[Unique[AbsolutePath]] = None


class UserGroupRead(Read, of="UserGroup"):
    """Group of users who share task groups and folders."""

    name: str
    timestamp_created: UtcDatetime
    viewer_paths: StoredList[str]

    user_ids: list[int] | None = None
    """ID of each member; null if not requested."""

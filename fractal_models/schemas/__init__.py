"""API bodies: those of users, and in `v1` and `v2` those of the two versions, with their enumerations.

`Create`, `Update` and `Read` are base classes for the bodies of a server's own tables, and `Response` for those without
an ID; `RowId` is the type of an `id`.
"""

from fractal_models.schemas import v1, v2
from fractal_models.schemas.body import Body, Create, Read, Response, Update
from fractal_models.schemas.fields import RowId
from fractal_models.schemas.user import OAuthAccountRead, UserCreate, UserRead, UserUpdate, UserUpdateGroups
from fractal_models.schemas.user_group import UserGroupCreate, UserGroupRead, UserGroupUpdate
from fractal_models.schemas.user_settings import (
    UserSettingsRead,
    UserSettingsReadStrict,
    UserSettingsUpdate,
    UserSettingsUpdateStrict,
)

__all__ = [
    "Body",
    "Create",
    "OAuthAccountRead",
    "Read",
    "Response",
    "RowId",
    "Update",
    "UserCreate",
    "UserGroupCreate",
    "UserGroupRead",
    "UserGroupUpdate",
    "UserRead",
    "UserSettingsRead",
    "UserSettingsReadStrict",
    "UserSettingsUpdate",
    "UserSettingsUpdateStrict",
    "UserUpdate",
    "UserUpdateGroups",
    "v1",
    "v2",
]

"""API bodies: those of users, and in `v1` and `v2` those of the two versions, with their enumerations."""

from fractal_models.schemas.user import OAuthAccountRead, UserCreate, UserRead, UserUpdate, UserUpdateGroups
from fractal_models.schemas.user_group import UserGroupCreate, UserGroupRead, UserGroupUpdate
from fractal_models.schemas.user_settings import (
    UserSettingsRead,
    UserSettingsReadStrict,
    UserSettingsUpdate,
    UserSettingsUpdateStrict,
)

__all__ = [
    "OAuthAccountRead",
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
]

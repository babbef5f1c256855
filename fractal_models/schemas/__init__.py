"""API bodies: those of users, and in `v1` and `v2` those of the two generations, with their enumerations.

Nothing here knows SQLAlchemy.
"""

from typing import TYPE_CHECKING

from fractal_models.schemas.lazy import names_from

if TYPE_CHECKING:
    from fractal_models.schemas.user import OAuthAccountRead, UserCreate, UserRead, UserUpdate
    from fractal_models.schemas.user_group import UserGroupCreate, UserGroupRead, UserGroupUpdate
    from fractal_models.schemas.user_settings import UserSettingsRead, UserSettingsUpdate
else:
    __getattr__ = names_from(__name__, ["user", "user_group", "user_settings"])

__all__ = [
    "OAuthAccountRead",
    "UserCreate",
    "UserGroupCreate",
    "UserGroupRead",
    "UserGroupUpdate",
    "UserRead",
    "UserSettingsRead",
    "UserSettingsUpdate",
    "UserUpdate",
]

"""Users and their external identities, for the routers of fastapi-users."""

from fastapi_users.schemas import BaseUser, BaseUserCreate, BaseUserUpdate
from pydantic import EmailStr, Field

from fractal_models.schemas.body import Create, Read, Update
from fractal_models.schemas.fields import Name, NotNull, Password, RowId, Unique

__all__ = ["OAuthAccountRead", "UserCreate", "UserRead", "UserUpdate", "UserUpdateGroups", "UserUpdateStrict"]


class OAuthAccountRead(Read, of="OAuthAccount"):
    """External identity of a user, without its tokens."""

    oauth_name: str
    account_email: str


class UserCreate(Create, BaseUserCreate, of="UserOAuth", extra="ignore"):
    """New user."""

    password: Password = Field(repr=False)
    """Password for log-in; only its hash is stored."""

    is_active: NotNull[bool] = True
    is_superuser: NotNull[bool] = False
    is_verified: NotNull[bool] = False
    username: Name | None = None


class UserUpdate(Update, BaseUserUpdate, of="UserOAuth"):
    """Change of a user."""

    email: NotNull[EmailStr] = None

    password: NotNull[Password] = Field(default=None, repr=False)
    """Password for log-in; only its hash is stored."""

    is_active: NotNull[bool] = None
    is_superuser: NotNull[bool] = None
    is_verified: NotNull[bool] = None
    username: Name | None = None


class UserUpdateStrict(Update, of="UserOAuth"):
    """Change that a user may make to the own account: none."""


class UserUpdateGroups(Update):
    """Change of the groups of a user."""

    group_ids: Unique[RowId]
    """ID of each group of the user."""


class UserRead(Read, BaseUser[int], of="UserOAuth"):
    """User of the server."""

    email: str
    username: str | None = None

    oauth_accounts: list[OAuthAccountRead]
    """External identities of the user."""

    group_ids_names: list[tuple[int, str]] | None = None
    """ID and name of each group of the user; null if not requested."""

"""Users and their external identities, as the routers of fastapi-users take them."""

from fastapi_users.schemas import BaseUser, BaseUserCreate, BaseUserUpdate
from pydantic import EmailStr, Field

from fractal_models.schemas.body import Create, Read, Update
from fractal_models.schemas.fields import Given, Name, Password

__all__ = ["OAuthAccountRead", "UserCreate", "UserRead", "UserUpdate"]


class OAuthAccountRead(Read, of="OAuthAccount"):
    """One external identity of a user, without its tokens."""

    user_id: int
    oauth_name: str
    account_id: str
    account_email: str
    expires_at: int | None


class UserCreate(Create, BaseUserCreate, of="UserOAuth"):
    """A new user."""

    password: Password = Field(repr=False)
    """What the user logs in with; only a hash of it is stored."""

    is_active: Given[bool] = True
    is_superuser: Given[bool] = False
    is_verified: Given[bool] = False
    username: Name | None = None


class UserUpdate(Update, BaseUserUpdate, of="UserOAuth"):
    """A change of a user."""

    email: Given[EmailStr] = None

    password: Given[Password] = Field(default=None, repr=False)
    """What the user logs in with; only a hash of it is stored."""

    is_active: Given[bool] = None
    is_superuser: Given[bool] = None
    is_verified: Given[bool] = None
    username: Name | None = None


class UserRead(Read, BaseUser[int], of="UserOAuth"):
    """One user of the server."""

    email: str
    username: str | None
    user_settings_id: int | None

    oauth_accounts: list[OAuthAccountRead]
    """The user's external identities."""

    group_ids_names: list[tuple[int, str]] | None = None
    """`id` and name of each group of the user; null where nobody has asked for it."""

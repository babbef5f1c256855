"""Users, their external identities and their groups, for fastapi-users."""

from datetime import datetime
from typing import Optional

from pydantic import EmailStr
from sqlalchemy import Index, text
from sqlmodel import Field

from fractal_models.base import Base
from fractal_models.columns import (
    eager_relationship,
    json_array,
    primary_key,
    required_foreign_key,
    secret,
    timestamp_now,
)
from fractal_models.models.user_settings import UserSettings


class OAuthAccount(Base, table=True):
    """External identity of a user; deleted with the user."""

    __tablename__ = "oauthaccount"
    __table_args__ = (Index(None, "oauth_name", "account_id", unique=True),)

    id: int | None = primary_key()

    user_id: int = required_foreign_key(foreign_key="user_oauth.id", ondelete="CASCADE", index=True)
    user: Optional["UserOAuth"] = eager_relationship(back_populates="oauth_accounts")

    oauth_name: str = Field(index=True)
    """Name of the identity provider in the configuration of the server."""

    access_token: str = secret()
    """Token of the provider; a secret."""

    expires_at: int | None = None
    """Expiry of `access_token`, in seconds since 1970-01-01 UTC; null if the provider sets none."""

    refresh_token: str | None = secret(default=None)
    """Token for a new `access_token`; a secret; null if the provider gives none."""

    account_id: str = Field(index=True)
    """ID of the user at the provider."""

    account_email: str
    """E-mail address of the user at the provider; may differ from `UserOAuth.email`."""


class UserOAuth(Base, table=True):
    """User of the server; cannot be deleted while task groups or activities refer to the user."""

    __tablename__ = "user_oauth"
    __table_args__ = (Index("ix_user_oauth_lower_email", text("lower(email)"), unique=True),)

    id: int | None = primary_key()

    email: EmailStr = Field(unique=True, index=True)
    """E-mail address for log-in, unique ignoring case.

    Validated by `model_validate` and by API bodies.
    """

    hashed_password: str = secret()
    """Hash of the password; a secret."""

    is_active: bool = True
    """Whether the user may log in."""

    is_superuser: bool = False
    """Whether the user may administer the server and all data on it."""

    is_verified: bool = False
    """Whether `email` was confirmed, by the user or by an administrator."""

    username: str | None = None
    """Short name of the user at the site."""

    user_settings_id: int | None = Field(default=None, foreign_key="user_settings.id", index=True)
    settings: UserSettings | None = eager_relationship(cascade="all, delete")

    # Three levels: async code reads `dataset.project.user_list[0].oauth_accounts`, and fastapi-users reads
    # `account.user.oauth_accounts` of a returning user.
    oauth_accounts: list[OAuthAccount] = eager_relationship(
        back_populates="user",
        cascade="all, delete-orphan",
        passive_deletes=True,
        order_by="OAuthAccount.id",
        join_depth=3,
    )

    @property
    def slurm_user(self) -> str | None:
        """`UserSettings.slurm_user`; None without settings."""
        return self.settings.slurm_user if self.settings else None

    @property
    def slurm_accounts(self) -> list[str]:
        """`UserSettings.slurm_accounts`; empty without settings."""
        return self.settings.slurm_accounts if self.settings else []

    @property
    def cache_dir(self) -> str | None:
        """`UserSettings.cache_dir`; None without settings."""
        return self.settings.cache_dir if self.settings else None


class UserGroup(Base, table=True):
    """Group of users who share task groups and folders; cannot be deleted while it has task groups."""

    __tablename__ = "usergroup"

    id: int | None = primary_key()

    name: str = Field(unique=True)
    """Name of the group, unique among all groups."""

    timestamp_created: datetime = timestamp_now()

    viewer_paths: list[str] = json_array(default_factory=list, server_default="[]")
    """Folders with images that the members may view."""

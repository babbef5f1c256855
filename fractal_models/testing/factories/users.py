"""Factories of users and groups."""

from fractal_models.models import LinkUserGroup, OAuthAccount, UserGroup, UserOAuth, UserSettings
from fractal_models.testing.demo_site import HASHED_PASSWORD
from fractal_models.testing.factories.base import TableFactory, numbered


class UserSettingsFactory(TableFactory[UserSettings]):
    """Empty settings."""


class UserOAuthFactory(TableFactory[UserOAuth]):
    """An active user; the password is `fractal_models.testing.demo_site.PASSWORD`."""

    email = numbered("user-{}@example.org")
    hashed_password = HASHED_PASSWORD


class OAuthAccountFactory(TableFactory[OAuthAccount]):
    """A user's account at GitHub."""

    user = UserOAuthFactory
    oauth_name = "github"
    access_token = numbered("token-{}")
    account_id = numbered("{}")
    account_email = "someone@example.org"


class UserGroupFactory(TableFactory[UserGroup]):
    """A group without members."""

    name = numbered("group-{}")


class LinkUserGroupFactory(TableFactory[LinkUserGroup]):
    """A membership of a user in a group."""

"""The adapters of fastapi-users-db-sqlmodel work on `UserOAuth` and `OAuthAccount` unchanged."""

import importlib
import warnings
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi_users.db import BaseUserDatabase
from sqlmodel import Session

from fractal_models.database import async_sessionmaker, create_async_engine, create_engine
from fractal_models.models import OAuthAccount, UserOAuth
from tests.conftest import ASYNC_DRIVERS
from tests.support.databases import databases_of

with warnings.catch_warnings():
    # Its base models use a deprecated configuration of pydantic.
    warnings.filterwarnings("ignore", "Support for class-based `config` is deprecated", DeprecationWarning)
    warnings.filterwarnings("ignore", "Valid config keys have changed in V2", UserWarning)
    adapters = importlib.import_module("fastapi_users_db_sqlmodel")

Users = BaseUserDatabase[UserOAuth, int]

DRIVERS = ["sqlite", "postgresql+psycopg2", *ASYNC_DRIVERS]


@pytest.fixture(params=DRIVERS)
async def users(request: pytest.FixtureRequest) -> AsyncIterator[Users]:
    """Synchronous or asynchronous adapter."""
    databases = databases_of(request, request.param)
    url = databases.create_at_head().set(drivername=request.param)
    if request.param in DRIVERS[:2]:
        engine = create_engine(url)
        with Session(engine) as session:
            yield adapters.SQLModelUserDatabase(session, UserOAuth, OAuthAccount)
        engine.dispose()
    else:
        async_engine = create_async_engine(url)
        async with async_sessionmaker(async_engine)() as async_session:
            yield adapters.SQLModelUserDatabaseAsync(async_session, UserOAuth, OAuthAccount)
        await async_engine.dispose()
    databases.drop(url)


def account(**values: Any) -> dict[str, Any]:
    identity = {"oauth_name": "github", "account_id": "42", "account_email": "alice@home.org"}
    return {**identity, "access_token": "token", "expires_at": None, "refresh_token": None, **values}


async def create(users: Users, email: str = "alice@example.org") -> UserOAuth:
    return await users.create({"email": email, "hashed_password": "hash"})


async def test_a_user_is_found_by_id_and_by_address_in_any_case(users: Users) -> None:
    created = await create(users)
    assert created.id is not None
    assert (created.is_active, created.is_superuser, created.is_verified) == (True, False, False)
    assert await users.get(created.id) is created
    assert await users.get(created.id + 1) is None
    assert await users.get_by_email("ALICE@example.ORG") is created
    assert await users.get_by_email("nobody@example.org") is None


async def test_a_user_is_updated(users: Users) -> None:
    user = await create(users)
    updated = await users.update(user, {"username": "alice", "is_verified": True})
    assert updated is user
    assert (user.username, user.is_verified, user.email) == ("alice", True, "alice@example.org")


async def test_accounts_are_added_found_and_updated(users: Users) -> None:
    user, other = await create(users), await create(users, "bob@example.org")
    user = await users.add_oauth_account(user, account())
    await users.add_oauth_account(user, account(oauth_name="google"))
    await users.add_oauth_account(other, account(account_id="43"))

    assert await users.get_by_oauth_account("github", "42") is user
    assert await users.get_by_oauth_account("github", "43") is other
    assert await users.get_by_oauth_account("github", "44") is None
    first, second = user.oauth_accounts
    await users.update_oauth_account(user, first, account(access_token="new"))
    assert [(found.oauth_name, found.access_token) for found in user.oauth_accounts] == [
        ("github", "new"),
        ("google", "token"),
    ]
    assert second.user is user


async def test_a_user_is_deleted_with_all_accounts(users: Users) -> None:
    user = await users.add_oauth_account(await create(users), account())
    key = user.id
    assert key is not None
    await users.delete(user)
    assert await users.get(key) is None
    assert await users.get_by_oauth_account("github", "42") is None

"""fastapi-users on our users, with both stock adapters, as a server uses it: a session for each request."""

import importlib
import subprocess
import sys
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from fastapi.security import OAuth2PasswordRequestForm
from fastapi_users import BaseUserManager, IntegerIDMixin
from fastapi_users.db import BaseUserDatabase
from fastapi_users.exceptions import UserAlreadyExists, UserNotExists
from fastapi_users.password import PasswordHelper
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy.exc import IntegrityError

from fractal_models.database import async_sessionmaker, create_async_engine, create_engine, sessionmaker
from fractal_models.models import OAuthAccount, UserOAuth, UserSettings
from fractal_models.schemas import UserCreate, UserRead, UserUpdate
from tests.support.databases import databases_of

with warnings.catch_warnings():
    # The models that the adapters bring along, and that nobody needs here, are configured as for pydantic 1.
    warnings.filterwarnings("ignore", "Support for class-based `config` is deprecated", DeprecationWarning)
    warnings.filterwarnings("ignore", "Valid config keys have changed in V2", UserWarning)
    adapters = importlib.import_module("fastapi_users_db_sqlmodel")

SYNC = ["sqlite", "postgresql+psycopg2", "postgresql+psycopg"]
ASYNC = ["sqlite+aiosqlite", "postgresql+asyncpg", "postgresql+psycopg"]
DRIVERS = [(driver, False) for driver in SYNC] + [(driver, True) for driver in ASYNC]

# Argon2 at its cheapest: what passwords cost is of no interest here.
HELPER = PasswordHelper(PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),)))


class Manager(IntegerIDMixin, BaseUserManager[UserOAuth, int]):
    """What a server makes of an adapter."""

    reset_password_token_secret = verification_token_secret = "secret of no server that is thirty-two bytes"

    def __init__(self, users: BaseUserDatabase[UserOAuth, int]) -> None:
        super().__init__(users, HELPER)
        self.tokens: list[str] = []

    async def on_after_request_verify(self, user: UserOAuth, token: str, request: object = None) -> None:
        self.tokens.append(token)

    async def on_after_forgot_password(self, user: UserOAuth, token: str, request: object = None) -> None:
        self.tokens.append(token)


Request = Callable[[], AbstractAsyncContextManager[Manager]]


@pytest.fixture(params=DRIVERS, ids=lambda param: f"{param[0]}-{'async' if param[1] else 'sync'}")
async def visit(request: pytest.FixtureRequest) -> AsyncIterator[Request]:
    """Opens a session, as a server does for each request."""
    driver, asynchronous = request.param
    databases = databases_of(request, driver)
    url = databases.create_at_head().set(drivername=driver)
    if asynchronous:
        async_engine = create_async_engine(url)
        async_sessions = async_sessionmaker(async_engine)

        @asynccontextmanager
        async def visit() -> AsyncIterator[Manager]:
            async with async_sessions() as session:
                yield Manager(adapters.SQLModelUserDatabaseAsync(session, UserOAuth, OAuthAccount))

        yield visit
        await async_engine.dispose()
    else:
        engine = create_engine(url)
        sessions = sessionmaker(engine)

        @asynccontextmanager
        async def visit() -> AsyncIterator[Manager]:
            with sessions() as session:
                yield Manager(adapters.SQLModelUserDatabase(session, UserOAuth, OAuthAccount))

        yield visit
        engine.dispose()
    databases.drop(url)


def account(**values: Any) -> dict[str, Any]:
    identity = {"oauth_name": "github", "account_id": "42", "account_email": "alice@home.org"}
    return {**identity, "access_token": "token", "expires_at": None, "refresh_token": None, **values}


async def register(visit: Request, email: str = "alice@example.org", **values: Any) -> int:
    async with visit() as manager:
        user = await manager.create(UserCreate(email=email, password="horse", **values))
        assert user.id is not None
        return user.id


async def accounts_of(visit: Request, key: int) -> list[tuple[str, str, str]]:
    """Provider, id and token of each account, as a new request sees them."""
    async with visit() as manager:
        user = await manager.get(key)
        return [(found.oauth_name, found.account_id, found.access_token) for found in user.oauth_accounts]


async def test_a_user_registers_and_logs_in_by_the_address_in_any_case(visit: Request) -> None:
    key = await register(visit, "Alice@example.org", username="alice")
    async with visit() as manager:
        for written in ("Alice@example.org", "ALICE@EXAMPLE.ORG"):
            form = OAuth2PasswordRequestForm(username=written, password="horse")
            user = await manager.authenticate(form)
            assert user is not None
            assert (user.id, user.email, user.username) == (key, "Alice@example.org", "alice")
            assert (user.is_active, user.is_superuser, user.is_verified) == (True, False, False)
        form = OAuth2PasswordRequestForm(username="alice@example.org", password="house")
        assert await manager.authenticate(form) is None


async def test_a_user_is_shown_without_secrets(visit: Request) -> None:
    key = await register(visit)
    async with visit() as manager:
        user = await manager.user_db.add_oauth_account(await manager.get(key), account(access_token="planted"))
    async with visit() as manager:
        user = await manager.get(key)
        shown = UserRead.model_validate(user).model_dump_json()
    assert "planted" not in shown
    assert user.hashed_password not in shown


async def test_only_an_administrator_makes_administrators(visit: Request) -> None:
    body = UserCreate(email="alice@example.org", password="horse", is_superuser=True)
    async with visit() as manager:
        assert not (await manager.create(body, safe=True)).is_superuser
    async with visit() as manager:
        assert (await manager.create(body.model_copy(update={"email": "root@example.org"}))).is_superuser


async def test_nobody_registers_with_an_address_that_another_has_in_any_case(visit: Request) -> None:
    await register(visit)
    with pytest.raises(UserAlreadyExists):
        await register(visit, "ALICE@example.org")


async def test_of_two_who_register_at_once_the_database_takes_one(visit: Request) -> None:
    await register(visit)
    async with visit() as manager:
        with pytest.raises(IntegrityError, match=r"(?i)unique"):
            await manager.user_db.create({"email": "ALICE@example.org", "hashed_password": "hash"})


async def test_who_is_not_there_is_not_found(visit: Request) -> None:
    key = await register(visit)
    async with visit() as manager:
        assert await manager.user_db.get(key + 1) is None
        assert await manager.user_db.get_by_email("nobody@example.org") is None
        assert await manager.user_db.get_by_oauth_account("github", "42") is None
        with pytest.raises(UserNotExists):
            await manager.get(key + 1)


async def test_a_user_is_changed_and_keeps_the_rest(visit: Request) -> None:
    key = await register(visit, username="alice")
    async with visit() as manager:
        user = await manager.get(key)
        await manager.update(UserUpdate(email="alice@lab.org", password="mule"), user, safe=True)
    async with visit() as manager:
        user = await manager.get(key)
        assert (user.email, user.username, user.is_active) == ("alice@lab.org", "alice", True)
        assert HELPER.verify_and_update("mule", user.hashed_password)[0]
        with pytest.raises(UserNotExists):
            await manager.get_by_email("alice@example.org")


async def test_a_user_gives_settings_and_reads_through_to_them(visit: Request) -> None:
    key = await register(visit)
    async with visit() as manager:
        await manager.user_db.update(await manager.get(key), {"settings": UserSettings(slurm_user="alice")})
    async with visit() as manager:
        assert (await manager.get(key)).slurm_user == "alice"


async def test_a_user_verifies_the_address_and_resets_the_password(visit: Request) -> None:
    key = await register(visit)
    async with visit() as manager:
        await manager.request_verify(user := await manager.get(key))
        await manager.forgot_password(user)
        verification, reset = manager.tokens
    async with visit() as manager:
        assert (await manager.verify(verification)).is_verified
    async with visit() as manager:
        await manager.reset_password(reset, "mule")
        form = OAuth2PasswordRequestForm(username="alice@example.org", password="mule")
        assert await manager.authenticate(form) is not None


async def test_accounts_are_added_found_and_changed(visit: Request) -> None:
    key, other = await register(visit), await register(visit, "bob@example.org")
    async with visit() as manager:
        user = await manager.user_db.add_oauth_account(await manager.get(key), account())
        user = await manager.user_db.add_oauth_account(user, account(oauth_name="google"))
        assert [found.oauth_name for found in user.oauth_accounts] == ["github", "google"]
    async with visit() as manager:
        await manager.user_db.add_oauth_account(await manager.get(other), account(account_id="43"))
    async with visit() as manager:
        assert (await manager.get_by_oauth_account("github", "42")).id == key
        assert (await manager.get_by_oauth_account("google", "42")).id == key
        user = await manager.get_by_oauth_account("github", "43")
        assert user.id == other
        (changed,) = user.oauth_accounts
        await manager.user_db.update_oauth_account(user, changed, {"access_token": "new"})
    assert await accounts_of(visit, key) == [("github", "42", "token"), ("google", "42", "token")]
    assert await accounts_of(visit, other) == [("github", "43", "new")]


async def test_a_user_is_deleted_with_accounts_and_settings(visit: Request) -> None:
    key = await register(visit)
    async with visit() as manager:
        await manager.user_db.add_oauth_account(await manager.get(key), account())
        await manager.user_db.update(await manager.get(key), {"settings": UserSettings()})
    async with visit() as manager:
        await manager.delete(await manager.get(key))
    async with visit() as manager:
        assert await manager.user_db.get(key) is None
        assert await manager.user_db.get_by_oauth_account("github", "42") is None
    await register(visit)


CALLBACK: dict[str, Any] = {
    "oauth_name": "github",
    "access_token": "new",
    "account_id": "42",
    "account_email": "alice@example.org",
    "expires_at": 2_000_000_000,
    "refresh_token": "again",
}


async def come_in(visit: Request, **values: Any) -> int:
    """Log in through the provider; give the user's id."""
    async with visit() as manager:
        user = await manager.oauth_callback(**CALLBACK | values)
        assert user.id is not None
        return user.id


async def test_a_new_user_comes_in_through_a_provider(visit: Request) -> None:
    async with visit() as manager:
        user = await manager.oauth_callback(**CALLBACK, is_verified_by_default=True)
        assert (user.email, user.is_verified) == ("alice@example.org", True)
        (found,) = user.oauth_accounts
        assert (found.expires_at, found.refresh_token) == (2_000_000_000, "again")
        assert found.user is user
    assert await accounts_of(visit, await come_in(visit, access_token="newer")) == [("github", "42", "newer")]


async def test_a_returning_user_comes_in_with_new_tokens_even_under_another_address(visit: Request) -> None:
    key = await come_in(visit, access_token="old")
    async with visit() as manager:
        returning = await manager.oauth_callback(**CALLBACK | {"account_email": "alice@new.org"})
        assert (returning.id, returning.email) == (key, "alice@example.org")
        (found,) = returning.oauth_accounts
        assert (found.access_token, found.account_email) == ("new", "alice@new.org")
    assert await accounts_of(visit, key) == [("github", "42", "new")]


async def test_a_user_of_the_same_address_is_joined_if_the_server_allows_it(visit: Request) -> None:
    key = await register(visit, "Alice@example.org")
    async with visit() as manager:
        with pytest.raises(UserAlreadyExists):
            await manager.oauth_callback(**CALLBACK)
    assert await accounts_of(visit, key) == []
    async with visit() as manager:
        joined = await manager.oauth_callback(**CALLBACK, associate_by_email=True)
        assert (joined.id, [found.account_id for found in joined.oauth_accounts]) == (key, ["42"])
    assert await come_in(visit, access_token="newer") == key
    assert await accounts_of(visit, key) == [("github", "42", "newer")]


async def test_a_user_who_is_logged_in_adds_accounts(visit: Request) -> None:
    key = await register(visit)
    for provider in ("github", "google"):
        async with visit() as manager:
            values = CALLBACK | {"oauth_name": provider, "account_email": "other@home.org"}
            user = await manager.oauth_associate_callback(await manager.get(key), **values)
            assert user.oauth_accounts[-1].oauth_name == provider
    assert await come_in(visit) == key
    assert await accounts_of(visit, key) == [("github", "42", "new"), ("google", "42", "new")]


async def test_nobody_adds_the_account_of_another(visit: Request) -> None:
    key = await come_in(visit)
    other = await register(visit, "bob@example.org")
    async with visit() as manager:
        with pytest.raises(IntegrityError, match=r"(?i)unique"):
            await manager.oauth_associate_callback(await manager.get(other), **CALLBACK)
    assert await accounts_of(visit, key) == [("github", "42", "new")]
    assert await accounts_of(visit, other) == []


def test_our_own_imports_do_not_warn() -> None:
    code = "import fractal_models.models, fractal_models.database, fractal_models.schemas.user"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")

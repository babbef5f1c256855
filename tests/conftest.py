"""Databases and sessions: each test has a database of its own, once per engine."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL, Engine
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlmodel import Session

from fractal_models.database import async_session_maker, create_async_engine, create_engine
from tests.databases import Databases, postgres_server

# It wins over every other configuration: no test may reach the database of whoever runs them.
os.environ.pop("FRACTAL_DATABASE_URL", None)

pytest_plugins = ["tests.database.fixtures"]

ASYNC_DRIVERS = {"sqlite": ["sqlite+aiosqlite"], "postgresql": ["postgresql+asyncpg", "postgresql+psycopg"]}


@pytest.fixture(scope="session")
def postgres_databases() -> Iterator[Databases]:
    with postgres_server() as url:
        databases = Databases(url)
        yield databases
        databases.close()


@pytest.fixture(scope="session")
def sqlite_databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    databases = Databases(Path(tmp_path_factory.mktemp("sqlite")))
    yield databases
    databases.close()


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def databases(request: pytest.FixtureRequest) -> Databases:
    """The databases of one engine; tests that use them run on both."""
    name = "postgres_databases" if request.param == "postgresql" else "sqlite_databases"
    found: Databases = request.getfixturevalue(name)
    return found


@pytest.fixture
def empty_url(databases: Databases) -> Iterator[URL]:
    url = databases.create()
    yield url
    databases.drop(url)


@pytest.fixture
def url(databases: Databases) -> Iterator[URL]:
    """A database at head."""
    url = databases.create_at_head()
    yield url
    databases.drop(url)


@pytest.fixture
def engine(url: URL) -> Iterator[Engine]:
    engine = create_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with Session(engine) as session:
        yield session


@pytest.fixture(params=[driver for drivers in ASYNC_DRIVERS.values() for driver in drivers])
async def async_engine(request: pytest.FixtureRequest) -> AsyncIterator[AsyncEngine]:
    """A database at head; tests that use it run with each asynchronous driver."""
    name = "sqlite_databases" if request.param.startswith("sqlite") else "postgres_databases"
    databases: Databases = request.getfixturevalue(name)
    url = databases.create_at_head()
    engine = create_async_engine(url.set(drivername=request.param))
    yield engine
    await engine.dispose()
    databases.drop(url)


@pytest.fixture
async def async_session(async_engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    async with async_session_maker(async_engine)() as session:
        yield session

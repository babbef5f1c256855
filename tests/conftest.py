"""Databases and sessions of the package's own plugin for pytest: each test has a database, once per engine."""

import os
from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import URL, Engine
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlmodel import Session

from fractal_models.database import async_sessionmaker, create_async_engine
from fractal_models.testing.databases import Databases
from tests.support.databases import databases_of

# It wins over every other configuration: no test may reach the database of whoever runs them.
os.environ.pop("FRACTAL_DATABASE_URL", None)

pytest_plugins = ["tests.support.fixtures", "tests.support.sites"]

ASYNC_DRIVERS = ["sqlite+aiosqlite", "postgresql+asyncpg", "postgresql+psycopg"]


@pytest.fixture(scope="session")
def databases(request: pytest.FixtureRequest, fractal_backend: str) -> Databases:
    """The databases of one engine; tests that use them run on both."""
    return databases_of(request, fractal_backend)


@pytest.fixture
def empty_url(databases: Databases) -> Iterator[URL]:
    url = databases.create()
    yield url
    databases.drop(url)


@pytest.fixture
def url(fractal_url: URL) -> URL:
    """A database at head."""
    return fractal_url


@pytest.fixture
def engine(fractal_engine: Engine) -> Engine:
    return fractal_engine


@pytest.fixture
def session(fractal_session: Session) -> Session:
    return fractal_session


@pytest.fixture(params=ASYNC_DRIVERS)
async def async_engine(request: pytest.FixtureRequest) -> AsyncIterator[AsyncEngine]:
    """A database at head; tests that use it run with each asynchronous driver."""
    databases = databases_of(request, request.param)
    url = databases.create_at_head()
    engine = create_async_engine(url.set(drivername=request.param))
    yield engine
    await engine.dispose()
    databases.drop(url)


@pytest.fixture
async def async_session(async_engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    async with async_sessionmaker(async_engine)() as session:
        yield session

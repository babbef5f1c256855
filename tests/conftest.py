"""Options, databases and sessions of the tests; most are those of the package's own plugin for pytest."""

import gc
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import URL, Connection, Engine, StaticPool, event, text
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import Session

from fractal_models.database import create_async_engine, create_engine
from fractal_models.database.connection.async_session import AsyncSession
from fractal_models.testing.databases import Databases
from fractal_models.testing.factories import TableFactory
from tests.support.databases import databases_of

# It wins over every other configuration: no test may reach the database of whoever runs them.
os.environ.pop("FRACTAL_DATABASE_URL", None)

# Alembic imports the revisions anew for each command, and tests start many processes: bytecode spares them compiling.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

pytest_plugins = ["tests.support.sites", "tests.support.fixtures"]

settings.register_profile(
    "sample",
    max_examples=10,
    deadline=None,
    # One database serves all examples of a test: each takes its rows back.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.register_profile("thorough", settings.get_profile("sample"), max_examples=500)

ASYNC_DRIVERS = ["sqlite+aiosqlite", "postgresql+asyncpg", "postgresql+psycopg"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--thorough", action="store_true", help="run every combination, and many more rounds of what is random"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "thorough: one of many combinations; runs with --thorough only")
    settings.load_profile("thorough" if config.getoption("thorough") else "sample")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only `--thorough` runs, and run the tests of a folder backend by backend: they share databases."""
    if not config.getoption("thorough"):
        left_out = [item for item in items if item.get_closest_marker("thorough")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("thorough")]
    items.sort(key=lambda item: (item.path.parent, _backend(item), item.path))


def _backend(item: pytest.Item) -> str:
    parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    return str(parameters.get("fractal_backend") or parameters.get("shared_async_engine") or "")


def pytest_collection_finish() -> None:
    """Spare collections of garbage the modules and tests, which stay; and collect seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@pytest.fixture(scope="session")
def thorough(request: pytest.FixtureRequest) -> bool:
    """Whether `--thorough` is given."""
    return bool(request.config.getoption("thorough"))


def begin_at_once(engine: Engine) -> Engine:
    """Have an engine on SQLite begin each transaction, as savepoints need it; Python's driver does so too late."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda connection, _: setattr(connection, "isolation_level", None))
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine


def start_anew(connection: Connection) -> None:
    """Let factories and sequences start from their first value; a rollback resets neither."""
    TableFactory.seed_random(0)
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'"))


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


@pytest.fixture(scope="session")
def shared_engine(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Engine]]:
    """Gives the engine of one database at head per backend, for tests whose commits are undone."""
    engines: list[Engine] = []

    @cache
    def engine_of(backend: str) -> Engine:
        engine = create_engine(databases_of(request, backend).create_at_head(), poolclass=StaticPool)
        engines.append(begin_at_once(engine))
        return engine

    yield engine_of
    for engine in engines:
        engine.dispose()


@pytest.fixture
def session(
    request: pytest.FixtureRequest, fractal_backend: str, shared_engine: Callable[[str], Engine]
) -> Iterator[Session]:
    """A session whose commits are undone after the test, unless the test uses `engine` or `url` as well."""
    if {"engine", "url"} & set(request.fixturenames):
        yield request.getfixturevalue("fractal_session")
        return
    with shared_engine(fractal_backend).connect() as connection, connection.begin() as transaction:
        start_anew(connection)
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            yield session
        transaction.rollback()


@pytest.fixture(scope="session", params=ASYNC_DRIVERS)
async def shared_async_engine(request: pytest.FixtureRequest) -> AsyncIterator[AsyncEngine]:
    """The engine of one database at head per asynchronous driver, for tests whose commits are undone."""
    url = databases_of(request, request.param).create_at_head().set(drivername=request.param)
    engine = create_async_engine(url, poolclass=StaticPool)
    begin_at_once(engine.sync_engine)
    yield engine
    await engine.dispose()


@pytest.fixture(params=ASYNC_DRIVERS)
async def async_engine(request: pytest.FixtureRequest) -> AsyncIterator[AsyncEngine]:
    """An engine on a database of its own at head, for tests with several connections."""
    databases = databases_of(request, request.param)
    url = databases.create_at_head()
    engine = create_async_engine(url.set(drivername=request.param))
    yield engine
    await engine.dispose()
    databases.drop(url)


@pytest.fixture
async def async_session(shared_async_engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    """An asynchronous session whose commits are undone after the test; such tests run with each driver."""
    async with shared_async_engine.connect() as connection, connection.begin() as transaction:
        await connection.run_sync(start_anew)
        async with AsyncSession(
            connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
        ) as session:
            yield session
        await transaction.rollback()

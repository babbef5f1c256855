"""Databases with rows, as fractal-server 2.9 has left them."""

from collections.abc import Iterator

import pytest
from sqlalchemy import URL

from fractal_models.testing.databases import Databases
from tests.support.databases import upgrade
from tests.support.early_database import create_early
from tests.support.rows import fill
from tests.support.server_2_9 import BASELINE
from tests.support.servers import Guarded, guarded_server


@pytest.fixture(scope="session")
def site(databases: Databases) -> Iterator[URL]:
    """A database of a young fractal-server 2.9, to be copied."""
    url = databases.create()
    upgrade(url, BASELINE)
    yield fill(url)
    databases.drop(url)


@pytest.fixture
def site_url(databases: Databases, site: URL) -> Iterator[URL]:
    """A database of fractal-server 2.9, with rows."""
    url = databases.create(site)
    yield url
    databases.drop(url)


@pytest.fixture(scope="session")
def early_site(fractal_postgresql_databases: Databases) -> Iterator[URL]:
    """A database of fractal-server 2.9 that an early release has created, to be copied."""
    url = create_early(fractal_postgresql_databases)
    yield fill(url)
    fractal_postgresql_databases.drop(url)


@pytest.fixture
def early_url(fractal_postgresql_databases: Databases, early_site: URL) -> Iterator[URL]:
    """A database of fractal-server 2.9 that an early release has created, with rows."""
    url = fractal_postgresql_databases.create(early_site)
    yield url
    fractal_postgresql_databases.drop(url)


@pytest.fixture
def sqlite_site(fractal_sqlite_databases: Databases) -> Iterator[URL]:
    """A file at fractal-server 2.9, with rows."""
    url = fractal_sqlite_databases.create()
    upgrade(url, BASELINE)
    yield fill(url)
    fractal_sqlite_databases.drop(url)


@pytest.fixture(scope="session")
def guarded() -> Iterator[Guarded]:
    """Databases of a server that does not let everybody in."""
    with guarded_server() as databases:
        yield databases


@pytest.fixture
def postgres_url(fractal_postgresql_databases: Databases) -> Iterator[URL]:
    """A database at head, on PostgreSQL."""
    url = fractal_postgresql_databases.create_at_head()
    yield url
    fractal_postgresql_databases.drop(url)


@pytest.fixture
def sqlite_url(fractal_sqlite_databases: Databases) -> Iterator[URL]:
    """A database at head, on SQLite."""
    url = fractal_sqlite_databases.create_at_head()
    yield url
    fractal_sqlite_databases.drop(url)

"""Databases at fractal-server 2.9 or at head, and a server that does not let everybody in."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import URL

from fractal_models.testing.databases import Databases
from tests.support.server_2_9 import BASELINE
from tests.support.servers import Guarded, guarded_server
from tests.support.sites import SitesOf


@pytest.fixture
def site_url(databases: Databases, sites_of: SitesOf) -> Iterator[URL]:
    """A database of a young fractal-server 2.9, with rows."""
    sites = sites_of("sqlite" if databases.dialect == "sqlite" else "young")
    yield sites.at(BASELINE)
    sites.drop_copies()


@pytest.fixture
def early_url(sites_of: SitesOf) -> Iterator[URL]:
    """A database of fractal-server 2.9 that an early release has created, with rows."""
    yield sites_of("early").at(BASELINE)
    sites_of("early").drop_copies()


@pytest.fixture
def sqlite_site(sites_of: SitesOf) -> Iterator[URL]:
    """A file at fractal-server 2.9, with rows, and without a write-ahead log."""
    url = sites_of("sqlite").at(BASELINE)
    with closing(sqlite3.connect(str(url.database))) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    yield url
    sites_of("sqlite").drop_copies()


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

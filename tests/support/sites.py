"""Databases of fractal-server 2.9, of every kind that is out there, brought to any revision."""

from collections.abc import Callable, Iterator
from functools import cache

import pytest
from sqlalchemy import URL

from fractal_models.testing.databases import Databases
from tests.support.databases import upgrade
from tests.support.early_database import create_early
from tests.support.rows import fill
from tests.support.server_2_9 import BASELINE


class Sites:
    """Copies of one database; it is upgraded once for each revision that is asked for."""

    def __init__(self, databases: Databases, baseline: URL) -> None:
        self.databases = databases
        self._templates = {BASELINE: baseline}
        self._copies: list[URL] = []

    def template(self, revision: str) -> URL:
        """The database at a revision, which nobody may change."""
        if revision not in self._templates:
            self._templates[revision] = self.databases.create(self._templates[BASELINE])
            upgrade(self._templates[revision], revision)
        return self._templates[revision]

    def at(self, revision: str) -> URL:
        """A database of the test's own; it lives as long as the test."""
        self._copies.append(self.databases.create(self.template(revision)))
        return self._copies[-1]

    def drop_copies(self) -> None:
        while self._copies:
            self.databases.drop(self._copies.pop())

    def drop(self) -> None:
        for url in self._templates.values():
            self.databases.drop(url)


def create_young(databases: Databases) -> URL:
    """A database of fractal-server 2.9 that a late release created, as every one on SQLite looks."""
    url = databases.create()
    upgrade(url, BASELINE)
    return url


SitesOf = Callable[..., Sites]


@pytest.fixture(scope="session")
def sites_of(fractal_sqlite_databases: Databases, fractal_postgresql_databases: Databases) -> Iterator[SitesOf]:
    """Gives the sites of a kind ("sqlite", "young" or "early" on PostgreSQL), with rows or without."""
    made: list[Sites] = []

    @cache
    def sites(kind: str, *, rows: bool = True) -> Sites:
        databases = fractal_sqlite_databases if kind == "sqlite" else fractal_postgresql_databases
        baseline = create_early(databases) if kind == "early" else create_young(databases)
        made.append(Sites(databases, fill(baseline) if rows else baseline))
        return made[-1]

    yield sites
    for each in made:
        each.drop()


@pytest.fixture(params=["sqlite", "early", pytest.param("young", marks=pytest.mark.thorough)])
def main_sites(request: pytest.FixtureRequest, sites_of: SitesOf) -> Iterator[Sites]:
    """Tests that use it run on both engines, and with `--thorough` on every kind."""
    yield sites_of(request.param)
    sites_of(request.param).drop_copies()


@pytest.fixture(params=["sqlite", "young", "early"])
def all_sites(request: pytest.FixtureRequest, sites_of: SitesOf) -> Iterator[Sites]:
    """Tests that use it run on every kind."""
    yield sites_of(request.param)
    sites_of(request.param).drop_copies()


@pytest.fixture(params=["sqlite", "early"])
def sites(request: pytest.FixtureRequest, sites_of: SitesOf) -> Iterator[Sites]:
    """Tests that use it run on both engines."""
    yield sites_of(request.param)
    sites_of(request.param).drop_copies()


@pytest.fixture
def postgres_sites(sites_of: SitesOf) -> Iterator[Sites]:
    yield sites_of("early")
    sites_of("early").drop_copies()


@pytest.fixture
def sqlite_sites(sites_of: SitesOf) -> Iterator[Sites]:
    yield sites_of("sqlite")
    sites_of("sqlite").drop_copies()

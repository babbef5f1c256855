"""The example server: one per engine, for tests that bring users of their own."""

import os
import shutil
from collections.abc import Iterator

import httpx
import pytest
from sqlalchemy import URL
from sqlmodel import Session

from fractal_models.database import create_engine
from fractal_models.testing.databases import Databases
from tests.support.example_clients import register
from tests.support.example_server import Served, environment, free_port, serve, serve_app

# Not every machine has a browser.
BROWSER = os.environ.get("FRACTAL_TEST_BROWSER") or next(
    filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), ""
)
collect_ignore = [] if BROWSER else ["test_docs_page.py"]


@pytest.fixture(scope="package")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The identity provider."""
    port = free_port()
    log_file = tmp_path_factory.mktemp("provider") / "provider.log"
    with serve("provider.py", environment("", PROVIDER_PORT=port), port, log_file) as served:
        yield served


@pytest.fixture(scope="package")
def shared_url(databases: Databases) -> Iterator[URL]:
    """The database of `shared`."""
    url = databases.create_at_head()
    yield url
    databases.drop(url)


@pytest.fixture(scope="package")
def shared(shared_url: URL, provider: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The server that the tests of an engine share."""
    with serve_app(shared_url, tmp_path_factory.mktemp("app"), provider.url) as served:
        yield served
    assert served.log() == ""


@pytest.fixture(scope="package")
def client(shared: Served) -> Iterator[httpx.Client]:
    """A client of a user of the shared server: one for all tests, for every log-in takes a while."""
    with register(shared) as client:
        yield client


@pytest.fixture
def rows(shared_url: URL) -> Iterator[Session]:
    """A session of the database of the shared server."""
    engine = create_engine(shared_url)
    with Session(engine) as session:
        yield session
    engine.dispose()

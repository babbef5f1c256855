"""Servers that only speak the protocol of PostgreSQL are refused in one line."""

from collections.abc import Iterator

import pytest
from sqlalchemy import URL

from fractal_models.database import DatabaseState, UnreachableError, inspect_database
from fractal_models.testing.databases import PostgreSQLDatabases
from tests.support.commandline import run
from tests.support.drivers import POSTGRESQL_DRIVERS, Client
from tests.support.servers import administer

VERSIONS = {
    "CockroachDB": "CockroachDB CCL v25.2.1 (x86_64-pc-linux-gnu, built 2025/05/28 13:44:03, go1.23.7)",
    "Aurora DSQL": "PostgreSQL 16 (Aurora DSQL)",
}


@pytest.fixture(scope="module", params=VERSIONS)
def product(
    request: pytest.FixtureRequest, fractal_postgresql_databases: PostgreSQLDatabases
) -> Iterator[tuple[str, URL]]:
    """A database of a server that gives another version, and the product that it names."""
    url = fractal_postgresql_databases.create()
    version = VERSIONS[request.param]
    statements = {
        # SQLAlchemy asks for this one, and gives up.
        "CockroachDB": ["SET allow_system_table_mods = on", "CREATE OR REPLACE FUNCTION pg_catalog"],
        "Aurora DSQL": [
            f'ALTER DATABASE "{url.database}" SET search_path = product, pg_catalog, public',
            "CREATE SCHEMA product",
            "CREATE FUNCTION product",
        ],
    }[request.param]
    body = f".version() RETURNS text LANGUAGE sql AS $$ SELECT '{version}'::text $$"
    administer(url, *statements[:-1], statements[-1] + body)
    yield request.param, url
    fractal_postgresql_databases.drop(url)


@pytest.mark.parametrize("driver", POSTGRESQL_DRIVERS)
def test_engine_of_each_driver_refuses_it(driver: str, product: tuple[str, URL]) -> None:
    name, url = product
    with Client(driver, url) as client, pytest.raises(UnreachableError, match=f"{name} is not supported: it lacks adv"):
        client.run(lambda connection: None)


@pytest.mark.parametrize(
    "arguments", [["status"], ["doctor"], ["wait"], ["upgrade", "head"]], ids=lambda words: words[0]
)
def test_each_command_refuses_it_in_one_line(arguments: list[str], product: tuple[str, URL]) -> None:
    name, url = product

    outcome = run(*arguments, url=url)

    assert outcome.code == 7
    assert f"{name} is not supported" in outcome.all
    assert outcome.err.count("\n") == (arguments[0] != "status")
    assert inspect_database(url).state is DatabaseState.UNSUPPORTED


def test_postgresql_is_not_refused(postgres_url: URL) -> None:
    assert inspect_database(postgres_url).state is DatabaseState.AT_HEAD

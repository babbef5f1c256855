"""The first revision is the database of fractal-server 2.9, name by name."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from sqlalchemy import URL

from fractal_models.database import create_engine
from fractal_models.testing.databases import Databases
from tests.support import server_2_9
from tests.support.catalog import catalog, differences, revisions
from tests.support.databases import alembic_config, upgrade


@pytest.fixture
def postgres_url(fractal_postgresql_databases: Databases) -> Iterator[URL]:
    """An empty database on PostgreSQL, the one engine of fractal-server 2.9."""
    url = fractal_postgresql_databases.create()
    yield url
    fractal_postgresql_databases.drop(url)


@pytest.fixture
def server_url(postgres_url: URL) -> URL:
    """A database as fractal-server 2.9 leaves it; no migration of ours has touched it."""
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        for statement in server_2_9.statements():
            connection.execute(sa.text(statement))
    engine.dispose()
    return postgres_url


def test_history_begins_where_fractal_server_2_9_ends() -> None:
    assert ScriptDirectory.from_config(alembic_config()).get_base() == server_2_9.BASELINE


def test_baseline_builds_the_tables_of_fractal_server(postgres_url: URL) -> None:
    upgrade(postgres_url, server_2_9.BASELINE)

    tables = catalog(postgres_url)["tables"]

    assert tables == {name: sorted(definitions) for name, definitions in server_2_9.DEFINITIONS.items()}


def test_baseline_builds_the_indexes_and_sequences_of_fractal_server_and_nothing_else(postgres_url: URL) -> None:
    upgrade(postgres_url, server_2_9.BASELINE)

    found = catalog(postgres_url)

    assert found["indexes"] == {name: [definition] for name, definition in server_2_9.INDEXES.items()}
    assert list(found["sequences"]) == server_2_9.SEQUENCES
    assert found["objects"] == found["comments"] == {}


def test_database_of_fractal_server_has_the_catalog_of_the_baseline(
    server_url: URL, fractal_postgresql_databases: Databases
) -> None:
    own_url = fractal_postgresql_databases.create()
    upgrade(own_url, server_2_9.BASELINE)

    assert differences(catalog(server_url), catalog(own_url)) == []
    assert revisions(server_url) == revisions(own_url)
    fractal_postgresql_databases.drop(own_url)


def test_database_of_fractal_server_upgrades_to_the_same_head_as_an_empty_one(
    server_url: URL, fractal_postgresql_databases: Databases
) -> None:
    own_url = fractal_postgresql_databases.create_at_head()

    upgrade(server_url)

    assert differences(catalog(server_url), catalog(own_url)) == []
    assert revisions(server_url) == revisions(own_url)
    fractal_postgresql_databases.drop(own_url)


def test_baseline_has_the_same_columns_and_constraints_on_sqlite(fractal_sqlite_databases: Databases) -> None:
    url = fractal_sqlite_databases.create()
    upgrade(url, server_2_9.BASELINE)

    tables = catalog(url)["tables"]

    assert {table: _outline(definitions) for table, definitions in tables.items()} == {
        table: _outline(definitions) for table, definitions in server_2_9.DEFINITIONS.items()
    }
    fractal_sqlite_databases.drop(url)


def _outline(definitions: list[str]) -> list[tuple[str, bool]]:
    """Names of columns and constraints, and which of them are NOT NULL: what both engines write alike."""
    names = (definition.removeprefix("CONSTRAINT ").split()[0].strip('"') for definition in definitions)
    return sorted(zip(names, ("NOT NULL" in definition for definition in definitions), strict=True))

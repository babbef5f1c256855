"""The schema is compared with that of its revision: at each revision, on both engines, and while it changes."""

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import URL

from fractal_models.database import DatabaseState, inspect_database
from fractal_models.database.connection.engine import connect
from fractal_models.database.inspection.schema import differences, expected_facts, read_facts
from fractal_models.testing.databases import Databases
from tests.support.commandline import text_of
from tests.support.databases import alembic_config, upgrade
from tests.support.processes import Migrator
from tests.support.server_2_9 import BASELINE

REVISIONS = [script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()][::-1]


def assert_no_drift_at_any_revision(url: URL) -> None:
    for revision in REVISIONS:
        upgrade(url, revision)
        with connect(url) as connection:
            assert list(differences(connection, revision)) == []


def test_young_database_has_no_drift_at_any_revision(site_url: URL) -> None:
    assert_no_drift_at_any_revision(site_url)


def test_early_database_has_no_drift_at_any_revision(early_url: URL) -> None:
    assert_no_drift_at_any_revision(early_url)


def test_facts_are_the_same_on_both_engines(url: URL) -> None:
    with connect(url) as connection:
        assert read_facts(connection, names=True) == expected_facts(REVISIONS[-1])


@pytest.mark.parametrize("start", ["base", BASELINE])
def test_state_is_never_wrong_while_somebody_upgrades(databases: Databases, start: str) -> None:
    url = databases.create()
    upgrade(url, start)
    migrator = Migrator(text_of(url))
    seen = {inspect_database(url).state}

    migrator.go()
    while DatabaseState.AT_HEAD not in seen:
        seen.add(inspect_database(url).state)

    assert migrator.finish() is not None
    # On SQLite there may be a file without a table for a moment.
    assert seen <= {
        DatabaseState.FILE_NOT_FOUND,
        DatabaseState.EMPTY,
        DatabaseState.SERVER_2_9,
        DatabaseState.BEHIND,
        DatabaseState.AT_HEAD,
    }
    databases.drop(url)

"""`kill -9` at any moment of an upgrade: the database is then at a revision, and the next upgrade finishes."""

import random
import time
from collections import Counter

import pytest
from sqlalchemy import URL

from fractal_models.database import DatabaseState, inspect_database
from fractal_models.testing.databases import Databases
from tests.support.catalog import catalog
from tests.support.commandline import text_of
from tests.support.databases import upgrade
from tests.support.early_database import create_early
from tests.support.processes import Migrator
from tests.support.rows import content, fill
from tests.support.server_2_9 import BASELINE
from tests.support.sessions import wait_for_the_end_of_other_sessions

ROWS = 200


@pytest.fixture(scope="session")
def kills(thorough: bool) -> int:
    """How many upgrades are killed; 50 for the figures that the documentation gives."""
    return 50 if thorough else 3


def test_killed_upgrade_of_a_young_database(
    databases: Databases, kills: int, capsys: pytest.CaptureFixture[str]
) -> None:
    url = databases.create()
    upgrade(url, BASELINE)

    seen = kill_upgrades(databases, fill(url, ROWS), kills)

    tell(capsys, databases.dialect, seen)


def test_killed_upgrade_of_an_early_database(
    fractal_postgresql_databases: Databases, kills: int, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = kill_upgrades(fractal_postgresql_databases, fill(create_early(fractal_postgresql_databases), ROWS), kills)

    tell(capsys, "postgresql, early names", seen)


def kill_upgrades(databases: Databases, template: URL, kills: int) -> Counter[str]:
    """Kill upgrades of copies at random moments, and finish them; count where they were."""
    rows = content(template)
    undisturbed = databases.create(template)
    migrator = Migrator(text_of(undisturbed))
    migrator.go()
    duration = migrator.finish()
    assert duration is not None
    wanted = catalog(undisturbed)
    databases.drop(undisturbed)

    seen: Counter[str] = Counter()
    for _ in range(kills):
        url = databases.create(template)
        migrator = Migrator(text_of(url))
        migrator.go()
        time.sleep(random.uniform(0, duration))
        migrator.kill()

        wait_for_the_end_of_other_sessions(url)
        status = inspect_database(url)
        # Not drifted: the schema is that of the revision, or on the way to the next one.
        assert status.state in {DatabaseState.SERVER_2_9, DatabaseState.BEHIND, DatabaseState.AT_HEAD}, status.message
        assert content(url) == rows
        seen[status.revisions[0]] += 1

        upgrade(url)
        assert inspect_database(url).state is DatabaseState.AT_HEAD
        assert catalog(url) == wanted
        assert content(url) == rows
        databases.drop(url)
    databases.drop(template)
    return seen


def tell(capsys: pytest.CaptureFixture[str], name: str, seen: Counter[str]) -> None:
    where = ", ".join(f"{number} at {revision}" for revision, number in seen.items())
    with capsys.disabled():
        print(f"\n{name}: {seen.total()} killed upgrades left a revision and were finished ({where})")

"""`kill -9` at any moment of a conversion: the database is then as it was, or at head."""

import random
import time
from collections import Counter
from datetime import UTC, datetime

import pytest

from fractal_models.database.revisions.history import head
from fractal_models.testing.databases import Databases
from tests.support.catalog import catalog, revisions
from tests.support.old_databases.conversions import CONVERT, OldDatabase, conversion_errors, convert, create_old
from tests.support.old_databases.schemas import Family
from tests.support.processes import Forked
from tests.support.sessions import wait_for_the_end_of_other_sessions


@pytest.fixture(scope="session")
def kills(thorough: bool) -> int:
    """How many conversions are killed; 50 for the figures that the documentation gives."""
    return 50 if thorough else 2


def copy_of(databases: Databases, old: OldDatabase) -> OldDatabase:
    return OldDatabase(databases.create(old.url), old.schema, old.revision, old.rows)


def test_killed_conversion(databases: Databases, kills: int, capsys: pytest.CaptureFixture[str]) -> None:
    template = create_old(databases, 17, Family.LATE)
    untouched = template.snapshot()
    duration, wanted = undisturbed(databases, template)

    seen: Counter[str] = Counter()
    for _ in range(kills):
        old = copy_of(databases, template)
        began = datetime.now(UTC)
        process = Forked(*CONVERT, url=old.url)
        process.wait_until_it_says("converting")
        time.sleep(random.uniform(0, 1.2 * duration))
        process.kill()

        wait_for_the_end_of_other_sessions(old.url)
        if revisions(old.url) == [old.revision]:
            assert old.snapshot() == untouched
            seen["untouched"] += 1
            began = datetime.now(UTC)
            outcome = convert(old.url)
            assert outcome.code == 0, outcome.all
        else:
            assert revisions(old.url) == [head()]
            seen["at head"] += 1
        assert conversion_errors(old, began) == []
        assert catalog(old.url) == wanted
        databases.drop(old.url)
    databases.drop(template.url)

    with capsys.disabled():
        print(f"\n{databases.dialect}: {seen.total()} killed conversions left the database {dict(seen)}")


def undisturbed(databases: Databases, template: OldDatabase) -> tuple[float, object]:
    """Seconds that a conversion takes once it has begun, and the catalog that it leaves."""
    old = copy_of(databases, template)
    process = Forked(*CONVERT, url=old.url)
    process.wait_until_it_says("converting")
    start = time.monotonic()
    outcome = process.finish()
    assert outcome.code == 0, outcome.all
    duration = time.monotonic() - start
    found = catalog(old.url)
    databases.drop(old.url)
    return duration, found

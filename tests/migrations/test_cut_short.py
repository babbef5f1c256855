"""A revision that was cut short, before any of its statements, goes on from there the next time."""

from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy import URL

from fractal_models.database import DatabaseState, inspect_database
from fractal_models.database.connection.engine import maintenance_engine
from tests.migrations.test_rows import STEPS
from tests.support.catalog import catalog, differences, revisions
from tests.support.databases import alembic_config
from tests.support.rows import content
from tests.support.server_2_9 import BASELINE
from tests.support.sites import Sites

READING = ("SELECT", "SHOW", "SET", "RESET")


class CutShortError(Exception):
    """Stands for the death of the process."""


def migrate(url: URL, direction: str, revision: str, statements: int) -> bool:
    """Run a revision, but no more than so many statements of it that change anything; tell whether it ended."""
    engine = maintenance_engine(url)
    left = statements

    @sa.event.listens_for(engine, "before_cursor_execute")
    def cut_short(_connection: object, _cursor: object, statement: str, *_: Any) -> None:
        nonlocal left
        if not statement.lstrip().upper().startswith(READING):
            left -= 1
            if left < 0:
                raise CutShortError

    config = alembic_config()
    config.attributes |= {"connection": engine, "report": lambda _line: None}
    try:
        getattr(command, direction)(config, revision)
    except CutShortError:
        return False
    return True


RUNS = [
    pytest.param(kind, below, above, direction, marks=[] if chosen else [pytest.mark.thorough])
    for kind in ("sqlite", "early")
    for below, above in STEPS
    for direction in ("upgrade", "downgrade")
    # On SQLite a run is one transaction, whatever its statements are.
    for chosen in [kind != "sqlite" or (below, above) == STEPS[2]]
]


@pytest.mark.parametrize(("sites", "below", "above", "direction"), RUNS, indirect=["sites"])
def test_run_goes_on_where_the_last_one_was_cut_short(
    sites: Sites, below: str, above: str, direction: str, thorough: bool
) -> None:
    source, target = (below, above) if direction == "upgrade" else (above, below)
    url = sites.at(source)
    rows = content(url)

    # Each run does again, or finds done, what the one before did, and comes further.
    statements = 0
    while not migrate(url, direction, target, statements):
        # On PostgreSQL, a downgrade moves to the revision below before it dismantles the one above.
        moves_first = direction == "downgrade" and url.get_backend_name() == "postgresql"
        assert revisions(url) in ([source], [target] if moves_first else [source])
        statements = statements + 1 if thorough else 3 * statements + 1

    assert statements > 1
    assert revisions(url) == [target]
    assert differences(catalog(url), catalog(sites.template(target))) == []
    assert content(url) == rows


@pytest.mark.parametrize(("below", "above"), STEPS)
def test_upgrade_that_was_cut_short_leaves_nothing_on_the_way_down(
    postgres_sites: Sites, below: str, above: str
) -> None:
    for statements in (1, 8):
        url = postgres_sites.at(below)
        if migrate(url, "upgrade", above, statements):
            break

        assert migrate(url, "downgrade", BASELINE, 10_000)

        assert revisions(url) == [BASELINE]
        assert differences(catalog(url), catalog(postgres_sites.template(BASELINE))) == []


@pytest.mark.parametrize(("below", "above"), STEPS)
def test_downgrade_that_was_cut_short_is_undone_on_the_way_up(postgres_sites: Sites, below: str, above: str) -> None:
    for statements in (1, 8):
        url = postgres_sites.at(above)
        if migrate(url, "downgrade", below, statements):
            break
        status = inspect_database(url)
        assert status.state is not DatabaseState.DRIFTED or "a downgrade from there was cut short" in status.remedy

        assert migrate(url, "upgrade", "head", 10_000)

        assert inspect_database(url).state is DatabaseState.AT_HEAD
        assert differences(catalog(url), catalog(postgres_sites.template("head"))) == []


def test_on_sqlite_a_run_that_was_cut_short_has_done_nothing(sqlite_sites: Sites) -> None:
    below, above = STEPS[2]
    url = sqlite_sites.at(below)

    assert not migrate(url, "upgrade", above, statements=20)

    assert differences(catalog(url), catalog(sqlite_sites.template(below))) == []

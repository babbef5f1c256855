"""What revisions say of themselves: rows that block them, what they lose; and what happens when one of them fails."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.util import CommandError
from sqlalchemy import URL
from sqlalchemy.exc import IntegrityError

from fractal_models.database import DatabaseState, inspect_database
from fractal_models.database.connection.engine import connect
from fractal_models.database.revisions.history import head
from fractal_models.testing.databases import Databases
from tests.support.catalog import catalog, revisions
from tests.support.commandline import run
from tests.support.databases import upgrade
from tests.support.dumps import snapshot
from tests.support.histories import History, released
from tests.support.rows import content, fill
from tests.support.server_2_9 import BASELINE


@pytest.fixture
def history(tmp_path: Path) -> History:
    folder = tmp_path / "later"
    folder.mkdir()
    return History(folder)


@pytest.fixture
def crowded_url(databases: Databases) -> Iterator[URL]:
    """A database of fractal-server 2.9 with 25 rows in each table."""
    url = databases.create()
    upgrade(url, BASELINE)
    yield fill(url, 25)
    databases.drop(url)


def rule(table: str, query: str | dict[str, str]) -> dict[str, object]:
    return {"table": table, "reason": f"is in the way ({table})", "remedy": f"Look at {table}", "query": query}


EVERY_RESOURCE = rule("resource", "SELECT id FROM resource WHERE path LIKE '/data/%' ORDER BY id")
FIRST_10 = ", ".join(str(n) for n in range(1, 11))


def test_rows_that_block_a_revision_are_named_before_anything_is_changed(history: History, crowded_url: URL) -> None:
    history.add("aaaa00000001", "CREATE TABLE one (id INTEGER)")
    history.add("aaaa00000002", "CREATE TABLE two (id INTEGER)", preflight=[EVERY_RESOURCE])
    before = snapshot(crowded_url)

    with released(history):
        outcome = run("upgrade", "head", "--yes", url=crowded_url)

    assert snapshot(crowded_url) == before
    assert outcome.code == 4
    assert "upgrade to" not in outcome.out
    assert outcome.err == (
        f"fractal-models: rows are in the way, so nothing was changed: resource {FIRST_10}, … (25 in all): "
        "is in the way (resource). Look at resource.\n"
    )


def test_plain_alembic_refuses_alike(history: History, crowded_url: URL) -> None:
    history.add("aaaa00000001", preflight=[EVERY_RESOURCE])
    before = snapshot(crowded_url)

    with pytest.raises(CommandError, match=r"so nothing was changed: resource 1, 2, .* \(25 in all\)"):
        command.upgrade(history.config(crowded_url), "head")

    assert snapshot(crowded_url) == before


def test_all_rules_of_all_pending_revisions_are_asked_at_once(history: History, site_url: URL) -> None:
    two_keys = rule("linkusergroup", "SELECT group_id, user_id FROM linkusergroup WHERE user_id = 2")
    history.add("aaaa00000001", preflight=[EVERY_RESOURCE, two_keys])
    history.add("aaaa00000002", preflight=[rule("state", "SELECT id FROM state WHERE id = 3")])

    with pytest.raises(CommandError) as raised:
        command.upgrade(history.config(site_url), "head")

    assert str(raised.value).endswith(
        "nothing was changed: resource 1, 2, 3: is in the way (resource). Look at resource. "
        "linkusergroup (2, 2): is in the way (linkusergroup). Look at linkusergroup. "
        "state 3: is in the way (state). Look at state."
    )


def test_rule_may_differ_by_engine_or_be_of_one_alone(history: History, site_url: URL) -> None:
    both = {"sqlite": "SELECT 1001", "postgresql": "SELECT 1002"}
    history.add("aaaa00000001", preflight=[rule("state", both), rule("task", {"sqlite": "SELECT 1003"})])

    with pytest.raises(CommandError) as raised:
        command.upgrade(history.config(site_url), "head")

    sqlite = site_url.get_backend_name() == "sqlite"
    assert ("1001" in str(raised.value), "1002" in str(raised.value)) == (sqlite, not sqlite)
    assert ("1003" in str(raised.value)) == sqlite


def test_upgrade_goes_through_once_the_rows_are_mended(history: History, site_url: URL) -> None:
    history.add("aaaa00000001", "CREATE TABLE one (id INTEGER)", preflight=[EVERY_RESOURCE])
    with connect(site_url) as connection:
        connection.execute(sa.text("UPDATE resource SET path = '/elsewhere'"))
        connection.commit()
    rows = content(site_url)

    command.upgrade(history.config(site_url), "head")

    assert revisions(site_url) == ["aaaa00000001"]
    assert content(site_url) == rows


def test_rules_of_revisions_that_are_not_asked_for_do_not_count(history: History, site_url: URL) -> None:
    history.add("aaaa00000001", "CREATE TABLE one (id INTEGER)", downgrade=("DROP TABLE one",))
    history.add("aaaa00000002", preflight=[EVERY_RESOURCE])

    command.upgrade(history.config(site_url), "aaaa00000001")
    command.downgrade(history.config(site_url), BASELINE)

    assert revisions(site_url) == [BASELINE]


def test_empty_database_is_asked_nothing(history: History, empty_url: URL) -> None:
    history.add("aaaa00000001", preflight=[EVERY_RESOURCE])

    command.upgrade(history.config(empty_url), "head")

    assert revisions(empty_url) == ["aaaa00000001"]


def test_doctor_names_all_rows_that_block_and_changes_nothing(history: History, crowded_url: URL) -> None:
    history.add("aaaa00000001", preflight=[EVERY_RESOURCE])
    before = snapshot(crowded_url)

    with released(history):
        outcome, as_json = run("doctor", url=crowded_url), run("doctor", "--json", url=crowded_url)

    assert snapshot(crowded_url) == before
    assert (outcome.code, as_json.code) == (4, 4)
    assert f"blocks an upgrade: resource {FIRST_10}, … (25 in all): is in the way (resource)" in outcome.out
    [finding] = json.loads(as_json.out)["blocking"]
    assert finding == {
        "table": "resource",
        "rows": list(range(1, 26)),
        "reason": "is in the way (resource)",
        "remedy": "Look at resource",
    }


# A revision that fails


def test_failing_revision_leaves_the_revision_before_it(history: History, site_url: URL) -> None:
    history.add("aaaa00000001", "CREATE TABLE one (id INTEGER)")
    history.add("aaaa00000002", "CREATE TABLE two (id INTEGER)", "INSERT INTO project (id) VALUES (1)")
    rows = content(site_url)

    with pytest.raises(IntegrityError):
        command.upgrade(history.config(site_url), "head")

    # SQLite does all revisions in one transaction, PostgreSQL each in its own.
    sqlite = site_url.get_backend_name() == "sqlite"
    assert revisions(site_url) == [BASELINE if sqlite else "aaaa00000001"]
    assert ("one" in catalog(site_url)["tables"]) == (not sqlite)
    assert "two" not in catalog(site_url)["tables"]
    assert content(site_url) == rows


def test_upgrade_finishes_once_a_failing_revision_is_mended(history: History, site_url: URL, url: URL) -> None:
    history.add("aaaa00000001", "CREATE TABLE one (id INTEGER)")
    below = history.last
    history.add("aaaa00000002", "CREATE TABLE two (id INTEGER)", "INSERT INTO project (id) VALUES (1)")
    with pytest.raises(IntegrityError):
        command.upgrade(history.config(site_url), "head")
    history.last = below
    history.add("aaaa00000002", "CREATE TABLE two (id INTEGER)")

    command.upgrade(history.config(site_url), "head")

    assert revisions(site_url) == ["aaaa00000002"]
    own = {name: definitions for name, definitions in catalog(site_url)["tables"].items() if name not in ("one", "two")}
    assert own == catalog(url)["tables"]


def test_failing_revision_is_told_in_one_line_without_the_row(history: History, site_url: URL) -> None:
    history.add("aaaa00000001", "UPDATE user_oauth SET email = NULL WHERE hashed_password = 'secret-hash-1'")

    with released(history):
        outcome = run("upgrade", "head", "--yes", url=site_url)

    assert outcome.code == 1
    assert outcome.err.startswith("fractal-models: IntegrityError: ")
    assert outcome.err.count("\n") == 1
    assert "email" in outcome.err
    assert "secret" not in outcome.all


# What cannot be undone

LOSS = "Logs are cut at 100 characters."


@pytest.fixture
def lossy(history: History) -> Iterator[History]:
    history.add("aaaa00000001", "UPDATE jobv2 SET log = substr(log, 1, 100)", irreversible=LOSS)
    with released(history):
        yield history


def test_upgrade_that_cannot_be_undone_reminds_of_a_backup(lossy: History, site_url: URL) -> None:
    before = snapshot(site_url)

    outcome = run("upgrade", "head", url=site_url)

    assert snapshot(site_url) == before
    assert outcome.code == 9
    assert outcome.err == (
        f"fractal-models: This cannot be fully undone: {LOSS} Make sure that there is a backup. Continue? "
        "Not a terminal; pass --yes\n"
    )


def test_upgrade_that_cannot_be_undone_takes_yes(lossy: History, site_url: URL) -> None:
    assert run("upgrade", "head", "--yes", url=site_url).code == 0
    assert revisions(site_url) == ["aaaa00000001"]


def test_database_without_rows_has_nothing_to_lose(lossy: History, empty_url: URL) -> None:
    assert run("upgrade", "head", url=empty_url).code == 0
    assert revisions(empty_url) == ["aaaa00000001"]


def test_what_is_lost_already_is_not_asked_for_again(history: History, site_url: URL) -> None:
    history.add("aaaa00000001", irreversible=LOSS)
    history.add("aaaa00000002")

    with released(history):
        assert run("upgrade", "aaaa00000001", "--yes", url=site_url).code == 0
        assert run("upgrade", "head", url=site_url).code == 0


def test_status_names_the_pending_revisions(history: History, url: URL) -> None:
    history.add("aaaa00000001", title="Cut long logs")

    with released(history):
        status = inspect_database(url)
        outcome = run("status", url=url)

    assert status.state is DatabaseState.BEHIND
    assert status.pending == (("aaaa00000001", "Cut long logs"),)
    assert outcome.code == 3
    assert f"at revision {head()}, 1 behind aaaa00000001" in outcome.out
    assert "pending   aaaa00000001 Cut long logs" in outcome.out.splitlines()

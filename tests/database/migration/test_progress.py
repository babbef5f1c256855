"""A run says which database it moves from where to where, what takes long, and where it has ended."""

import re

import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy import URL, Connection

from fractal_models.database import alembic_config, create_engine
from fractal_models.database.connection.engine import maintenance_engine
from fractal_models.database.migration import progress
from fractal_models.database.revisions.history import head, pending
from tests.support.commandline import ALEMBIC, finish, run, start
from tests.support.databases import mainly_on
from tests.support.server_2_9 import BASELINE

DONE = re.compile(r"done in \d+\.\d s: ")


@mainly_on("sqlite")
def test_run_says_where_it_begins_and_ends(site_url: URL) -> None:
    number = len(pending(BASELINE))
    database = f"database {site_url.render_as_string()}"

    up = run("upgrade", "head", url=site_url).out.splitlines()
    again = run("upgrade", "head", url=site_url).out.splitlines()
    down = run("downgrade", BASELINE, "--yes", url=site_url).out.splitlines()

    assert up[:2] == [database, f"upgrade from {BASELINE} to {head()}, {number} revisions"]
    assert DONE.sub("", up[-1]) == f"at head, {head()}"
    assert again == [database, f"at head, {head()}: nothing to do"]
    assert down[:2] == [database, f"downgrade from {head()} to {BASELINE}, {number} revisions"]
    assert DONE.sub("", down[-1]) == f"at {BASELINE}"


def test_plain_alembic_says_the_same(sqlite_site: URL) -> None:
    lines = finish(start("upgrade", "head", url=sqlite_site, program=ALEMBIC)).out.splitlines()

    assert lines[0] == f"database {sqlite_site.render_as_string()}"
    assert lines[1].startswith(f"upgrade from {BASELINE} to {head()}, ")
    assert DONE.sub("", lines[-1]) == f"at head, {head()}"


def test_ends_of_history_have_names(sqlite_url: URL) -> None:
    down = run("downgrade", "base", "--yes", "--drop-tables", url=sqlite_url).out.splitlines()
    up = run("upgrade", BASELINE, url=sqlite_url).out.splitlines()

    assert down[1].startswith(f"downgrade from {head()} to base, ")
    assert DONE.sub("", down[-1]) == "empty"
    assert up[1] == f"upgrade from an empty database to {BASELINE}, 1 revision"


def test_command_that_moves_nothing_says_nothing_of_it(sqlite_url: URL) -> None:
    assert run("stamp", "head", url=sqlite_url).out == ""
    assert run("current", url=sqlite_url).out == f"{head()} (head)\n"


def test_password_is_not_shown(early_url: URL) -> None:
    outcome = run("upgrade", "head", url=early_url.set(password="secret-password"))

    assert outcome.out.startswith(f"database {early_url.set(password='x').render_as_string()}\n")
    assert "secret" not in outcome.all


def test_transaction_of_a_caller_is_reported_too(sqlite_site: URL) -> None:
    lines: list[str] = []
    config = alembic_config()
    engine = create_engine(sqlite_site)
    with maintenance_engine(sqlite_site).connect() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
        connection.exec_driver_sql("BEGIN")
        config.attributes |= {"connection": connection, "report": lines.append}
        command.upgrade(config, "head")
    engine.dispose()

    assert lines[1].startswith(f"upgrade from {BASELINE} to {head()}, ")
    assert DONE.sub("", lines[-1]) == f"at head, {head()}"


# What takes long


class Slow:
    """An upgrade whose first index has to wait until something has been said of it."""

    def __init__(self, url: URL) -> None:
        self.url = url
        self.said: list[str] = []
        self.config = alembic_config(url)

    def upgrade(self, attribute: str, pattern: str) -> None:
        def hear(line: str) -> None:
            self.said.append(line)
            if re.search(pattern, line):
                blocking.rollback()

        self.config.attributes[attribute] = hear
        with maintenance_engine(self.url).connect() as blocking:
            self._hold_snapshot(blocking)
            command.upgrade(self.config, "head")

    def _hold_snapshot(self, connection: Connection) -> None:
        """Let `CREATE INDEX CONCURRENTLY` wait for this transaction."""
        connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        connection.execute(sa.text("SELECT 1"))


FIRST_INDEX = "index ix_applyworkflow_project_id"


def test_what_takes_long_is_told_on_lines_of_growing_distance(early_url: URL, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "FIRST_REPORT", 0.5)
    slow = Slow(early_url)

    slow.upgrade("report", r": [2-9] s so far")

    told = [line for line in slow.said if "so far" in line]
    assert len(told) > 1
    assert all(re.fullmatch(rf"  {FIRST_INDEX}: \d s so far", line) for line in told)


def test_what_is_quick_is_not_told(site_url: URL) -> None:
    assert "so far" not in run("upgrade", "head", url=site_url).out


def test_spinner_shows_what_is_at_work_and_for_how_long(early_url: URL) -> None:
    slow = Slow(early_url)

    slow.upgrade("working", r", [12] s$")

    for expected in (
        "checking the schema",
        "checking the rows",
        f"revision {head()}",
        "constraint names on applyworkflow",
        FIRST_INDEX,
        "foreign key fk_jobv2_project_id_projectv2",
        "check ck_jobv2_status",
    ):
        assert expected in slow.said
    assert {f"{FIRST_INDEX}, 1 s", f"{FIRST_INDEX}, 2 s"} & set(slow.said)


def test_reader_that_goes_away_does_not_end_a_run(sqlite_site: URL) -> None:
    def break_pipe(_line: str) -> None:
        raise BrokenPipeError

    config = alembic_config(sqlite_site)
    config.attributes["report"] = break_pipe

    command.upgrade(config, "head")

    assert run("current", url=sqlite_site).out == f"{head()} (head)\n"

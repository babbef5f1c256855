"""A run that ends before its time: one line says why, where the database stands, and how to go on."""

import re
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy import URL, Connection, Engine

from fractal_models.database import alembic_config, inspect_database
from fractal_models.database.connection.engine import maintenance_engine
from tests.support.catalog import revisions
from tests.support.commandline import ALEMBIC, finish, run, start
from tests.support.processes import Forked
from tests.support.refusal import execute
from tests.support.server_2_9 import BASELINE

INTERRUPTED_AT = "4b8f0d6a91c3"
"""Where the database stands while the first index is created."""

AT_WORK = """
    SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'fractal-models%'
    AND state = 'active' AND wait_event = 'virtualxid'
"""


@contextmanager
def old_snapshot(url: URL) -> Iterator[Connection]:
    """A transaction that `CREATE INDEX CONCURRENTLY` waits for until it ends."""
    with maintenance_engine(url).connect() as connection:
        connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        connection.execute(sa.text("SELECT 1"))
        yield connection


def session_at_work(url: URL) -> int | None:
    """Process of the session that waits within `CREATE INDEX CONCURRENTLY`."""
    with maintenance_engine(url).connect() as connection:
        process: int | None = connection.scalar(sa.text(AT_WORK))
        return process


def wait_for_index(url: URL) -> int:
    deadline = time.monotonic() + 30
    while (process := session_at_work(url)) is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process


def line(reason: str, url: URL, program: str = "fractal-models") -> str:
    return f"{program}: {reason}; {inspect_database(url).message}; run the same command again to go on\n"


# Signals


@pytest.mark.parametrize(
    ("number", "driver", "code", "word"),
    [
        (signal.SIGINT, "psycopg2", 130, "interrupted"),
        (signal.SIGTERM, "psycopg2", 143, "terminated"),
        (signal.SIGINT, "psycopg", 130, "interrupted"),
        pytest.param(signal.SIGTERM, "psycopg", 143, "terminated", marks=pytest.mark.thorough),
    ],
)
def test_signal_cancels_the_statement_that_is_running(
    number: int, driver: str, code: int, word: str, early_url: URL
) -> None:
    with old_snapshot(early_url):
        upgrading = Forked("upgrade", "head", url=early_url.set(drivername=f"postgresql+{driver}"))
        wait_for_index(early_url)
        upgrading.send(number)
        outcome = upgrading.finish()

        assert session_at_work(early_url) is None
    assert (outcome.code, outcome.err) == (code, line(word, early_url))
    assert revisions(early_url) == [INTERRUPTED_AT]
    assert run("upgrade", "head", url=early_url).code == 0


def test_plain_alembic_is_interrupted_in_one_line_too(early_url: URL) -> None:
    with old_snapshot(early_url):
        upgrading = start("upgrade", "head", url=early_url, program=ALEMBIC)
        wait_for_index(early_url)
        upgrading.send_signal(signal.SIGTERM)
        outcome = finish(upgrading)

        assert session_at_work(early_url) is None
    assert outcome.code == 255
    assert outcome.out.endswith(line("terminated", early_url, "FAILED"))
    assert outcome.err == ""


def test_process_that_waits_within_the_driver_ends_soon(sqlite_site: URL) -> None:
    with closing(sqlite3.connect(sqlite_site.database or "", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        upgrading = Forked("upgrade", "head", url=sqlite_site)
        upgrading.wait_until_it_says("upgrade from")
        time.sleep(0.1)  # it then waits for the file, which no signal ends
        upgrading.send(signal.SIGTERM)
        outcome = upgrading.finish()

        assert (outcome.code, outcome.err) == (143, line("terminated", sqlite_site))


def test_second_signal_ends_the_process_at_once(early_url: URL) -> None:
    with maintenance_engine(early_url).connect() as other:
        # Where the database stands cannot be read.
        other.execute(sa.text("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE"))
        upgrading = Forked("upgrade", "head", url=early_url)
        begin = time.monotonic()
        while upgrading.running:
            time.sleep(0.3)
            upgrading.send(signal.SIGINT)
        outcome = upgrading.finish()

    assert outcome.code == 130
    assert outcome.err == "fractal-models: interrupted; run the same command again to go on\n"
    assert time.monotonic() - begin < 5


def test_interruption_of_a_program_stays_one(early_url: URL) -> None:
    engine = sa.create_engine(early_url, poolclass=sa.NullPool)

    @sa.event.listens_for(engine, "do_execute")
    def interrupt(_cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("CREATE INDEX CONCURRENTLY"):
            raise KeyboardInterrupt

    config = alembic_config()
    config.attributes["connection"] = engine

    with pytest.raises(KeyboardInterrupt) as raised:
        command.upgrade(config, "head")

    assert f"fractal-models: {raised.value}\n" == line("interrupted", early_url)


# Sessions and statements that others end


def test_connection_that_is_lost_is_told_with_what_the_driver_said(early_url: URL) -> None:
    with old_snapshot(early_url):
        upgrading = Forked("upgrade", "head", url=early_url)
        execute(early_url, f"SELECT pg_terminate_backend({wait_for_index(early_url)})")
        outcome = upgrading.finish()

    assert outcome.code == 7
    # The driver does not always read the last message of the server.
    [reason] = re.findall(r"the connection was lost \(.*\)", outcome.err)
    assert outcome.err == line(f"{early_url.render_as_string()}: {reason}", early_url)


def test_statement_that_is_cancelled_is_told_with_a_remedy(early_url: URL) -> None:
    with old_snapshot(early_url):
        upgrading = Forked("upgrade", "head", url=early_url)
        execute(early_url, f"SELECT pg_cancel_backend({wait_for_index(early_url)})")
        outcome = upgrading.finish()

    assert outcome.code == 8
    reason = "statement canceled (canceling statement due to user request)"
    remedy = "set statement_timeout to 0 if that was the reason, then run the same command again to go on"
    assert outcome.err == (
        f"fractal-models: {early_url.render_as_string()}: {reason}; {inspect_database(early_url).message}; {remedy}\n"
    )
    assert run("upgrade", "head", url=early_url).code == 0


# Rows that come in during a run


@contextmanager
def before(statement: str, act: Callable[[], None]) -> Iterator[None]:
    """Act once, before the first statement with this text."""
    acted: list[bool] = []

    def listener(_connection: object, _cursor: object, text: str, *_: object) -> None:
        if statement in text and not acted:
            acted.append(True)
            act()

    sa.event.listen(Engine, "before_cursor_execute", listener)
    try:
        yield
    finally:
        sa.event.remove(Engine, "before_cursor_execute", listener)
    assert acted


def test_rows_that_come_in_during_an_upgrade_are_named(early_url: URL) -> None:
    def submit() -> None:
        execute(early_url, "UPDATE jobv2 SET status = 'submitted', dataset_id = 1 WHERE id IN (1, 2)")

    with before("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS", submit):
        outcome = run("upgrade", "head", url=early_url)

    assert outcome.code == 4
    assert outcome.err.startswith(
        "fractal-models: rows are in the way, so the run stopped at 6a90f3d8142e: jobv2 1, 2: "
    )
    assert outcome.err.count("\n") == 1
    assert revisions(early_url) == ["6a90f3d8142e"]

    execute(early_url, "UPDATE jobv2 SET status = 'done' WHERE id IN (1, 2)")
    assert run("upgrade", "head", url=early_url).code == 0


def test_run_on_a_full_disk_has_a_remedy(sqlite_site: URL) -> None:
    def limit(connection: sqlite3.Connection, _record: object) -> None:
        [(pages,)] = connection.execute("PRAGMA page_count")
        connection.execute(f"PRAGMA max_page_count = {pages + 5}")

    sa.event.listen(Engine, "connect", limit)
    try:
        outcome = run("upgrade", "head", url=sqlite_site)
    finally:
        sa.event.remove(Engine, "connect", limit)

    assert outcome.code == 7
    assert outcome.err == (
        f"fractal-models: {sqlite_site.render_as_string()}: disk full (database or disk is full); "
        f"{inspect_database(sqlite_site).message}; make room on the disk, "
        "then run the same command again to go on\n"
    )
    assert revisions(sqlite_site) == [BASELINE]

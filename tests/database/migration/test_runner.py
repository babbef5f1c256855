"""An upgrade of a live database: one migrator at a time, nobody kept waiting, and a clear word when it cannot go on."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.util import CommandError
from sqlalchemy import URL, Connection
from sqlalchemy.ext.asyncio import create_async_engine

from fractal_models.database import (
    BusyError,
    DatabaseState,
    alembic_config,
    check_database,
    create_engine,
    inspect_database,
)
from fractal_models.database.connection import timeouts
from fractal_models.database.connection.engine import connect
from fractal_models.database.migration import locks
from fractal_models.testing.databases import Databases
from tests.support.catalog import catalog, revisions
from tests.support.commandline import run
from tests.support.databases import statement_count
from tests.support.pooler import pooler
from tests.support.processes import Forked
from tests.support.rows import content, rows
from tests.support.server_2_9 import BASELINE


@contextmanager
def session(url: URL, *statements: str) -> Iterator[Connection]:
    """Another session, with a transaction that is open after these statements."""
    with connect(url) as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
        yield connection


def process_of(connection: Connection) -> int:
    return int(connection.scalar(sa.text("SELECT pg_backend_pid()")) or 0)


@contextmanager
def open_reader(url: URL) -> Iterator[Connection]:
    """A reader whose transaction is open on every table."""
    with session(url, *(f"SELECT 1 FROM {table}" for table in rows(1))) as connection:
        yield connection


def migrator_of(url: URL) -> int:
    """Wait for the session of a migrator to appear on the server."""
    sessions = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
    with connect(url) as connection:
        for _ in range(6000):
            found = connection.scalar(sa.text(f"{sessions} AND application_name LIKE 'fractal-models%'"))
            connection.rollback()
            if found is not None:
                return int(found)
            time.sleep(0.01)
    pytest.fail("no migrator came")


LOCK = f"SELECT pg_advisory_lock({locks.LOCK_KEY})"
"""Makes a session look like a migrator."""

ADVISORY_LOCKS = """
    SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


# One migrator at a time


def test_at_head_nothing_is_written_and_no_lock_taken(url: URL) -> None:
    engine = create_engine(url, wal=False)
    statements = statement_count(engine)
    config = alembic_config(url)
    config.attributes["connection"] = engine

    command.upgrade(config, "head")

    engine.dispose()
    assert {statement.split()[0] for statement in statements} <= {"SELECT", "PRAGMA", "SET"}
    assert {statement for statement in statements if statement.startswith("SET")} <= {
        f"SET LOCAL lock_timeout = {timeouts.MIGRATION_TIMEOUT * 1000:.0f}"
    }
    assert "advisory" not in " ".join(statements)


def test_at_head_nobody_waits_for_another_migrator(postgres_url: URL) -> None:
    with session(postgres_url, LOCK):
        assert run("upgrade", "head", "--wait", "0", url=postgres_url).code == 0


def test_another_migrator_is_waited_for_and_named(early_url: URL) -> None:
    with session(early_url, "SET application_name = 'replica 2'", LOCK) as other:
        outcome = run("upgrade", "head", "--wait", "0.5", url=early_url)
        process = process_of(other)

    assert outcome.code == BusyError.exit_code
    assert f"waiting for another migration: process {process} (replica 2, user " in outcome.out
    assert f"another migration has run for more than 0.5 s: process {process} (replica 2" in outcome.err
    assert outcome.err.count("\n") == 1
    assert revisions(early_url) == [BASELINE]


def test_upgrade_goes_on_when_the_other_migrator_has_finished(early_url: URL) -> None:
    with session(early_url, LOCK):
        waiting = Forked("upgrade", "head", url=early_url)
        migrator_of(early_url)
        time.sleep(0.3)
        assert revisions(early_url) == [BASELINE]

    assert waiting.finish().code == 0
    assert inspect_database(early_url).state is DatabaseState.AT_HEAD


def test_who_waits_does_not_keep_an_index_from_being_built(early_url: URL) -> None:
    with session(early_url, LOCK) as other:
        waiting = Forked("upgrade", "head", url=early_url)
        migrator_of(early_url)

        # It waits for every open transaction, that of a session that waits for the lock included.
        other.commit()
        other.execution_options(isolation_level="AUTOCOMMIT")
        other.execute(sa.text("SET statement_timeout = '10s'"))
        other.execute(sa.text("CREATE INDEX CONCURRENTLY somebody ON project (name)"))

    assert waiting.finish().code == 0


def test_connection_that_was_lent_comes_back_as_it_was(early_url: URL) -> None:
    engine = create_engine(early_url, pool_size=1)
    config = alembic_config()
    config.attributes["connection"] = engine
    settings = "SELECT name, setting FROM pg_settings WHERE name NOT LIKE 'plpgsql.%'"  # these come with the first use
    with engine.connect() as connection:
        process = process_of(connection)
        for setting, value in {"application_name": "mine", "lock_timeout": "7s", "synchronous_commit": "local"}.items():
            connection.execute(sa.text(f"SET {setting} = '{value}'"))
        connection.commit()
        before = set(connection.execute(sa.text(settings)))

    command.upgrade(config, "head")

    with engine.connect() as connection:
        assert process_of(connection) == process
        assert set(connection.execute(sa.text(settings))) - before == set()
        assert connection.scalar(sa.text(ADVISORY_LOCKS)) == 0
    engine.dispose()


# Nobody is kept waiting


def test_commits_wait_for_the_disk_only_when_no_lock_is_held(early_url: URL) -> None:
    engine = create_engine(early_url)
    statements = statement_count(engine)
    config = alembic_config()
    config.attributes["connection"] = engine

    command.upgrade(config, "head")

    engine.dispose()
    begin, end = (
        statements.index(f"{verb} synchronous_commit{value}") for verb, value in (("SET", " = off"), ("RESET", ""))
    )
    changes = [number for number, statement in enumerate(statements) if locks.LockBudget.STRONG.match(statement)]
    assert begin < min(changes)
    assert max(changes) < end
    assert "DELETE FROM alembic_version WHERE version_num = " in " ".join(statements[end:])


class Client(threading.Thread):
    """Somebody who uses the database all the time, and remembers the longest that a statement took."""

    def __init__(self, url: URL, statement: str) -> None:
        super().__init__()
        self.url = url
        self.statement = statement
        self.stopped = threading.Event()
        self.number = 0
        self.longest = 0.0

    def run(self) -> None:
        with connect(self.url) as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            while not self.stopped.is_set():
                begin = time.monotonic()
                connection.execute(sa.text(self.statement))
                self.longest = max(self.longest, time.monotonic() - begin)
                self.number += 1

    def __enter__(self) -> "Client":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        self.join()


NOISE = 1.5
"""Seconds that a busy machine may add to a measured wait; without a limit for locks, the waits would be longer."""


def test_reader_on_every_table_stops_the_upgrade_and_nobody_else(
    early_url: URL, capsys: pytest.CaptureFixture[str]
) -> None:
    select = "SELECT count(*) FROM project JOIN dataset ON project_id = project.id"
    update = "UPDATE jobv2 SET log = 'running' WHERE id = 1"
    with open_reader(early_url) as reader:
        process = process_of(reader)
        with Client(early_url, select) as reading, Client(early_url, update) as writing:
            outcome = Forked("upgrade", "head", "--wait", "3", url=early_url).finish()

    assert outcome.code == BusyError.exit_code
    assert f"process {process} (unnamed, user " in outcome.err
    assert outcome.err.count("\n") == 1
    assert "could not acquire a lock within 3 s; the revision was not completed. Run it again later" in outcome.err
    assert f"waiting for a lock held by process {process}" in outcome.out
    assert revisions(early_url) == [BASELINE]
    for client in (reading, writing):
        assert client.number > 100
        assert client.longest < timeouts.STRONG_LOCK_TIMEOUT + NOISE
    with capsys.disabled():
        print(
            f"\nlongest wait during an upgrade that gives up: {1000 * reading.longest:.0f} ms of a reader "
            f"({reading.number:,} statements), {1000 * writing.longest:.0f} ms of a writer ({writing.number:,}); "
            f"lock timeout {1000 * timeouts.STRONG_LOCK_TIMEOUT:.0f} ms"
        )


def test_upgrade_that_succeeds_keeps_nobody_waiting_either(early_url: URL, capsys: pytest.CaptureFixture[str]) -> None:
    select = "SELECT count(*) FROM project JOIN dataset ON project_id = project.id"
    update = "UPDATE jobv2 SET log = 'running' WHERE id = 1"
    with Client(early_url, select) as reading, Client(early_url, update) as writing:
        outcome = Forked("upgrade", "head", url=early_url).finish()

    assert (outcome.code, outcome.err) == (0, "")
    for client in (reading, writing):
        assert client.longest < timeouts.STRONG_LOCK_TIMEOUT + NOISE
    with capsys.disabled():
        print(
            f"\nlongest wait during an upgrade that succeeds: {1000 * reading.longest:.0f} ms of a reader, "
            f"{1000 * writing.longest:.0f} ms of a writer"
        )


@pytest.mark.parametrize("driver", ["psycopg2", "psycopg"])
def test_lock_that_is_given_up_in_time_is_waited_for(early_url: URL, driver: str) -> None:
    with open_reader(early_url):
        upgrading = Forked("upgrade", "head", url=early_url.set(drivername=f"postgresql+{driver}"))
        upgrading.wait_until_it_says("waiting for a lock held by process")

    outcome = upgrading.finish()

    assert (outcome.code, outcome.err) == (0, "")
    assert inspect_database(early_url).state is DatabaseState.AT_HEAD


@pytest.mark.parametrize("table", ["alembic_version", "project", "jobv2"])
def test_table_that_is_locked_is_waited_for_no_longer_than_asked(early_url: URL, table: str) -> None:
    with session(early_url, f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE") as other:
        start = time.monotonic()
        outcome = run("upgrade", "head", "--wait", "0.5", url=early_url)
        seconds = time.monotonic() - start
        process = process_of(other)

    assert outcome.code == BusyError.exit_code
    assert f"process {process} (unnamed, user " in outcome.err
    assert outcome.err.count("\n") == 1
    assert seconds < timeouts.MIGRATION_TIMEOUT / 2
    assert revisions(early_url) == [BASELINE]


def test_table_that_is_locked_keeps_no_question_waiting(
    early_url: URL, postgres_url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fractal_models.database.connection.engine.READ_LOCK_TIMEOUT", 0.2)
    with session(early_url, "LOCK TABLE alembic_version, jobv2 IN ACCESS EXCLUSIVE MODE"):
        for verb in ("status", "doctor"):
            outcome = run(verb, url=early_url)
            assert outcome.code == BusyError.exit_code
            assert "locked (canceling statement due to lock timeout)" in outcome.all
    with (
        session(postgres_url, "LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE"),
        pytest.raises(BusyError, match="end the session that holds the lock"),
    ):
        check_database(create_engine(postgres_url, poolclass=sa.NullPool))


def test_each_revision_is_named_once_however_often_it_is_tried(early_url: URL) -> None:
    with open_reader(early_url):
        outcome = run("upgrade", "head", "--wait", "3", url=early_url)

    assert [line for line in outcome.out.splitlines() if "upgrade to" in line] == [
        line for line in outcome.out.splitlines() if line.startswith("1/")
    ]
    assert outcome.out.count("upgrade to") == outcome.out.count("waiting for a lock") == 1


def test_session_that_is_lost_is_told_in_one_line_and_leaves_no_lock(early_url: URL) -> None:
    with open_reader(early_url) as reader:
        upgrading = Forked("upgrade", "head", url=early_url)
        reader.execute(sa.text(f"SELECT pg_terminate_backend({migrator_of(early_url)})"))
        outcome = upgrading.finish()

    assert outcome.code == 7
    assert outcome.err.count("\n") == 1
    assert "run the same command again to go on" in outcome.err
    assert revisions(early_url) == [BASELINE]
    assert run("upgrade", "head", "--wait", "5", url=early_url).code == 0


# Files of SQLite


@contextmanager
def sqlite_session(url: URL, *statements: str) -> Iterator[sqlite3.Connection]:
    """Another program that uses the file, within a transaction."""
    with closing(sqlite3.connect(url.database or "", isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement).fetchall()
        yield connection


READ = "SELECT * FROM project"


@pytest.mark.parametrize(
    "transaction",
    [
        pytest.param(["BEGIN IMMEDIATE"], id="a writer"),
        pytest.param(["BEGIN EXCLUSIVE"], id="a writer that lets nobody read"),
        pytest.param(["BEGIN", READ], id="a reader, without a write-ahead log"),
    ],
)
def test_file_that_stays_locked_is_told(sqlite_site: URL, transaction: list[str]) -> None:
    rows = content(sqlite_site)
    with sqlite_session(sqlite_site, *transaction):
        outcome = run("upgrade", "head", "--wait", "0.5", url=sqlite_site)

    assert outcome.code == BusyError.exit_code
    assert "has locked the file for 0.5 s" in outcome.err
    assert outcome.err.count("\n") == 1
    assert revisions(sqlite_site) == [BASELINE]
    assert content(sqlite_site) == rows


def test_file_that_is_unlocked_in_time_is_waited_for(sqlite_site: URL) -> None:
    with sqlite_session(sqlite_site, "BEGIN EXCLUSIVE"):
        upgrading = Forked("upgrade", "head", url=sqlite_site)
        time.sleep(0.5)

    outcome = upgrading.finish()

    assert (outcome.code, outcome.err) == (0, "")
    assert inspect_database(sqlite_site).state is DatabaseState.AT_HEAD


def test_reader_of_a_write_ahead_log_goes_on_reading(sqlite_site: URL) -> None:
    with sqlite_session(sqlite_site, "PRAGMA journal_mode = WAL", "BEGIN", READ) as reader:
        before = reader.execute(READ).fetchall()

        assert run("upgrade", "head", "--wait", "0.5", url=sqlite_site).code == 0

        assert reader.execute(READ).fetchall() == before
    assert inspect_database(sqlite_site).state is DatabaseState.AT_HEAD


def test_upgrade_leaves_the_settings_of_a_file_alone(sqlite_site: URL) -> None:
    run("upgrade", "head", url=sqlite_site)

    with sqlite_session(sqlite_site) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_connection_to_a_file_that_was_lent_comes_back_as_it_was(sqlite_site: URL) -> None:
    engine = create_engine(sqlite_site)
    config = alembic_config()
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        before = settings_of(driver)

        command.upgrade(config, "head")

        assert settings_of(driver) == before
        assert before["foreign_keys"] == 1
    engine.dispose()


def settings_of(connection: sqlite3.Connection) -> dict[str, object]:
    pragmas = {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("foreign_keys", "busy_timeout")}
    return pragmas | {"isolation_level": connection.isolation_level, "in_transaction": connection.in_transaction}


def test_rows_that_refer_to_nothing_are_refused_and_named(sqlite_site: URL) -> None:
    with sqlite_session(sqlite_site, "DELETE FROM taskv2 WHERE id = 2"):
        pass
    before = Path(sqlite_site.database or "").read_bytes()

    outcome = run("upgrade", "head", url=sqlite_site)

    assert outcome.code == 4
    assert "workflowtaskv2 2: refers, by task_id, to a row of taskv2 that does not exist" in outcome.err
    assert Path(sqlite_site.database or "").read_bytes() == before


# Connections of others


def test_transaction_of_the_caller_is_his_to_end(databases: Databases, site_url: URL) -> None:
    before = catalog(site_url), content(site_url)
    engine = sa.create_engine(site_url, poolclass=sa.NullPool)
    config = alembic_config()
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN" if databases.dialect == "sqlite" else "SELECT 1")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        assert inspect_database(connection).state is DatabaseState.AT_HEAD
        connection.rollback()

    assert (catalog(site_url), content(site_url)) == before


def test_transaction_on_sqlite_that_enforces_keys_is_refused(sqlite_site: URL) -> None:
    engine = create_engine(sqlite_site)
    config = alembic_config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        with pytest.raises(CommandError, match="not in a transaction"):
            command.upgrade(config, "head")
    engine.dispose()

    assert revisions(sqlite_site) == [BASELINE]


@pytest.mark.parametrize("driver", ["sqlite+aiosqlite", "postgresql+asyncpg", "postgresql+psycopg"])
async def test_asynchronous_connection_may_be_lent(driver: str, request: pytest.FixtureRequest) -> None:
    url: URL = request.getfixturevalue("sqlite_site" if driver.startswith("sqlite") else "early_url")
    engine = create_async_engine(url.set(drivername=driver), poolclass=sa.NullPool)
    config = alembic_config()

    def migrate_on(connection: Connection) -> None:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    async with engine.connect() as connection:
        await connection.run_sync(migrate_on)

    await engine.dispose()
    assert inspect_database(url).state is DatabaseState.AT_HEAD


@pytest.mark.parametrize("driver", ["psycopg2", "psycopg"])
def test_pooler_is_refused(early_url: URL, driver: str) -> None:
    with pooler(early_url.set(drivername=f"postgresql+{driver}")) as pooled:
        outcome = run("upgrade", "head", url=pooled)

    assert outcome.code == 7
    assert "pooler" in outcome.err
    assert "give the URL of the PostgreSQL server itself" in outcome.err
    assert outcome.err.count("\n") == 1
    assert revisions(early_url) == [BASELINE]


async def test_pooler_is_refused_on_an_asynchronous_connection_too(early_url: URL) -> None:
    config = alembic_config()

    def migrate_on(connection: Connection) -> None:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    with pooler(early_url) as pooled:
        engine = create_async_engine(
            pooled.set(drivername="postgresql+asyncpg", query={"ssl": "disable"}), poolclass=sa.NullPool
        )
        async with engine.connect() as connection:
            with pytest.raises(CommandError, match="pooler"):
                await connection.run_sync(migrate_on)
        await engine.dispose()

    assert revisions(early_url) == [BASELINE]


def test_pooler_is_no_matter_at_head(postgres_url: URL) -> None:
    with pooler(postgres_url) as pooled:
        assert run("upgrade", "head", url=pooled).code == 0
        assert run("status", url=pooled).code == 0

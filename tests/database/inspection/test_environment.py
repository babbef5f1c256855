"""The environment is asked before anything is changed: rights of the role, room on the disk, what was left behind."""

import getpass
import json
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.util import CommandError
from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError

from fractal_models.database import DatabaseState, NeedsUpgradeError, alembic_config, check_database, inspect_database
from fractal_models.database.connection.engine import connect, maintenance_engine
from fractal_models.database.inspection.environment import in_words, needed_room
from fractal_models.database.revisions.history import BASELINE, pending
from tests.support.catalog import catalog, revisions
from tests.support.commandline import run
from tests.support.databases import upgrade
from tests.support.disks import small_disk
from tests.support.rows import content
from tests.support.servers import Guarded, administer
from tests.support.sites import Sites


def facts_of(url: URL | str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("status", "--json", url=url).out)
    return found


# Rights


@pytest.fixture
def borrowed(guarded: Guarded) -> Iterator[URL]:
    """A database of fractal-server 2.9, as a role that may read and write rows alone."""
    url = guarded.create()
    upgrade(url, BASELINE)
    administer(url, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    administer(url, "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO other")
    administer(url, "REVOKE UPDATE ON alembic_version FROM other")
    yield url.set(username="other")
    administer(url, "REVOKE banker FROM other", "REASSIGN OWNED BY banker TO postgres")
    guarded.drop(url)


@pytest.mark.parametrize(
    ("owner", "sql"),
    [
        ("postgres", "ALTER TABLE applyworkflow OWNER TO other; and the same for each of these tables"),
        ("banker", "GRANT banker TO other;"),
    ],
)
def test_role_with_rights_on_rows_alone_is_refused_before_anything_is_changed(
    owner: str, sql: str, borrowed: URL
) -> None:
    admin = borrowed.set(username="postgres")
    with connect(admin) as connection:
        tables = sa.inspect(connection).get_table_names()
    administer(admin, *(f"ALTER TABLE {table} OWNER TO {owner}" for table in tables))
    before = catalog(admin), revisions(admin)

    refused, printed, diagnosis = (run(*verb, url=borrowed) for verb in (("upgrade", "head"), ("status",), ("doctor",)))
    facts = facts_of(borrowed)

    assert (catalog(admin), revisions(admin)) == before
    assert {refused.code, printed.code, diagnosis.code} == {7}
    assert refused.err.count("\n") == 1
    assert refused.err.startswith(
        "fractal-models: nothing was changed; role other does not own applyworkflow, dataset, "
    )
    missing = f", … (23 in all), which the revisions alter; the owner is {owner}; use the URL of {owner}, or run as "
    for text in (missing + f"a superuser: {sql}", "may not create indexes and tables in schema public", "alembic_vers"):
        assert text in refused.err
        assert text in printed.out.replace("\n→ ", "; ")
        assert text in diagnosis.out
    assert facts["state"] == "no_permission"
    assert len(facts["pending"]) == 7
    # A server of this role, which is not to upgrade it, is told of the upgrade.
    with pytest.raises(NeedsUpgradeError):
        check_database(maintenance_engine(borrowed))

    obstacles: list[dict[str, str]] = facts["obstacles"]
    administer(admin, *(obstacle["command"] for obstacle in obstacles))
    assert run("upgrade", "head", url=borrowed).code == 0


def test_role_is_refused_in_a_transaction_of_the_caller_too(borrowed: URL) -> None:
    config = alembic_config()
    with maintenance_engine(borrowed).connect() as connection, connection.begin():
        config.attributes["connection"] = connection
        with pytest.raises(CommandError, match="role other does not own"):
            command.upgrade(config, "head")


def test_downgrade_is_refused_too(guarded: Guarded) -> None:
    url = guarded.create_at_head()
    administer(url, "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO other")
    before = catalog(url)

    outcome = run("downgrade", "-1", "--yes", url=url.set(username="other"))

    assert outcome.code == 7
    assert "role other does not own applyworkflow, jobv2, taskgroupactivityv2, which" in outcome.err
    assert catalog(url) == before
    guarded.drop(url)


def test_role_that_may_not_create_tables_is_refused(guarded: Guarded) -> None:
    url = guarded.create()
    administer(url, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")

    outcome = run("upgrade", "head", url=url.set(username="other"))

    assert outcome.code == 7
    assert "run as its owner: GRANT CREATE ON SCHEMA public TO other;" in outcome.err
    assert inspect_database(url).state is DatabaseState.EMPTY
    administer(url, "GRANT CREATE ON SCHEMA public TO other")
    assert run("upgrade", "head", url=url.set(username="other")).code == 0
    guarded.drop(url)


# Timeouts of the role

TIMEOUTS = ["statement_timeout", "idle_in_transaction_session_timeout", "idle_session_timeout", "transaction_timeout"]


def known_timeouts(url: URL) -> list[str]:
    with connect(url) as connection:
        query = sa.text("SELECT name FROM pg_settings WHERE name = ANY (:names) ORDER BY name")
        return list(connection.scalars(query, {"names": TIMEOUTS}))


def shown(connection: sa.Connection, names: list[str]) -> dict[str, str]:
    return {name: str(connection.scalar(sa.text(f"SHOW {name}"))) for name in names}


@pytest.mark.parametrize("in_transaction", [False, True])
def test_timeouts_of_a_role_do_not_end_a_migration(in_transaction: bool, early_url: URL) -> None:
    names = known_timeouts(early_url)
    engine = sa.create_engine(early_url, poolclass=sa.NullPool)
    during: dict[str, str] = {}
    config = alembic_config()
    with engine.connect() as connection:
        for name in names:
            connection.execute(sa.text(f"SET {name} = '1min'"))
        connection.commit()
        if in_transaction:
            connection.begin()
        config.attributes["connection"] = connection
        config.attributes["report"] = lambda line: during.update(shown(connection, names)) if "1/7" in line else None

        command.upgrade(config, "head")

        assert during == dict.fromkeys(names, "0")
        assert shown(connection, names) == dict.fromkeys(names, "1min")


def test_statement_timeout_ends_neither_an_upgrade_nor_a_question(early_url: URL) -> None:
    administer(early_url, f"ALTER DATABASE {early_url.database} SET statement_timeout = '60ms'")
    with connect(early_url) as reader:
        reader.execute(sa.text("SELECT 1 FROM alembic_version"))
        # An index waits for this snapshot.
        other = maintenance_engine(early_url).connect().execution_options(isolation_level="REPEATABLE READ")
        other.execute(sa.text("SELECT 1"))
        outcome = run("upgrade", "head", "--wait", "1", url=early_url)
        other.close()
    assert outcome.code == 8
    assert "canceling statement due to statement timeout" not in outcome.all
    assert outcome.out.count("waiting for a lock held by process") == 1

    assert run("upgrade", "head", url=early_url).code == 0
    assert run("doctor", url=early_url).code == 0


# Room


def test_room_for_indexes_is_estimated_and_printed(early_url: URL) -> None:
    insert = (
        "INSERT INTO resource (id, path, dataset_id) SELECT n, '/data/' || n, 1 FROM generate_series(100, 30000) AS n"
    )
    administer(early_url, insert, "ANALYZE")
    with connect(early_url) as connection:
        estimated = needed_room(connection, pending(BASELINE))
        present = list(connection.scalars(sa.text("SELECT indexrelid FROM pg_index")))

    outcome = run("upgrade", "head", url=early_url)

    sizes = "SELECT sum(pg_relation_size(indexrelid)) FROM pg_index WHERE indexrelid <> ALL (:present)"
    with connect(early_url) as connection:
        taken = int(connection.scalar(sa.text(sizes), {"present": present}) or 0)
    assert estimated is not None
    assert taken <= estimated <= 4 * taken
    assert f"the new indexes need up to {in_words(estimated)} of disk" in outcome.out


def test_connection_that_is_lost_is_no_unknown_room(early_url: URL) -> None:
    with connect(early_url) as connection:
        process = connection.scalar(sa.text("SELECT pg_backend_pid()"))
        administer(early_url, f"SELECT pg_terminate_backend({process})")

        with pytest.raises(DBAPIError):
            needed_room(connection, pending(BASELINE))


def test_disk_of_a_file_that_is_too_full_is_refused(sqlite_site: URL, tmp_path: Path) -> None:
    with small_disk(2000) as disk:
        url = URL.create("sqlite", database=str(disk / "site.db"))
        shutil.copyfile(str(sqlite_site.database), disk / "site.db")
        with closing(sqlite3.connect(disk / "site.db")) as connection:
            connection.executemany(
                "INSERT INTO resource (id, path, dataset_id) VALUES (?, '/data', 1)", [(n,) for n in range(100, 5000)]
            )
            connection.commit()
        free = shutil.disk_usage(disk).free
        (disk / "filler").write_bytes(bytes(free - 40_000))
        before = (disk / "site.db").read_bytes()

        refused, facts, diagnosis = run("upgrade", "head", url=url), facts_of(url), run("doctor", url=url)

        assert (disk / "site.db").read_bytes() == before
        assert (refused.code, diagnosis.code, facts["state"]) == (7, 7, "disk_full")
        assert re.search(r"disk of .*site.db has \d+ KiB free, and the upgrade needs up to \d+ KiB; make", refused.err)
        (disk / "filler").unlink()
        assert run("upgrade", "head", url=url).code == 0


# What was left behind


def test_journal_of_a_writer_that_was_killed_is_told(sqlite_site: URL, tmp_path: Path) -> None:
    file, copy = Path(str(sqlite_site.database)), tmp_path / "site.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as writer:
        writer.execute("PRAGMA cache_size = 1")  # so that it writes before it commits
        writer.execute("BEGIN")
        writer.execute("UPDATE project SET name = 'changed'")
        writer.executemany("INSERT INTO state (data) VALUES (?)", [("[0]" * 1000,)] * 200)
        for suffix in ("", "-journal"):
            shutil.copyfile(f"{file}{suffix}", f"{copy}{suffix}")
    rows = content(sqlite_site)
    url = URL.create("sqlite", database=str(copy))

    outcome = run("status", url=url)

    assert outcome.code == 3
    assert re.search(r"^note +site.db-journal \([\d,]+ bytes\) is the journal of a writer that is", outcome.out, re.M)
    assert content(url) == rows
    assert not Path(f"{copy}-journal").exists()


def test_index_whose_creation_was_interrupted_is_told(postgres_sites: Sites) -> None:
    url = postgres_sites.at("4b8f0d6a91c3")
    statements = [
        "CREATE INDEX ix_dataset_project_id ON dataset (project_id)",
        "CREATE INDEX ours ON project (name)",
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid::regclass::text IN"
        " ('ix_dataset_project_id', 'ours', 'ix_user_oauth_email')",
    ]
    administer(url, *statements)

    outcome, diagnosis, facts = run("status", url=url), run("doctor", url=url), facts_of(url)

    started = "is invalid: its creation is going on or was interrupted"
    assert facts["notes"] == [
        f"index ix_dataset_project_id {started}; the next upgrade does it again",
        f"index ix_user_oauth_email {started}; if it was interrupted, run REINDEX INDEX CONCURRENTLY "
        "ix_user_oauth_email;",
        f"index ours {started}; if it was interrupted, run DROP INDEX CONCURRENTLY ours;",
    ]
    assert facts["state"] == "drifted"
    for note in facts["notes"]:
        assert f"note      {note}" in outcome.out
        assert f"note: {note}" in diagnosis.out


# Files without permission


@contextmanager
def somebody_else() -> Iterator[None]:
    """Have this process run as a user to whom no file belongs; only root can."""
    if os.geteuid() != 0:
        yield
        return
    os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


@pytest.fixture
def open_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that every user can reach."""
    folder = Path("/tmp") / f"fractal-{os.getpid()}"
    folder.mkdir(mode=0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.parametrize("closed", ["file", "folder"])
def test_file_without_permission_is_not_a_missing_file(closed: str, sqlite_url: URL, open_folder: Path) -> None:
    file = open_folder / "closed" / "site.db"
    file.parent.mkdir()
    shutil.copyfile(str(sqlite_url.database), file)
    url = URL.create("sqlite", database=str(file))
    (file if closed == "file" else file.parent).chmod(0o000)

    with somebody_else():
        outcomes = [run(*verb, url=url) for verb in (("status",), ("doctor",), ("current",), ("upgrade", "head"))]
        facts = facts_of(url)
        user = getpass.getuser()
    file.parent.chmod(0o755)

    assert (facts["state"], facts["message"]) == ("no_permission", f"{file} cannot be opened by this user ({user})")
    assert {outcome.code for outcome in outcomes} == {7}
    for outcome in outcomes:
        assert "cannot be opened by this user" in outcome.all


def test_log_in_a_folder_that_may_not_be_written_is_told(sqlite_url: URL, open_folder: Path) -> None:
    file = open_folder / "closed" / "site.db"
    file.parent.mkdir()
    shutil.copyfile(str(sqlite_url.database), file)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("UPDATE alembic_version SET version_num = version_num")
        connection.commit()
        shutil.copyfile(f"{file}-wal", open_folder / "wal")
    shutil.copyfile(open_folder / "wal", f"{file}-wal")
    file.parent.chmod(0o555)

    with somebody_else():
        facts = facts_of(URL.create("sqlite", database=str(file)))
    file.parent.chmod(0o755)

    (note,) = facts["notes"]
    assert re.fullmatch(r"site\.db-wal \([\d,]+ bytes\) holds the latest changes: move or copy it with the file", note)
    assert facts["state"] == "no_permission"
    assert facts["remedy"] == "give the user access to the file, to its folder, and to the journals beside it"

"""Backups before an upgrade."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import URL, Engine
from sqlalchemy.orm import Session

from fractal_models.archive import BackupError, back_up
from fractal_models.database.connection.engine import maintenance_engine
from fractal_models.testing import seed
from fractal_models.testing.databases import Databases
from tests.support.dumps import TOOLS
from tests.support.rows import content


@pytest.fixture(autouse=True)
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """The programs of the server that the tests start, on the path."""
    monkeypatch.setenv("PATH", f"{TOOLS}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def site(engine: Engine) -> Engine:
    with Session(engine) as session:
        seed(session, 2)
    return engine


def test_the_printed_command_restores_all_rows(
    site: Engine, tmp_path: Path, fractal_databases: Databases, request: pytest.FixtureRequest
) -> None:
    rows, url, file = content(site.url), site.url, tmp_path / "a backup"

    command = back_up(url, file)

    if site.dialect.name == "sqlite":
        site.dispose()
        Path(str(url.database)).unlink()
    else:
        url = url.set(database=f"{url.database}_restored")
        request.addfinalizer(lambda: fractal_databases.drop(url, at_once=True))
    subprocess.run(["sh", "-e", "-c", command], env=client_environment(url), check=True)
    assert content(url) == rows


WRITER = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("PRAGMA journal_mode = wal")
connection.execute("DELETE FROM state")
connection.commit()
os._exit(0)  # as if killed, so that the write-ahead log stays
"""


@pytest.mark.parametrize("fractal_backend", ["sqlite"], scope="session")  # the journals of SQLite
def test_a_journal_that_a_killed_writer_has_left_does_not_change_what_is_restored(site: Engine, tmp_path: Path) -> None:
    rows, database = content(site.url), Path(str(site.url.database))
    site.dispose()
    command = back_up(site.url, tmp_path / "backup")
    subprocess.run([sys.executable, "-c", WRITER, str(database)], check=True)
    assert database.with_name(f"{database.name}-wal").stat().st_size > 0

    subprocess.run(["sh", "-e", "-c", command], check=True)

    assert content(site.url) == rows


def client_environment(url: URL) -> dict[str, str]:
    """Environment of a shell whose clients reach the server of a URL."""
    host = url.host or url.query.get("host") or ""
    server = {"PGHOST": str(host), "PGPORT": str(url.port or 5432), "PGUSER": url.username, "PGPASSWORD": url.password}
    return {**os.environ, **{name: value for name, value in server.items() if value}}


def test_an_existing_file_is_kept(site: Engine, tmp_path: Path) -> None:
    (tmp_path / "backup").write_text("mine")

    with pytest.raises(BackupError, match=r"no backup was made: .*backup exists; give another path"):
        back_up(site.url, tmp_path / "backup")

    assert (tmp_path / "backup").read_text() == "mine"


def test_a_lock_is_waited_for_no_longer_than_asked(site: Engine, tmp_path: Path) -> None:
    is_file, url = site.dialect.name == "sqlite", site.url
    site.dispose()
    other = maintenance_engine(url)
    with other.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        cursor = driver.cursor()
        for statement in ["PRAGMA journal_mode = delete", "BEGIN EXCLUSIVE"] if is_file else ["LOCK TABLE project"]:
            cursor.execute(statement)
        with pytest.raises(BackupError, match=r"no backup was made: .*(is locked|timeout)"):
            back_up(url, tmp_path / "backup", lock_timeout=0.2)
        connection.rollback()
    other.dispose()


def test_a_folder_that_is_missing_is_named(site: Engine, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match=r"no backup was made: .*(?i:no such file|unable to open)"):
        back_up(site.url, tmp_path / "missing" / "backup")


@pytest.mark.parametrize("fractal_backend", ["postgresql"], scope="session")  # SQLite needs no program
def test_the_program_of_another_version_is_not_used(
    site: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "pg_dump"
    other.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.1'\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin")
    monkeypatch.setattr("fractal_models.archive.backup.FOLDERS", ())

    with pytest.raises(BackupError, match=r"pg_dump \d+ is not installed \(package postgresql-client-\d+\)"):
        back_up(site.url, tmp_path / "backup")

    assert not (tmp_path / "backup").exists()

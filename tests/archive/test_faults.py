"""Whatever happens while a copy is made, nothing is left that looks finished and is not."""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import URL

from fractal_models.archive import Manifest, Progress, copy_database, verify_archive
from fractal_models.database import DatabaseError, DatabaseState, create_engine, inspect_database
from fractal_models.database.connection.engine import connect
from fractal_models.testing.databases import Databases, PostgreSQLDatabases
from tests.support.commandline import text_of
from tests.support.databases import upgrade
from tests.support.disks import small_disk
from tests.support.processes import CONTEXT
from tests.support.rows import fill
from tests.support.sessions import wait_for_the_end_of_other_sessions

ROWS = 300
LONGEST_WAIT = 0.1
"""Seconds that a writer may wait for a copy."""


@pytest.fixture(scope="module")
def sources(fractal_sqlite_databases: Databases, fractal_postgresql_databases: Databases) -> Iterator[dict[str, URL]]:
    """Databases at head, with some rows, of both engines; only read."""
    found = {}
    for databases in (fractal_sqlite_databases, fractal_postgresql_databases):
        url = databases.create()
        upgrade(url, "d256a7379ab8")
        upgrade(fill(url, ROWS))
        found[databases.dialect] = url
    yield found
    for databases in (fractal_sqlite_databases, fractal_postgresql_databases):
        databases.drop(found[databases.dialect])


def is_absent(url: URL) -> bool:
    return inspect_database(url).state in {DatabaseState.EMPTY, DatabaseState.FILE_NOT_FOUND}


def test_kill_leaves_nothing_or_a_whole_copy(
    databases: Databases, sources: dict[str, URL], thorough: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    (source,) = (url for dialect, url in sources.items() if dialect != databases.dialect)
    start = time.monotonic()
    url = databases.create()
    manifest = copy_database(source, url)
    duration = time.monotonic() - start
    seen: Counter[str] = Counter()
    for _ in range(30 if thorough else 2):
        url = databases.create()
        process = CONTEXT.Process(target=copy_database, args=(text_of(source), text_of(url)), daemon=True)
        process.start()
        time.sleep(random.uniform(0, 1.5 * duration))
        process.kill()
        process.join()
        wait_for_the_end_of_other_sessions(url)

        seen["nothing" if is_absent(url) else "whole"] += 1
        if is_absent(url):
            copy_database(source, url)
        assert verify_archive(url).manifest.sha256 == manifest.sha256
        assert verify_archive(url).differences == ()
        if databases.dialect == "sqlite":
            path = Path(str(url.database))
            assert [file.name for file in path.parent.glob(f"{path.name}*")] == [path.name]
        databases.drop(url)
    with capsys.disabled():
        print(f"\n{seen.total()} killed copies to {databases.dialect} left {dict(seen)}")


@pytest.mark.parametrize("kilobytes", [500, *(pytest.param(size, marks=pytest.mark.thorough) for size in (100, 1000))])
def test_full_disk_leaves_nothing(kilobytes: int, sources: dict[str, URL], tmp_path: Path) -> None:
    with small_disk(kilobytes) as folder:
        with pytest.raises(DatabaseError, match="make room on the disk") as caught:
            copy_database(sources["sqlite"], folder / "archive.db")

        assert list(folder.iterdir()) == []
    assert caught.value.exit_code == 7


def test_source_that_is_lost_leaves_nothing(
    databases: Databases, sources: dict[str, URL], fractal_postgresql_databases: PostgreSQLDatabases
) -> None:
    source, target = sources["postgresql"], databases.create()
    end = sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name")

    def lose(progress: Progress) -> None:
        if progress.step == "copy" and progress.table == "jobv2" and not progress.rows:
            with connect(fractal_postgresql_databases.server_url) as connection:
                connection.execute(end, {"name": source.database})

    with pytest.raises(DatabaseError) as caught:
        copy_database(source, target, progress=lose)

    assert caught.value.exit_code == 7
    assert str(source.database) in str(caught.value)
    assert is_absent(target)
    databases.drop(target)


def test_interrupt_leaves_nothing(databases: Databases, sources: dict[str, URL]) -> None:
    for step in ("copy", "verify"):
        target = databases.create()

        def interrupt(progress: Progress, step: str = step) -> None:
            if progress.step == step and progress.table == "jobv2" and progress.rows:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            copy_database(sources["postgresql"], target, progress=interrupt)

        assert is_absent(target)
        databases.drop(target)


class Writer(threading.Thread):
    """Inserts a project and a member in one transaction, again and again."""

    def __init__(self, url: URL) -> None:
        super().__init__(daemon=True)
        self._engine = create_engine(url)
        self._stopped = threading.Event()
        self.waits: list[float] = []

    def run(self) -> None:
        while not self._stopped.is_set():
            start = time.monotonic()
            with self._engine.begin() as connection:
                project = "INSERT INTO project (name, read_only, timestamp_created) VALUES ('p', false, '2024-03-05') "
                number = connection.exec_driver_sql(project + "RETURNING id").scalar_one()
                connection.exec_driver_sql(f"INSERT INTO linkuserproject (project_id, user_id) VALUES ({number}, 1)")
            self.waits.append(time.monotonic() - start)

    def stop(self) -> None:
        self._stopped.set()
        self.join()
        self._engine.dispose()


def copied_under_writes(databases: Databases, source: URL, target: Path) -> tuple[Manifest, Writer]:
    url = databases.create(source)
    writer = Writer(url)
    writer.start()
    try:
        while not writer.waits:
            time.sleep(0.01)
        manifest = copy_database(url, target)
    finally:
        writer.stop()
    databases.drop(url)
    return manifest, writer


def test_copy_beside_a_writer_is_of_one_moment(
    databases: Databases, sources: dict[str, URL], tmp_path: Path, thorough: bool
) -> None:
    for number in range(10 if thorough else 1):
        target = tmp_path / f"{number}.db"
        manifest, writer = copied_under_writes(databases, sources[databases.dialect], target)

        new = manifest.tables["project"].rows - ROWS
        assert 0 < new <= len(writer.waits)
        assert manifest.tables["linkuserproject"].rows == ROWS + new
        assert verify_archive(target).differences == ()


@pytest.mark.thorough
def test_writer_does_not_wait(
    databases: Databases, sources: dict[str, URL], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    waits = []
    for number in range(10):
        waits += copied_under_writes(databases, sources[databases.dialect], tmp_path / f"{number}.db")[1].waits

    with capsys.disabled():
        print(
            f"\nlongest of {len(waits)} transactions beside copies of {databases.dialect}: {1000 * max(waits):.0f} ms"
        )
    assert max(waits) < LONGEST_WAIT

"""Faults at any moment of an upgrade: each ends with its exit code and one line, and the next upgrade finishes.

`test_kill.py` has those that leave no process to say a line, `test_interruption.py` the same faults at one moment.
"""

import random
import re
import shutil
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy import URL, Engine

from fractal_models.database import DatabaseState, inspect_database
from fractal_models.database.revisions.history import head
from fractal_models.testing.databases import Databases
from tests.support.catalog import catalog, differences, revisions
from tests.support.commandline import Outcome, run
from tests.support.crashes import Mortal, mortal_server, sessions_of
from tests.support.databases import mainly_on, upgrade
from tests.support.disks import filled, small_disk
from tests.support.processes import Forked
from tests.support.refusal import execute
from tests.support.rows import content, fill
from tests.support.server_2_9 import BASELINE
from tests.support.servers import administer

ROWS = 200
LINE = re.compile(r"fractal-models: .*; run the same command again to go on\n")
FULL_LINE = re.compile(
    r"fractal-models: .*(: disk full \(.*\)|KiB free, and the upgrade needs up to .*); (.*; )?"
    r"make room on the disk, then .*\n"
)


class Faults:
    """Upgrades of copies of one database, each with a fault; then each is finished, and compared with a clean one."""

    def __init__(self, databases: Databases) -> None:
        self.databases = databases
        self.codes: Counter[int] = Counter()
        self.template = databases.create()
        upgrade(self.template, BASELINE)
        self.rows = content(fill(self.template, ROWS))
        clean = databases.create(self.template)
        upgrading = Forked("upgrade", "head", url=clean)
        upgrading.wait_until_it_says("upgrade from")
        begin = time.monotonic()
        assert upgrading.finish().code == 0
        self.seconds = time.monotonic() - begin
        self.wanted = catalog(clean)

    def upgrade(self, fault: Callable[[URL, Forked], None]) -> tuple[URL, Outcome]:
        """Upgrade a copy, with a fault at a random moment of its run."""
        url = self.databases.create(self.template)
        upgrading = Forked("upgrade", "head", url=url)
        upgrading.wait_until_it_says("upgrade from")
        time.sleep(random.uniform(0, 0.9 * self.seconds))
        fault(url, upgrading)
        return url, upgrading.finish()

    def examine(self, url: URL, outcome: Outcome, code: int, line: re.Pattern[str] = LINE) -> None:
        """Expect the code and the line, unless the upgrade was faster; finish it."""
        assert (outcome.code, bool(line.fullmatch(outcome.err))) in {(code, True), (0, False)}, outcome
        self.codes[outcome.code] += 1
        found = inspect_database(url)
        assert found.state in {DatabaseState.SERVER_2_9, DatabaseState.BEHIND, DatabaseState.AT_HEAD}, found
        if "the database is at" in outcome.err:
            assert f"; {found.message}; " in outcome.err
        assert content(url) == self.rows
        again = run("upgrade", "head", url=url)
        assert (again.code, again.err) == (0, "")
        assert revisions(url) == [head()]
        assert differences(catalog(url), self.wanted) == []
        assert content(url) == self.rows

    @property
    def number(self) -> int:
        """How many upgrades did not end before the fault."""
        return self.codes.total() - self.codes[0]

    def tell(self, fault: str, capsys: pytest.CaptureFixture[str]) -> None:
        codes = ", ".join(f"{number} × {code}" for code, number in sorted(self.codes.items()))
        with capsys.disabled():
            print(f"\n{fault}, {self.databases.dialect}: {self.codes.total()} times; exit codes {codes}; all finished")
        self.codes.clear()


@pytest.fixture(scope="session")
def faults(databases: Databases) -> Faults:
    return Faults(databases)


@pytest.fixture(scope="module")
def mortal() -> Iterator[Mortal]:
    with mortal_server() as databases:
        yield databases


@pytest.fixture(scope="module")
def mortal_faults(mortal: Mortal) -> Faults:
    return Faults(mortal)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.thorough)]
)
@mainly_on("postgresql")
def test_signal(
    number: signal.Signals, code: int, faults: Faults, thorough: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    while faults.number < (20 if thorough else 1):
        faults.examine(*faults.upgrade(lambda _url, upgrading: upgrading.send(number)), code)

    faults.tell(number.name, capsys)


def terminate(url: URL, _upgrading: Forked) -> None:
    administer(url, *(f"SELECT pg_terminate_backend({process})" for process in sessions_of(url)))


@pytest.mark.thorough
def test_end_of_the_session(mortal_faults: Faults, capsys: pytest.CaptureFixture[str]) -> None:
    while mortal_faults.number < 10:
        mortal_faults.examine(*mortal_faults.upgrade(terminate), 7)

    mortal_faults.tell("pg_terminate_backend", capsys)


def test_death_of_the_backend(
    mortal: Mortal, mortal_faults: Faults, thorough: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    def kill(url: URL, _upgrading: Forked) -> None:
        for process in sessions_of(url):
            mortal.kill_backend(process)

    while mortal_faults.number < (10 if thorough else 1):
        url, outcome = mortal_faults.upgrade(kill)
        mortal.recover()
        mortal_faults.examine(url, outcome, 7)

    mortal_faults.tell("kill -9 of the backend", capsys)


def test_crash_of_the_server(
    mortal: Mortal, mortal_faults: Faults, thorough: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    while mortal_faults.number < (5 if thorough else 1):
        url, outcome = mortal_faults.upgrade(lambda _url, _upgrading: mortal.crash())
        mortal.recover()
        mortal_faults.examine(url, outcome, 7)

    mortal_faults.tell("crash of the server", capsys)


def test_full_disk_of_a_server(
    mortal: Mortal, mortal_faults: Faults, thorough: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(4 if thorough else 1):
        with small_disk(40 * 1024) as disk:
            url = mortal.create_on(disk, mortal_faults.template)
            with filled(disk, room=random.randrange(500_000)):
                outcome = run("upgrade", "head", url=url)
            mortal_faults.examine(url, outcome, 7, FULL_LINE)
            mortal.drop_on_disk(url)

    mortal_faults.tell("full disk", capsys)


@pytest.mark.parametrize("fractal_backend", ["sqlite"], scope="session")
def test_full_disk_of_a_file(faults: Faults, thorough: bool, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(4 if thorough else 1):
        with small_disk(40 * 1024) as disk:
            url = URL.create("sqlite", database=str(disk / "fractal.db"))
            shutil.copyfile(str(faults.template.database), str(url.database))
            if number % 2:
                execute(url, "PRAGMA journal_mode = WAL")
            with filled(disk, room=random.randrange(100_000)):
                outcome = run("upgrade", "head", url=url)
            faults.examine(url, outcome, 7, FULL_LINE)

    faults.tell("full disk", capsys)


@pytest.mark.thorough
@pytest.mark.parametrize("fractal_backend", ["sqlite"], scope="session")
def test_file_that_may_not_grow(faults: Faults, capsys: pytest.CaptureFixture[str]) -> None:
    more = 0

    def limit(connection: sqlite3.Connection, _record: object) -> None:
        [(pages,)] = connection.execute("PRAGMA page_count")
        connection.execute(f"PRAGMA max_page_count = {pages + more}")

    sa.event.listen(Engine, "connect", limit)
    try:
        for more in (0, 5, 10, 20):
            url = faults.databases.create(faults.template)
            outcome = run("upgrade", "head", url=url)
            assert outcome.code == 7
            more = 1_000_000
            faults.examine(url, outcome, 7, FULL_LINE)
    finally:
        sa.event.remove(Engine, "connect", limit)

    faults.tell("PRAGMA max_page_count", capsys)

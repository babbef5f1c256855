"""Several replicas start at once, and each of them upgrades the database."""

from collections import Counter

import pytest
from sqlalchemy import URL

from fractal_models.testing.databases import Databases
from tests.support.catalog import catalog, revisions
from tests.support.commandline import text_of
from tests.support.databases import ROOT
from tests.support.processes import Forked, simultaneously
from tests.support.rows import content

PROCESSES = 8


@pytest.fixture(scope="session")
def rounds(thorough: bool) -> int:
    """How often each test is repeated; 20 for the figures that the documentation gives."""
    return 20 if thorough else 1


def test_commands_upgrade_one_empty_database_together(
    databases: Databases, url: URL, rounds: int, thorough: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted, head = catalog(url), revisions(url)
    programs = [["fractal-models"], ["alembic", "-c", str(ROOT / "alembic.ini")]] * (PROCESSES // 2 if thorough else 1)
    codes: Counter[int] = Counter()
    for _ in range(rounds):
        empty = databases.create()
        started = [Forked("upgrade", "head", url=empty, program=program) for program in programs]
        outcomes = [process.finish() for process in started]
        codes.update(outcome.code for outcome in outcomes)
        assert {(outcome.code, outcome.err) for outcome in outcomes} == {(0, "")}
        assert revisions(empty) == head
        assert catalog(empty) == wanted
        databases.drop(empty)

    with capsys.disabled():
        total = len(programs) * rounds
        print(f"\n{databases.dialect}: {codes[0]} of {total} processes on an empty database exit 0, one history")


def test_eight_processes_at_the_same_moment_keep_every_row(
    databases: Databases, site_url: URL, rounds: int, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = content(site_url)
    succeeded = 0
    for _ in range(rounds):
        url = databases.create(site_url)
        seconds = simultaneously(text_of(url), PROCESSES)
        succeeded += sum(each is not None for each in seconds)
        assert None not in seconds
        assert content(url) == rows
        databases.drop(url)

    with capsys.disabled():
        total = PROCESSES * rounds
        print(f"\n{databases.dialect}: {succeeded} of {total} processes on a database with rows succeed, no row lost")


def test_eight_processes_at_the_same_moment_build_one_history(databases: Databases, url: URL, rounds: int) -> None:
    for _ in range(rounds):
        empty = databases.create()

        assert None not in simultaneously(text_of(empty), PROCESSES)

        assert revisions(empty) == revisions(url)
        assert catalog(empty) == catalog(url)
        databases.drop(empty)

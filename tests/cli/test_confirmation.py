"""A downgrade that drops tables needs more than a `--yes`."""

from pathlib import Path

import alembic.config
import pytest
from sqlalchemy import URL

from fractal_models.database import DatabaseState, inspect_database
from tests.support.catalog import revisions
from tests.support.commandline import converse, run, text_of
from tests.support.databases import ROOT
from tests.support.dumps import snapshot
from tests.support.server_2_9 import BASELINE

LOSS = "this downgrade drops 23 tables with 69 rows"


def name_of(url: URL) -> str:
    return Path(str(url.database)).name


@pytest.mark.parametrize("revision", ["base", "-1"])
@pytest.mark.parametrize("options", [["--yes"], ["--drop-tables"], []], ids=" ".join)
def test_script_that_would_drop_tables_needs_both_options(revision: str, options: list[str], sqlite_site: URL) -> None:
    before = snapshot(sqlite_site)

    outcome = run("downgrade", revision, *options, url=sqlite_site)

    assert snapshot(sqlite_site) == before
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (9, "", 1)
    assert f"{LOSS}, so nothing was changed; to go on, pass --drop-tables beside --yes" in outcome.err
    assert "jobv2: 3 rows;" in outcome.err


def test_tables_are_dropped_with_both_options(site_url: URL) -> None:
    assert run("downgrade", "base", "--yes", url=site_url).code == 9
    assert revisions(site_url) == [BASELINE]

    assert run("downgrade", "base", "--yes", "--drop-tables", url=site_url).code == 0
    assert inspect_database(site_url).state is DatabaseState.EMPTY
    assert run("downgrade", "base", "--yes", url=site_url).code == 0


def test_downgrade_that_keeps_the_tables_needs_yes_alone(sqlite_url: URL) -> None:
    assert run("downgrade", "-1", "--yes", url=sqlite_url).code == 0
    assert run("downgrade", BASELINE, "--yes", url=sqlite_url).code == 0


@pytest.mark.parametrize("options", [[], ["--yes"]], ids=["asked", "yes is not enough"])
@pytest.mark.parametrize("answer", ["y\n", "\n", "Fractal\n", "\x04"], ids=["y", "nothing", "another", "end of input"])
def test_tables_are_kept_unless_the_name_is_typed(answer: str, options: list[str], sqlite_site: URL) -> None:
    outcome = converse("downgrade", "base", *options, url=sqlite_site, answer=answer)

    assert outcome.code == 9
    assert f"{LOSS}:\r\n  applyworkflow: 3 rows\r\n" in outcome.out
    assert f"Type the name of the database, {name_of(sqlite_site)}, to drop them: " in outcome.out
    assert "nothing was changed" in outcome.out
    assert revisions(sqlite_site) == [BASELINE]


def test_tables_are_dropped_when_the_name_is_typed(site_url: URL) -> None:
    outcome = converse("downgrade", "base", url=site_url, answer=f"{name_of(site_url)}\n")

    assert outcome.code == 0
    assert inspect_database(site_url).state is DatabaseState.EMPTY


def test_revision_that_does_not_exist_is_no_question(sqlite_url: URL) -> None:
    assert run("downgrade", "ffff", "--yes", url=sqlite_url).code == 1
    assert run("downgrade", "-99", "--yes", url=sqlite_url).code == 1


def run_alembic(url: URL, *arguments: str) -> int:
    """Run Alembic's own command line in the checkout; its exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FRACTAL_DATABASE_URL", text_of(url))
        try:
            alembic.config.main(argv=["-c", str(ROOT / "alembic.ini"), *arguments])
        except SystemExit as ended:
            return ended.code if isinstance(ended.code, int) else 1
    return 0


def test_plain_alembic_needs_an_argument_to_drop_tables(site_url: URL, capsys: pytest.CaptureFixture[str]) -> None:
    before = snapshot(site_url)

    assert run_alembic(site_url, "downgrade", "base") != 0
    assert run_alembic(site_url, "-x", "drop-tables=no", "downgrade", "base") != 0

    assert snapshot(site_url) == before
    printed = capsys.readouterr()
    assert f"FAILED: {LOSS}, so nothing was changed" in printed.out + printed.err
    assert run_alembic(site_url, "-x", "drop-tables=yes", "downgrade", "base") == 0
    assert inspect_database(site_url).state is DatabaseState.EMPTY

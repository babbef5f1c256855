"""Errors: one line in a log, a line for each finding on a terminal, and nothing broken in the middle of a word."""

import json
import re

import pytest
import sqlalchemy as sa
from sqlalchemy import URL

from fractal_models.database.connection.engine import maintenance_engine
from tests.support.commandline import converse, run

TEN_FINDINGS = [
    "UPDATE user_oauth SET email = 'User1@example.org' WHERE id = 2",
    *(
        f"DELETE FROM {table} WHERE id = 2"
        for table in ("taskv2", "datasetv2", "task", "workflow", "projectv2", "usergroup")
    ),
]


@pytest.fixture
def broken_url(sqlite_site: URL) -> URL:
    """A database of 2.9 with rows that block an upgrade by ten rules."""
    with maintenance_engine(sqlite_site).connect() as connection:
        connection.execute(sa.text("PRAGMA foreign_keys = OFF"))
        for statement in TEN_FINDINGS:
            connection.execute(sa.text(statement))
        connection.commit()
    return sqlite_site


def plain(shown: str) -> list[str]:
    """Lines on a terminal without colours."""
    return re.sub(r"\x1b\[[\d;?]*\w", "", shown).replace("\r", "").splitlines()


def test_refusal_is_one_line_in_a_log_and_a_line_for_each_finding_on_a_terminal(
    broken_url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    logged, shown = run("upgrade", "head", url=broken_url), converse("upgrade", "head", url=broken_url, answer="")
    found = json.loads(run("doctor", "--json", url=broken_url).out)["blocking"]

    assert logged.code == shown.code == 4
    assert logged.err.count("\n") == 1
    lines = [line for line in plain(shown.out) if line.strip()]
    first = lines.index("fractal-models: rows are in the way, so nothing was changed:")
    findings = lines[first + 1 :]
    assert len([line for line in findings if line.startswith("- ")]) == len(found) >= 10
    assert max(map(len, findings)) <= 80
    assert " ".join(" ".join(findings).replace("- ", "").split()) in logged.err


def test_orphan_is_found_once(broken_url: URL) -> None:
    found = json.loads(run("doctor", "--json", url=broken_url).out)["blocking"]

    orphans = [(each["table"], each["reason"]) for each in found if "does not exist" in each["reason"]]
    assert orphans.count(("workflowtask", "refers, by task_id, to a row of task that does not exist")) == 1
    assert orphans.count(("workflowtaskv2", "refers, by task_id, to a row of taskv2 that does not exist")) == 1
    assert len(set(orphans)) == len(orphans)


def test_doctor_and_status_on_a_terminal_break_between_words(broken_url: URL, monkeypatch: pytest.MonkeyPatch) -> None:
    for verb in ("doctor", "status"):
        monkeypatch.setenv("COLUMNS", "80")
        narrow = plain(converse(verb, url=broken_url, answer="").out)
        monkeypatch.setenv("COLUMNS", "1000")
        wide = plain(converse(verb, url=broken_url, answer="").out)

        assert [line for line in narrow if len(line) > 80 and " " in line.strip()] == []
        assert " ".join(narrow).split() == " ".join(wide).split()


# The engine does not matter: what Alembic raises comes from the history.
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["upgrade", "ffff"], "there is no revision ffff; `fractal-models history` lists all"),
        (["upgrade", "+99"], "there are not that many revisions (+99) from the one of the database; "),
        (["downgrade", "head", "--yes"], "head is not below the revision of the database; "),
        (["downgrade", "base", "--sql"], "--sql needs the present revision too: `downgrade FROM:TO --sql`"),
    ],
)
def test_errors_of_alembic_say_what_to_do(arguments: list[str], message: str, sqlite_site: URL) -> None:
    outcome = run(*arguments, url=sqlite_site)

    assert outcome.code == 1
    assert outcome.err.startswith(f"fractal-models: {message}")
    assert outcome.err.count("\n") == 1

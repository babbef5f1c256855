"""`fractal-models copy` and `verify`: options, output for people and programs, exit codes."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import URL

from tests.support.commandline import converse, run
from tests.support.rows import SECRETS
from tests.support.sites import SitesOf


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def site(sites_of: SitesOf) -> URL:
    """A database at head, with rows; only read."""
    return sites_of("young").template("head")


def test_copy_and_its_verification_are_told_in_lines(site: URL) -> None:
    copied = run("copy", site.render_as_string(hide_password=False), "archive.db")

    assert (copied.code, copied.err) == (0, "")
    lines = copied.out.splitlines()
    assert lines[0] == "copied project: 3 rows"
    assert "verified workflowtaskv2: 3 rows" in lines
    assert [line for line in lines if line.startswith("sqlite:///archive.db is equal to what was read from postgres")]
    assert "rows      69" in lines

    verified = run("verify", "archive.db", site.render_as_string(hide_password=False))
    assert verified.code == 0
    assert "copied" not in verified.out
    assert [line for line in lines if line.startswith("sha256")] == [
        line for line in verified.out.splitlines() if line.startswith("sha256")
    ]


def test_source_is_that_of_the_environment_unless_it_is_named(site: URL) -> None:
    outcome = run("copy", "archive.db", "--only", "v1", "--project", "3", "--without-secrets", url=site)

    assert outcome.code == 0
    assert {"part      v1 v1:3", "secrets   replaced"} <= {*outcome.out.splitlines()}
    assert not [secret for secret in SECRETS if secret in outcome.out]


def test_terminal_shows_a_bar_for_each_table(site: URL) -> None:
    shown = converse("copy", "archive.db", url=site, answer="").out

    assert "copy project" in shown
    assert "3 of 3" in shown
    assert "━" in shown
    assert "is equal to what was read from" in shown


def test_command_that_restores_a_backup_is_one_line_of_a_terminal(folder: Path) -> None:
    url = f"sqlite:///{folder}/fractal.db"
    assert run("upgrade", "91be5d40f7a8", url=url).code == 0

    shown = converse("upgrade", "head", "--backup", "a backup of this database.db", url=url, answer="")

    assert shown.code == 0, shown.out
    names = " ".join(f"{folder}/fractal.db-{name}" for name in ("wal", "shm", "journal"))
    command = f"rm -f {names} && cp '{folder}/a backup of this database.db' {folder}/fractal.db"
    assert f"run:\r\n  {command}\r\n" in shown.out


def test_programs_get_lines_of_json(site: URL) -> None:
    copied = [json.loads(line) for line in run("copy", "archive.db", "--json", url=site).out.splitlines()]

    assert copied[0] == {"step": "copy", "table": "project", "rows": 0, "total": 3}
    assert copied[1] == {"step": "copy", "table": "project", "rows": 3, "total": 3}
    assert copied[-1]["manifest"]["tables"]["project"]["rows"] == 3
    verified = run("verify", "archive.db", "--json")
    assert json.loads(verified.out.splitlines()[-1]) == {"differences": [], "manifest": copied[-1]["manifest"]}

    with closing(sqlite3.connect("archive.db")) as connection:
        connection.execute("UPDATE project SET name = 'changed'")
        connection.commit()
    changed = run("verify", "archive.db", "--json")
    assert changed.code == 11
    assert json.loads(changed.out.splitlines()[-1])["differences"] == [
        "rows of project in the copy differ from the manifest"
    ]
    assert changed.err.startswith("fractal-models: rows of project in the copy differ from the manifest; ")
    assert len(changed.err.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments", [["copy"], ["copy", "a.db", "b.db", "--project", "3"], ["copy", "a.db", "--only", "v3"], ["verify"]]
)
def test_mistake_is_exit_code_2(arguments: list[str], folder: Path) -> None:
    outcome = run(*arguments)

    assert outcome.code == 2
    assert f"usage: fractal-models {arguments[0]}" in outcome.err
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["copy", "missing.db", "archive.db"], 7, "missing.db does not exist; check the path\n"),
        (["copy", "", "archive.db"], 7, "the URL or path of a database is empty"),
        (["verify", "missing.db"], 7, "missing.db does not exist; check the path\n"),
        (["verify", "archive.db", "missing.db"], 7, "missing.db does not exist"),
        (["copy", "archive.db"], 4, "archive.db is not empty"),
        (["copy", "other.db", "--project", "v1:77"], 4, "no project v1:77"),
        (["copy", "postgresql://user:very-secret@localhost:1/name", "other.db"], 7, "localhost"),
        (["copy", "archive.db", "postgresql://user:very-secret@localhost:1/name"], 7, "localhost"),
        (["copy", "archive.db", "mysql://user:very-secret@host/name"], 7, "mysql are not supported"),
    ],
)
def test_error_is_one_line_with_its_exit_code(arguments: list[str], code: int, message: str, site: URL) -> None:
    if "archive.db" in arguments:
        run("copy", "archive.db", "--only", "v1", url=site)

    outcome = run(*arguments, url=site)

    assert outcome.code == code
    assert message in outcome.err
    assert len(outcome.err.splitlines()) == 1
    assert "very-secret" not in outcome.err
    assert not Path("other.db").exists()

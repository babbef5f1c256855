"""`fractal-models`: every verb, its exit codes, its one-line errors, and that it never shows a secret."""

import json
import re
import shlex
import signal
import socket
import subprocess
import time
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from sqlalchemy import URL

from fractal_models import database
from fractal_models.cli import verbs as cli
from fractal_models.cli.main import EXIT_CODES, FractalCommandLine
from fractal_models.database import DatabaseError, DatabaseState, inspect_database
from fractal_models.database.connection.engine import connect
from fractal_models.models import Project
from fractal_models.testing.databases import Databases
from tests.support.catalog import catalog, revisions
from tests.support.commandline import ALEMBIC, COMMAND, converse, environment, finish, run, start
from tests.support.databases import alembic_config, upgrade
from tests.support.dumps import snapshot
from tests.support.pooler import pooler
from tests.support.processes import Forked
from tests.support.rows import SECRETS
from tests.support.server_2_9 import BASELINE
from tests.support.servers import Guarded

HISTORY = ScriptDirectory.from_config(alembic_config())
HEAD = HISTORY.get_current_head() or ""
VERBS = sorted(FractalCommandLine().subparsers.choices)


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where no checkout is in sight."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


# What it says of itself


def test_help_lists_all_verbs_and_exit_codes() -> None:
    outcome = run("--help")

    assert outcome.code == 0
    assert EXIT_CODES in outcome.out
    assert not [verb for verb in VERBS if verb not in outcome.out]


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_every_verb_has_an_example_that_is_understood(verb: str) -> None:
    outcome = run(verb, "--help")

    assert outcome.code == 0
    example = outcome.out.partition("example:\n")[2].strip()
    words = shlex.split(re.split(r" (?:\||&&) ", example)[0])
    words = words[words.index("fractal-models") + 1 :]
    assert words[0] == verb
    assert hasattr(FractalCommandLine().parser.parse_args(words), "cmd")


def test_every_family_has_an_exit_code_of_its_own_that_is_documented() -> None:
    families = [each for each in vars(database).values() if isinstance(each, type) and issubclass(each, DatabaseError)]
    codes = [family.exit_code for family in families]

    assert len(set(codes)) == len(codes) == 9
    assert not [code for code in codes if not re.search(rf"^  {code}  ", EXIT_CODES, re.MULTILINE)]


def test_version_is_that_of_the_package() -> None:
    assert run("--version").out == f"fractal-models {version('fractal-models')}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["explode"],
        ["upgrade"],
        ["wait", "--timeout", "soon"],
        ["status", "--yes"],
        ["doctor", "--for-server", "3.0"],
    ],
)
def test_mistake_on_the_command_line_is_exit_code_2(arguments: list[str]) -> None:
    outcome = run(*arguments)

    assert outcome.code == 2
    assert "usage: fractal-models" in outcome.err


def test_verbs_for_those_who_write_revisions_are_left_to_alembic() -> None:
    assert not set(VERBS) & {"revision", "merge", "edit", "init"}


# Which database


def test_installed_command_works_in_any_folder(empty_folder: Path) -> None:
    process = start("upgrade", "head")

    assert finish(process).code == 0
    assert [file.name for file in empty_folder.iterdir()] == ["fractal.db"]
    assert finish(start("status")).out.startswith(f"the database is at head, {HEAD}\n")


def test_environment_names_the_database_and_an_option_wins(url: URL, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRACTAL_DATABASE_URL", url.render_as_string(hide_password=False))

    assert run("current").out == f"{HEAD} (head)\n"
    assert run("status", url="sqlite:///nothing.db").code == 7


def test_option_may_stand_before_and_after_the_verb(url: URL) -> None:
    text = url.render_as_string(hide_password=False)

    assert run("--url", text, "current").out == run("current", "--url", text).out == f"{HEAD} (head)\n"
    assert "Traceback" in run("check", "--debug", url="sqlite:///nothing.db").err
    assert "Traceback" in run("--debug", "check", url="sqlite:///nothing.db").err


@pytest.mark.parametrize(
    "name", ["with space", "100%", "%20", "größe 日本", "a+b&c=d", "[bold]x[bold]", ":key:", "%(here)s"]
)
def test_path_may_hold_odd_characters(name: str, empty_folder: Path) -> None:
    path = empty_folder / name
    url = URL.create("sqlite", database=str(path))

    assert run("upgrade", "head", url=url).code == 0
    assert path.exists()
    assert f"database  {url.render_as_string()}" in run("status", url=url).out.splitlines()


@pytest.mark.parametrize("verb", ["check", "current", "downgrade", "doctor", "status", "wait"])
def test_verb_that_needs_a_database_makes_no_file(verb: str, empty_folder: Path) -> None:
    run(verb, *([BASELINE, "--yes"] if verb == "downgrade" else []), url="sqlite:///nothing.db")

    assert list(empty_folder.iterdir()) == []


# Alembic's verbs


def test_history_is_shown() -> None:
    assert [line.split(",")[0] for line in run("history").out.splitlines()] == [
        f"{script.down_revision or '<base>'} -> {script.revision}{' (head)' * (script.revision == HEAD)}"
        for script in HISTORY.walk_revisions()
    ]
    assert run("heads").out == f"{HEAD} (head)\n"
    assert "fractal-server 2.9" in run("show", BASELINE).out
    assert run("branches").code == 0


def test_position_in_history_is_shown(site_url: URL) -> None:
    assert run("current", url=site_url).out == f"{BASELINE}\n"
    assert f"{BASELINE} (current)" in run("history", "--indicate-current", url=site_url).out


def test_check_is_clean_at_head_and_tells_what_differs(url: URL) -> None:
    assert run("check", url=url).code == 0
    with connect(url) as connection:
        connection.execute(sa.text("ALTER TABLE state DROP COLUMN data"))
        connection.commit()

    outcome = run("check", url=url)

    assert outcome.code == 6
    assert outcome.err.count("\n") == 1
    assert "state" in outcome.err


def test_check_of_a_database_that_is_behind_says_so(site_url: URL) -> None:
    outcome = run("check", url=site_url)

    message = "the database is not at head; run `fractal-models upgrade head`"
    assert (outcome.code, outcome.err) == (3, f"fractal-models: {message}\n")


def test_database_without_a_revision_is_stamped_as_status_says(databases: Databases, url: URL) -> None:
    with connect(url) as connection:
        connection.execute(sa.text("DELETE FROM alembic_version"))
        connection.commit()
    assert run("upgrade", "head", url=url).code == 5
    remedy = inspect_database(url).command
    assert remedy == f"fractal-models stamp {HEAD}"

    assert run(*remedy.split()[1:], url=url).code == 0

    assert inspect_database(url).state is DatabaseState.AT_HEAD


def test_version_table_alone_is_an_empty_database(empty_url: URL) -> None:
    assert run("ensure_version", url=empty_url).code == 0
    assert inspect_database(empty_url).state is DatabaseState.EMPTY
    assert run("upgrade", "head", url=empty_url).code == 0


def test_unknown_revision_on_the_command_line_is_an_error_without_family(url: URL) -> None:
    outcome = run("upgrade", "ffff", url=url)

    message = "there is no revision ffff; `fractal-models history` lists all"
    assert (outcome.code, outcome.err) == (1, f"fractal-models: {message}\n")


@pytest.mark.parametrize("verb", ["check", "current", "doctor", "downgrade", "stamp", "upgrade"])
@pytest.mark.parametrize("revision", ["5bf02391cfef", "1eac13a26c83", "0123456789ab"])
def test_database_of_somebody_else_is_told_by_every_verb(verb: str, revision: str, sqlite_site: URL) -> None:
    with connect(sqlite_site) as connection:
        connection.execute(sa.text(f"UPDATE alembic_version SET version_num = '{revision}'"))
        connection.commit()
    before = snapshot(sqlite_site)
    arguments = {"downgrade": [BASELINE, "--yes"], "stamp": ["head"], "upgrade": ["head"]}.get(verb, [])

    outcome = run(verb, *arguments, url=sqlite_site)

    assert snapshot(sqlite_site) == before
    assert outcome.code == (5 if revision == "1eac13a26c83" else 3)
    assert outcome.err == f"fractal-models: {one_line(sqlite_site)}\n"


def one_line(url: URL) -> str:
    status = inspect_database(url)
    return f"{status.message}; {status.remedy}"


def test_offline_script_needs_no_database() -> None:
    outcome = run("upgrade", "head", "--sql", url="postgresql://me:secret@nowhere.invalid/name")

    assert (outcome.code, outcome.err) == (0, "")
    assert "CREATE TABLE project" in outcome.out


# Errors

NEEDS_A_DATABASE = {
    "check": [],
    "current": [],
    "doctor": [],
    "downgrade": [BASELINE, "--yes"],
    "ensure_version": [],
    "history": ["--indicate-current"],
    "stamp": ["head"],
    "upgrade": ["head"],
    "wait": ["--timeout", "0"],
}


@pytest.fixture
def closed_url() -> URL:
    """A port where nobody listens."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    return URL.create("postgresql", "me", "secret-password", "127.0.0.1", port, "name")


@pytest.mark.parametrize(("verb", "arguments"), NEEDS_A_DATABASE.items())
def test_error_is_one_line_unless_a_traceback_is_asked_for(verb: str, arguments: list[str], closed_url: URL) -> None:
    outcome, debugged = run(verb, *arguments, url=closed_url), run(verb, *arguments, "--debug", url=closed_url)

    assert (outcome.code, outcome.out) == (7, "")
    assert outcome.err.startswith("fractal-models: ")
    assert outcome.err.count("\n") == 1
    assert "connection refused" in outcome.err
    assert "start the server" in outcome.err
    assert "Traceback" not in outcome.err
    assert "Traceback" in debugged.err


@pytest.mark.parametrize("arguments", [("upgrade", "head", "--wait"), ("wait", "--timeout")])
@pytest.mark.parametrize("seconds", ["nan", "inf", "-1", "1e9", "soon"])
def test_seconds_are_a_number_that_a_timeout_can_have(arguments: tuple[str, ...], seconds: str) -> None:
    assert run(*arguments, seconds, url="sqlite:///nothing.db").code == 2


def test_error_keeps_its_exit_code_with_a_traceback(closed_url: URL) -> None:
    assert run("status", "--debug", url=closed_url).code == run("upgrade", "head", "--debug", url=closed_url).code == 7


def test_closed_output_is_no_error(tmp_path: Path) -> None:
    command = f"{COMMAND} --url sqlite:///{tmp_path}/new.db upgrade head >&-"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


def test_plain_alembic_tells_in_one_line_too(closed_url: URL) -> None:
    outcome = finish(start("upgrade", "head", url=closed_url, program=ALEMBIC))

    assert outcome.code == 255
    assert re.fullmatch(
        r"FAILED: postgresql\S+: connection refused .*; start the server.*", outcome.all.strip(), re.DOTALL
    )
    assert "secret" not in outcome.all


def test_ctrl_c_is_told_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # Where a shell has put the tests into the background, processes inherit that the signal is ignored.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        process = start("wait", url=f"postgresql://me@127.0.0.1:{listener.getsockname()[1]}/name?sslmode=disable")
        signal.signal(signal.SIGINT, before)
        for _ in range(2):
            # A server that hangs up again and again.
            listener.accept()[0].close()
    process.send_signal(signal.SIGINT)

    outcome = finish(process)

    assert (outcome.code, outcome.err) == (130, "fractal-models: interrupted\n")


def test_reader_that_has_seen_enough_is_no_error(sqlite_url: URL) -> None:
    piped = f"{shlex.quote(COMMAND)} status | head -n 1; echo ${{PIPESTATUS[0]}}"

    done = subprocess.run(
        ["bash", "-c", piped], env=environment(sqlite_url), capture_output=True, text=True, check=True
    )

    assert done.stdout == f"the database is at head, {HEAD}\n0\n"
    assert done.stderr == ""


def test_terminal_that_knows_only_ascii_will_do(sqlite_site: URL) -> None:
    done = subprocess.run(
        [COMMAND, "status"],
        env=environment(sqlite_site) | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (3, "")
    assert "? run `fractal-models upgrade head`" in done.stdout


# Status


def test_status_counts_rows_and_names_what_is_pending(site_url: URL) -> None:
    outcome = run("status", url=site_url)

    lines = outcome.out.splitlines()
    assert lines[0] == inspect_database(site_url).message
    assert lines[1] == "→ run `fractal-models upgrade head`"
    for script in list(HISTORY.walk_revisions())[:-1]:
        assert f"pending   {script.revision} {(script.doc or '').rstrip('.')}" in lines
    assert re.search(r"^release   fractal-server 2\.9\.0 to 2\.9\.1$", outcome.out, re.MULTILINE)
    assert re.search(r"^server    (sqlite|postgresql) \d+", outcome.out, re.MULTILINE)
    assert re.search(r"^size      \d+\.\d MiB$", outcome.out, re.MULTILINE)
    assert re.search(r"^applyworkflow +3$", outcome.out, re.MULTILINE)
    assert len(re.findall(r"^\w+ +3$", outcome.out, re.MULTILINE)) == 23


def test_status_for_programs_says_the_same(site_url: URL) -> None:
    facts = json.loads(run("status", "--json", url=site_url).out)

    assert facts.pop("bytes") > 100_000
    assert facts.pop("server").startswith(site_url.get_backend_name())
    [note] = facts.pop("notes")
    assert note.startswith("the new indexes need up to ")
    assert facts == {
        "url": site_url.render_as_string(hide_password=True),
        "state": "server_2_9",
        "message": inspect_database(site_url).message,
        "remedy": "run `fractal-models upgrade head`",
        "revision": BASELINE,
        "release": "fractal-server 2.9.0 to 2.9.1",
        "head": HEAD,
        "pending": [{"revision": revision, "title": title} for revision, title in inspect_database(site_url).pending],
        "differences": [],
        "obstacles": [],
        "rows": dict.fromkeys(Project.metadata.tables, 3),
        "readable": sorted(Project.metadata.tables),
        "missing": [],
    }


def test_status_of_a_role_that_may_not_read_everything(guarded: Guarded) -> None:
    url = guarded.create_at_head()
    with connect(url) as connection:
        connection.execute(sa.text("GRANT SELECT ON alembic_version, project TO other"))
        connection.commit()

    outcome = run("status", url=url.set(username="other"))

    assert (outcome.code, outcome.err) == (0, "")
    assert re.search(r"^project +0 +user_list *$", outcome.out, re.MULTILINE)
    assert re.search(r"^state +permission denied +all columns *$", outcome.out, re.MULTILINE)


# Wait


def test_wait_ends_when_the_server_accepts_connections(postgres_url: URL, closed_url: URL) -> None:
    url = postgres_url.set(host="127.0.0.1", port=closed_url.port, query={"sslmode": "disable"})
    waiting = Forked("wait", "--timeout", "60", url=url)
    time.sleep(0.5)
    assert waiting.running

    with pooler(postgres_url, closed_url.port or 0):
        outcome = waiting.finish()

    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")


def test_wait_gives_up(closed_url: URL) -> None:
    outcome = run("wait", "--timeout", "0.5", url=closed_url)

    assert outcome.code == 7
    assert "no connection within 0.5 s" in outcome.err
    assert "connection refused" in outcome.err


def test_wait_for_a_server_that_does_not_answer_is_bounded_too() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        begin = time.monotonic()
        outcome = run("wait", "--timeout", "1", url=f"postgresql://me@127.0.0.1:{listener.getsockname()[1]}/name")

    assert outcome.code == 7
    assert "not responding" in outcome.err
    assert time.monotonic() - begin < 8


def test_wait_does_not_wait_for_what_will_not_come(guarded: Guarded) -> None:
    begin = time.monotonic()

    assert run("wait", url=guarded.url.set(username="nobody")).code == 7
    assert run("wait", url=guarded.url.set(database="nothing")).code == 7
    assert time.monotonic() - begin < 30


@pytest.mark.parametrize("state", ["empty", "behind", "at head", "behind a pooler", "without rights", "no file"])
def test_server_that_accepts_connections_is_enough(state: str, guarded: Guarded) -> None:
    url: URL | str = guarded.create_at_head() if state in {"at head", "without rights"} else guarded.create()
    assert isinstance(url, URL)
    if state == "behind":
        upgrade(url, BASELINE)
    if state == "without rights":
        url = url.set(username="other")
    if state == "no file":
        url = "sqlite:///nothing.db"
    if state == "behind a pooler":
        assert isinstance(url, URL)
        with pooler(url) as pooled:
            assert run("wait", url=pooled).code == 0
    else:
        assert run("wait", url=url).code == 0


# Upgrade, downgrade, and their questions


def test_upgrade_tells_each_revision_on_a_plain_line(empty_url: URL) -> None:
    scripts = list(HISTORY.walk_revisions())[::-1]

    outcome = Forked("upgrade", "head", url=empty_url).finish()

    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines()[2:-1] == [
        f"{number}/{len(scripts)} upgrade to {script.revision}: {(script.doc or '').rstrip('.')}"
        for number, script in enumerate(scripts, start=1)
    ]


def test_upgrade_on_a_terminal_tells_each_revision_too(empty_url: URL) -> None:
    outcome = converse("upgrade", "head", url=empty_url, answer="")

    assert outcome.code == 0
    for script in HISTORY.walk_revisions():
        assert f"upgrade to {script.revision}: " in outcome.out
    assert "\x1b[" in outcome.out


def test_quiet_upgrade_says_nothing(empty_url: URL) -> None:
    outcome = run("--quiet", "upgrade", "head", url=empty_url)

    assert (outcome.code, outcome.all) == (0, "")


def test_script_on_a_terminal_is_nothing_but_sql() -> None:
    outcome = converse("upgrade", f"{BASELINE}:head", "--sql", url="postgresql://me@nowhere.invalid/name", answer="")

    assert outcome.code == 0
    assert "\x1b" not in outcome.out
    assert outcome.out.startswith("BEGIN;")


def test_downgrade_without_a_terminal_needs_yes(site_url: URL) -> None:
    upgrade(site_url)
    before = snapshot(site_url)

    outcome = run("downgrade", BASELINE, url=site_url)

    assert snapshot(site_url) == before
    assert outcome.code == 9
    assert outcome.err == (
        f"fractal-models: Downgrade {site_url.render_as_string()} to {BASELINE}? Not a terminal; pass --yes\n"
    )
    assert run("downgrade", BASELINE, "--yes", url=site_url).code == 0
    assert revisions(site_url) == [BASELINE]


@pytest.mark.parametrize("answer", ["n\n", "\n", "no\n", "\x04"], ids=["n", "nothing", "no", "end of input"])
def test_downgrade_is_not_done_unless_confirmed(sqlite_url: URL, answer: str) -> None:
    outcome = converse("downgrade", BASELINE, url=sqlite_url, answer=answer)

    assert outcome.code == 9
    assert f"to {BASELINE}? [y/N]" in outcome.out
    assert "nothing was changed" in outcome.out
    assert revisions(sqlite_url) == [HEAD]


def test_downgrade_is_done_when_confirmed(url: URL) -> None:
    outcome = converse("downgrade", BASELINE, url=url, answer="y\n")

    assert outcome.code == 0
    assert f"downgrade from {HEAD}: " in outcome.out
    assert revisions(url) == [BASELINE]


def test_closed_input_is_not_a_terminal(sqlite_url: URL) -> None:
    closed = f"{shlex.quote(COMMAND)} downgrade {BASELINE} <&-"

    done = subprocess.run(
        ["bash", "-c", closed], env=environment(sqlite_url), capture_output=True, text=True, check=False
    )

    assert done.returncode == 9
    assert "pass --yes" in done.stderr


def test_leaving_gives_back_what_was_adopted(site_url: URL) -> None:
    before = catalog(site_url)

    assert run("upgrade", "head", url=site_url).code == 0
    assert run("downgrade", BASELINE, "--yes", url=site_url).code == 0

    assert catalog(site_url) == before
    assert inspect_database(site_url).state is DatabaseState.SERVER_2_9


# Secrets

PASSWORDS = ["Pa55-word/%&?", "query-Pa55+word"]
EVERYTHING = [
    ["status"],
    ["status", "--json"],
    ["doctor"],
    ["doctor", "--json"],
    ["current", "--verbose"],
    ["history", "--indicate-current", "--verbose"],
    ["check"],
    ["heads"],
    ["branches"],
    ["show", "head"],
    ["roles"],
    ["ensure_version"],
    ["wait", "--timeout", "0"],
    ["upgrade", "head", "--sql"],
    ["upgrade", "head", "--wait", "0.1"],
    ["downgrade", f"head:{BASELINE}", "--sql"],
    ["downgrade", BASELINE],
    ["stamp", "nonsense"],
    ["upgrade", "nonsense"],
]


def leaks(url: URL | str) -> list[str]:
    """Run every verb, those that fail with `--debug` as well, and find secrets in what they print."""
    written = [URL.create("x", "x", password, "x").render_as_string(hide_password=False) for password in PASSWORDS]
    secrets = [*PASSWORDS, *(text.removeprefix("x://x:").removesuffix("@x") for text in written), *SECRETS]
    outcomes = [run(*arguments, url=url) for arguments in EVERYTHING]
    for arguments, outcome in list(zip(EVERYTHING, outcomes, strict=True)):
        if outcome.code:
            outcomes.append(run(*arguments, "--debug", url=url))
    assert len([outcome for outcome in outcomes if outcome.all]) > len(EVERYTHING) / 2
    return [f"{secret} in {outcome.all}" for outcome in outcomes for secret in secrets if secret in outcome.all]


def with_passwords(url: URL) -> URL:
    return url.set(password=PASSWORDS[0]).update_query_dict({"password": PASSWORDS[1]})


def test_no_verb_shows_a_secret_of_a_database_that_is_fine(early_url: URL) -> None:
    upgrade(early_url)

    assert leaks(with_passwords(early_url)) == []


def test_no_verb_shows_a_secret_of_a_database_that_is_not(early_url: URL) -> None:
    with connect(early_url) as reader:
        # Nothing works: rows are in the way, the schema has drifted, and somebody holds all locks.
        reader.execute(sa.text("UPDATE user_oauth SET email = 'User1@example.org' WHERE id = 2"))
        reader.execute(sa.text("UPDATE workflowtask SET args = '{\"component\": 1}'"))
        reader.execute(sa.text("ALTER TABLE state DROP COLUMN data"))
        reader.commit()
        reader.execute(sa.text("SELECT * FROM user_oauth, oauthaccount, user_settings"))

        assert leaks(with_passwords(early_url)) == []


@pytest.mark.parametrize("obstacle", ["closed port", "unknown host", "wrong password"])
def test_no_verb_shows_the_password_of_a_server_that_cannot_be_reached(
    obstacle: str, closed_url: URL, guarded: Guarded
) -> None:
    urls = {
        "closed port": closed_url,
        "unknown host": closed_url.set(host="nowhere.invalid"),
        "wrong password": guarded.url.set(username="guarded"),
    }

    assert leaks(with_passwords(urls[obstacle])) == []


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://me:{PASSWORDS[0]}@host:port/name",
        f"mysql://me:{PASSWORDS[0]}@host/name",
        f"{PASSWORDS[0]}",
        f"postgresql+nothing://me:{PASSWORDS[0]}@host/name",
    ],
)
def test_no_verb_repeats_what_is_no_url(text: str) -> None:
    assert leaks(text) == []


def test_search_would_find_a_secret(monkeypatch: pytest.MonkeyPatch, closed_url: URL) -> None:
    monkeypatch.setattr(cli, "masked", lambda url: url.render_as_string(hide_password=False))

    assert leaks(with_passwords(closed_url))

"""The guides for operators and on archives: their commands run as written, their tables are complete."""

import json
import os
import re
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import URL, make_url

from fractal_models.database import DatabaseState, inspect_database
from fractal_models.database.connection.engine import connect
from fractal_models.database.connection.timeouts import MIGRATION_TIMEOUT, STRONG_LOCK_TIMEOUT
from fractal_models.testing.databases import Databases, PostgreSQLDatabases
from tests.support.catalog import catalog
from tests.support.commandline import run, text_of
from tests.support.databases import ROOT
from tests.support.dumps import TOOLS
from tests.support.older import create_older, select
from tests.support.preloaded import stand_ins
from tests.support.rows import content
from tests.support.servers import administer

GUIDE = "".join((ROOT / "docs" / f"{name}.md").read_text() for name in ("operators", "archives"))
SOURCE = "".join(path.read_text() for path in (ROOT / "fractal_models").rglob("*.py"))
CONSOLE_BLOCKS = re.findall(r"```console\n(.*?)```", GUIDE, re.DOTALL)
SQL_BLOCKS = re.findall(r"```sql\n(.*?)```", GUIDE, re.DOTALL)


def section(title: str) -> str:
    return GUIDE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def commands(title: str) -> str:
    """The console blocks of a section, as one script."""
    blocks = re.findall(r"```console\n(.*?)```", section(title), re.DOTALL)
    assert blocks
    return "".join(blocks)


@pytest.fixture
def shell_of(
    early_url: URL, tmp_path: Path, fractal_postgresql_databases: PostgreSQLDatabases
) -> Iterator[dict[str, str]]:
    """What a shell has to know: where the tools and the database are."""
    url = early_url.set(drivername="postgresql")
    host = url.host or url.query.get("host")
    (binaries := tmp_path / "bin").mkdir()
    stand_ins(binaries)
    yield os.environ | {
        "FRACTAL_DATABASE_URL": text_of(url),
        "PATH": os.pathsep.join([str(binaries), str(TOOLS), os.environ["PATH"]]),
        "PGHOST": str(host or ""),
        "PGPORT": str(url.port or 5432),
        "PGUSER": url.username or "",
        "PGPASSWORD": url.password or "",
    }
    # What they make has names of this test's own, for the server may be somebody's.
    administer(fractal_postgresql_databases.server_url, f"DROP DATABASE IF EXISTS {url.database}_restored")
    for role in ("migrator", "server", "analyst"):
        name = f"{url.database}_{role}"
        administer(
            early_url,
            f"DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}') THEN"
            f" DROP OWNED BY {name} CASCADE; DROP ROLE {name}; END IF; END $$",
        )


def bash(script: str, environment: dict[str, str], folder: Path) -> str:
    name = make_url(environment["FRACTAL_DATABASE_URL"]).database
    script = script.replace("--prefix fractal", f"--prefix {name}").replace("restored", f"{name}_restored")
    arguments = ["bash", "-c", f"set -o errexit -o pipefail\n{script}"]
    done = subprocess.run(arguments, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_commands_lead_from_2_9_to_head_and_back(early_url: URL, shell_of: dict[str, str], tmp_path: Path) -> None:
    before, rows = catalog(early_url), content(early_url)

    # The first command of all ends with the code of a database that needs an upgrade.
    printed = bash(
        commands("Adopt a database of fractal-server 2.9").replace("status", "status || test $? = 3"),
        shell_of,
        tmp_path,
    )
    assert "fractal-server 2.9.0 to 2.9.1" in printed
    assert inspect_database(early_url).state is DatabaseState.AT_HEAD

    bash(commands("Upgrade") + commands("Several replicas, Kubernetes"), shell_of, tmp_path)
    assert inspect_database(early_url).state is DatabaseState.AT_HEAD

    bash(commands("Leave"), shell_of, tmp_path)
    restored = early_url.set(database=f"{early_url.database}_restored")
    for url in (early_url, restored):
        assert catalog(url) == before
        assert content(url) == rows


def test_roles_are_made_by_the_command_that_is_shown(early_url: URL, shell_of: dict[str, str], tmp_path: Path) -> None:
    bash(commands("Roles"), shell_of, tmp_path)

    may = "SELECT has_table_privilege(:role, 'project', 'SELECT'), has_table_privilege(:role, 'project', 'TRIGGER')"
    found = {}
    with connect(early_url) as connection:
        for role in re.findall(r"^\| `fractal_(\w+)` \|", section("Roles"), re.MULTILINE):
            found[role] = tuple(connection.execute(sa.text(may), {"role": f"{early_url.database}_{role}"}).one())
    assert found == {"migrator": (True, True), "server": (True, False), "analyst": (True, False)}


def test_copy_is_verified_by_this_package_and_by_others(
    early_url: URL, shell_of: dict[str, str], tmp_path: Path
) -> None:
    assert "is equal to its manifest" in bash(commands("Copy, and verify"), shell_of, tmp_path)

    (script,) = re.findall(r"```sh\n(.*?)```", section("The proof"), re.DOTALL)
    digest = bash(script, shell_of, tmp_path).split()[0]
    with closing(sqlite3.connect(tmp_path / "archive.db")) as connection:
        (manifest,) = connection.execute("SELECT manifest FROM fractal_manifest").fetchone()
    assert digest == json.loads(manifest)["tables"]["project"]["sha256"]


def test_export_is_written_by_the_command_that_is_shown(
    site_url: URL, shell_of: dict[str, str], tmp_path: Path
) -> None:
    bash(
        commands("Exports, for those without a database"),
        shell_of | {"FRACTAL_DATABASE_URL": text_of(site_url)},
        tmp_path,
    )

    assert {path.name for path in (tmp_path / "site").glob("*.json")} >= {"index.json", "schema.json"}


def test_messages_are_those_of_the_package() -> None:
    cells = re.findall(r"^\| (`.*?) \|", GUIDE.partition("### Messages")[2].partition("### ")[0], re.MULTILINE)
    messages = [message for cell in cells for message in re.findall("`(.+?)`", cell)]

    assert len(messages) > 15
    assert [message for message in messages if message not in " ".join(SOURCE.split())] == []


def test_older_database_is_converted_as_shown(fractal_sqlite_databases: Databases) -> None:
    url = create_older(fractal_sqlite_databases, "1.4.2")
    show_state, convert = commands("Convert an older database").splitlines()

    assert run(*show_state.split()[1:], url=url).code == 3
    assert run(*convert.split()[1:], url=url).code == 0

    _, kept = SQL_BLOCKS
    assert select(url, kept) == []


def test_every_console_block_has_been_run() -> None:
    shown = [
        "Adopt a database of fractal-server 2.9",
        "Convert an older database",
        "Upgrade",
        "Several replicas, Kubernetes",
        "Roles",
        "Leave",
        "Copy, and verify",
        "Exports, for those without a database",
    ]

    assert "".join(commands(title) for title in shown) == "".join(CONSOLE_BLOCKS)


def test_backup_of_a_file_is_whole(sqlite_site: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    statement, _ = SQL_BLOCKS
    with closing(sqlite3.connect(sqlite_site.database or "")) as connection:
        connection.execute(statement)

    assert content(URL.create("sqlite", database="before.db")) == content(sqlite_site)


def test_times_are_those_of_the_code() -> None:
    assert f"at most {STRONG_LOCK_TIMEOUT / 2:g} s" in GUIDE
    assert f"({MIGRATION_TIMEOUT:g} by default)" in GUIDE

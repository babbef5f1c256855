"""The example of a server with tables and a history of its own."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from sqlalchemy import URL

from fractal_models.database import DatabaseState, inspect_database
from fractal_models.database.revisions.history import BASELINE
from tests.support.databases import ROOT, mainly_on, upgrade
from tests.support.example_server import environment, free_port
from tests.support.preloaded import finish
from tests.support.shell import shell, terminal

FOLDER = ROOT / "examples" / "own_tables"
README = (FOLDER / "README.md").read_text()
COMMANDS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)


@mainly_on("postgresql")
def test_commands_do_what_the_text_says(empty_url: URL, tmp_path: Path) -> None:
    env = terminal(empty_url, tmp_path, PORT=free_port())
    with shell("".join(COMMANDS), env, tmp_path) as (status, output, errors):
        assert status == 0, errors
    first, second, notes, missing = (json.loads(line) for line in output.splitlines() if line.startswith(("{", "[")))

    assert [first["text"], second["text"]] == ["Plate 3 is out of focus", "Imaged again"]
    assert notes == [first, second]
    assert missing == {"detail": "Project 3 not found."}
    assert output.count("No new upgrade operations detected.") == 2
    (line,) = errors.splitlines()
    assert "so nothing was changed: " in line
    assert line.count("on table note depends on table" if "constraint" in line else "key of table note depends on") == 2
    assert inspect_database(empty_url).state is DatabaseState.EMPTY


@mainly_on("sqlite")
def test_server_does_not_start_on_a_database_that_is_behind(empty_url: URL, tmp_path: Path) -> None:
    upgrade(empty_url, BASELINE)
    refused = finish([FOLDER / "server.py"], environment(empty_url), tmp_path)

    assert (refused.code, refused.out) == (1, "")
    assert re.fullmatch(r"server.py: .*run `fractal-models upgrade head`\n", refused.err)


AUTOGENERATE = """
import json, sys
import sqlalchemy as sa
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.runtime.migration import MigrationContext
from sqlmodel import SQLModel
import tables
from fractal_models.database import server_history, sync_url
with sa.create_engine(sync_url(sys.argv[1])).connect() as connection:
    for options in ({"version_table": "notes_version"}, server_history("notes_version")):
        context = MigrationContext.configure(connection, opts={"target_metadata": SQLModel.metadata, **options})
        operations = produce_migrations(context, SQLModel.metadata).upgrade_ops
        print(json.dumps(render_python_code(operations, render_item=options.get("render_item"))))
"""


@mainly_on("sqlite")
def test_autogenerate_changes_the_tables_of_the_server_only(url: URL) -> None:
    text = url.render_as_string(hide_password=False)
    program = [sys.executable, "-W", "ignore", "-c", AUTOGENERATE, text]
    env = {**environment(url), "PYTHONPATH": f"{FOLDER}{os.pathsep}{ROOT}"}
    printed = subprocess.check_output(program, env=env, text=True)
    plain, ours = map(json.loads, printed.splitlines())

    assert "op.drop_table('alembic_version')" in plain
    tables_and_indexes = re.findall(r"op\.(\w+)\((?:op\.f\()?'(\w+)'", ours)
    assert tables_and_indexes == [
        ("create_table", "note"),
        ("create_index", "ix_note_project_id"),
        ("create_index", "ix_note_user_id"),
    ]
    assert "sa.ForeignKeyConstraint(['user_id'], ['user_oauth.id'], ondelete='CASCADE')" in ours
    assert "fractal_models" not in ours
    assert "sqlmodel" not in ours

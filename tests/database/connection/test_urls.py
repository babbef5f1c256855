"""The URL of a database: its secrets are not shown, and what it says of time-outs counts."""

import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy import URL, make_url

from fractal_models.database import DatabaseState, UnreachableError, inspect_database
from fractal_models.database.connection import engine
from fractal_models.database.connection.engine import maintenance_engine
from fractal_models.database.connection.redaction import masked, without_secrets
from fractal_models.database.connection.urls import sync_url
from fractal_models.testing.databases import Databases
from tests.support.databases import alembic_config

AWKWARD = "p%40ss @:/?#[]&=ü*'\""


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:secret@host/name", "postgresql://me:***@host/name"),
        ("postgresql://me@host/name?password=secret", "postgresql://me@host/name?password=***"),
        ("postgresql://me@host/name?password=secret&password=other", "postgresql://me@host/name?password=***"),
        ("postgresql://me@host/name?sslpassword=secret&x=1", "postgresql://me@host/name?sslpassword=***&x=1"),
        (
            "postgresql://me:secret@/name?host=/run&passfile=/secret",
            "postgresql://me:***@/name?host=%2Frun&passfile=***",
        ),
        ("sqlite:////data/fractal.db", "sqlite:////data/fractal.db"),
        ("postgresql://me:secret@/name?host=a:1&host=b:2&x=1", "postgresql://me:***@a:1,b:2/name?x=1"),
    ],
)
def test_url_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert masked(make_url(url)) == shown


@pytest.mark.parametrize("place", ["password", "query"])
def test_secrets_are_taken_out_of_what_a_driver_says(place: str) -> None:
    url = URL.create("postgresql", "me", host="host", database="name")
    url = url.set(password=AWKWARD) if place == "password" else url.update_query_dict({"password": AWKWARD})

    said = f"cannot connect to {url.render_as_string(hide_password=False)} with {AWKWARD}"

    assert without_secrets(said, url).endswith("with ***")
    assert "40ss" not in without_secrets(said, url)


def test_each_of_several_secrets_is_taken_out() -> None:
    url = make_url("postgresql://me:one@host/name?password=two&password=three&sslpassword=four")

    assert without_secrets("one two three four", url) == "*** *** *** ***"


def test_longer_secret_is_taken_out_as_a_whole() -> None:
    url = make_url("postgresql://me:pass@host/name?sslpassword=passphrase")

    assert without_secrets("the passphrase", url) == "the ***"


@pytest.mark.parametrize("driver", ["psycopg2", "psycopg"])
@pytest.mark.parametrize(("query", "seconds"), [("", 10), ("?connect_timeout=3", 3)])
def test_server_that_does_not_answer_is_given_up_by_the_upkeep(driver: str, query: str, seconds: int) -> None:
    engine = maintenance_engine(f"postgresql+{driver}://me@host/name{query}")

    _, arguments = engine.dialect.create_connect_args(engine.url)

    assert int({"connect_timeout": 10, **arguments}["connect_timeout"]) == seconds


def test_short_secret_is_no_part_of_other_words() -> None:
    assert without_secrets("port 1: acce", make_url("postgresql://u:p@h/n")) == "port 1: acce"
    assert without_secrets("p is 'p'", make_url("postgresql://u:p@h/n")) == "*** is '***'"


@pytest.mark.parametrize("url", ["postgresql://u:s3cr@t@host/name", "postgresql://u:s3cr@t@/name?host=/socket"])
def test_at_sign_in_a_password_is_asked_to_be_escaped(url: str) -> None:
    with pytest.raises(UnreachableError, match="write it as %40") as refused:
        sync_url(url)

    assert "s3cr" not in str(refused.value)


MISSING = {
    ("create_engine", "postgresql"): ("psycopg2", "psycopg2-binary"),
    ("create_engine", "postgresql+psycopg"): ("psycopg", "fractal-models[psycopg]"),
    ("create_engine", "postgresql+pg8000"): ("pg8000", "pg8000"),
    ("create_async_engine", "postgresql"): ("asyncpg", "fractal-models[async]"),
    ("create_async_engine", "postgresql+psycopg"): ("psycopg", "fractal-models[psycopg]"),
    ("create_async_engine", "sqlite"): ("aiosqlite", "fractal-models[async]"),
    ("maintenance_engine", "postgresql+psycopg"): ("psycopg", "fractal-models[psycopg]"),
}
"""Driver of each function and URL, and the requirement that installs it."""


@pytest.mark.parametrize(("function", "scheme"), MISSING, ids=" ".join)
def test_missing_driver_is_named_with_the_command_that_installs_it(
    function: str, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver, requirement = MISSING[function, scheme]
    monkeypatch.setitem(sys.modules, driver, None)

    with pytest.raises(UnreachableError) as refused:
        getattr(engine, function)(f"{scheme}://host/name" if scheme != "sqlite" else "sqlite:///file.db")

    assert str(refused.value).startswith(f"driver {driver} cannot be imported (")
    assert str(refused.value).endswith(f"; run `pip install '{requirement}'`")
    assert "\n" not in str(refused.value)


def test_missing_greenlet_is_named_with_the_command_that_installs_it() -> None:
    code = "import sys; sys.modules['greenlet'] = None; import fractal_models.database"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("ImportError: greenlet cannot be imported (")
    assert done.stderr.endswith("; run `pip install greenlet`\n")


def test_unknown_driver_is_named() -> None:
    with pytest.raises(UnreachableError, match=r"^driver nobodys .* is unknown; remove it from the URL$"):
        maintenance_engine("postgresql+nobodys://host/name")


@pytest.mark.parametrize("defensive", [getattr(sqlite3, "SQLITE_DBCONFIG_DEFENSIVE", None)])
def test_sqlite_that_defends_its_schema_is_migrated_all_the_same(
    defensive: int | None, fractal_sqlite_databases: Databases
) -> None:
    url = fractal_sqlite_databases.create()
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    if defensive is not None:  # Python 3.11 cannot make it so, either
        sa.event.listen(engine, "connect", lambda connection, _record: connection.setconfig(defensive, True))
    config = alembic_config()
    config.attributes |= {"connection": engine, "report": lambda _line: None}

    command.upgrade(config, "head")

    assert inspect_database(url).state is DatabaseState.AT_HEAD


def test_upkeep_changes_nothing_in_a_file(fractal_sqlite_databases: Databases) -> None:
    url = fractal_sqlite_databases.create()
    with closing(sqlite3.connect(url.database or "")) as connection:
        connection.execute("CREATE TABLE lab (id INTEGER)")

    with maintenance_engine(url).connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "delete"

    fractal_sqlite_databases.drop(url)

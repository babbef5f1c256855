"""How Alembic finds the database."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.util import CommandError
from sqlalchemy import URL, Engine

from fractal_models.database import create_engine
from fractal_models.testing.databases import Databases
from tests.support.catalog import catalog, revisions
from tests.support.commandline import run
from tests.support.databases import alembic_config, databases_of


def test_without_any_configuration_it_is_a_file_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    config = alembic_config()
    lines: list[str] = []
    config.attributes["report"] = lines.append

    command.upgrade(config, "head")

    assert revisions(f"sqlite:///{tmp_path}/fractal.db")
    assert lines[0] == f"database sqlite:///fractal.db in {tmp_path}, since FRACTAL_DATABASE_URL is not set"


def test_environment_variable_wins_over_the_configuration(
    empty_url: URL, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    named_url = databases.create()
    monkeypatch.setenv("FRACTAL_DATABASE_URL", named_url.render_as_string(hide_password=False))

    command.upgrade(alembic_config(empty_url), "head")

    assert revisions(named_url)
    assert not any(catalog(empty_url).values())
    databases.drop(named_url)


@pytest.mark.parametrize("value", ["", " "])
def test_empty_environment_variable_is_refused(
    value: str, tmp_path: Path, sqlite_url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FRACTAL_DATABASE_URL", value)

    with pytest.raises(CommandError, match="FRACTAL_DATABASE_URL is set, but empty"):
        command.upgrade(alembic_config(), "head")

    outcome = run("upgrade", "head")
    assert outcome.code == 7
    assert outcome.err == (
        "fractal-models: FRACTAL_DATABASE_URL is set, but empty; give it the URL of the database, or unset it\n"
    )
    assert list(tmp_path.iterdir()) == []
    assert run("current", url=sqlite_url).code == 0
    assert run("current", "--url", "").code == 7


@pytest.mark.parametrize(
    "driver",
    [
        "sqlite",
        "sqlite+aiosqlite",
        "postgres",
        "postgresql",
        "postgresql+psycopg2",
        "postgresql+psycopg",
        "postgresql+asyncpg",
    ],
)
def test_url_of_a_server_is_taken_whatever_its_driver(
    driver: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    databases = databases_of(request, driver)
    url = databases.create()
    monkeypatch.setenv("FRACTAL_DATABASE_URL", url.set(drivername=driver).render_as_string(hide_password=False))

    command.upgrade(alembic_config(), "head")

    assert revisions(url)
    databases.drop(url)


@pytest.fixture
def awkward_login(fractal_postgresql_databases: Databases) -> Iterator[URL]:
    """An empty database, and a user of it whose name and password need every kind of escaping in a URL."""
    url = fractal_postgresql_databases.create()
    login = url.set(username=f"%40 @:/?#% {os.getpid()}", password="100%40 @:/?#%(here)s")
    role = f'"{login.username}"'
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text(f"CREATE ROLE {role} SUPERUSER LOGIN PASSWORD '{login.password}'"))
    yield login
    with engine.begin() as connection:
        connection.execute(sa.text(f"REASSIGN OWNED BY {role} TO CURRENT_USER"))
        connection.execute(sa.text(f"DROP ROLE {role}"))
    engine.dispose()
    fractal_postgresql_databases.drop(url)


@pytest.fixture
def passwords() -> Iterator[list[Any]]:
    """Each password that a driver is given: a server that trusts whoever is local does not check it."""
    found: list[Any] = []

    def record(_dialect: object, _record: object, _args: object, parameters: dict[str, Any]) -> None:
        found.append(parameters.get("password"))

    sa.event.listen(Engine, "do_connect", record)
    yield found
    sa.event.remove(Engine, "do_connect", record)


@pytest.mark.parametrize("place", ["environment", "configuration"])
def test_user_and_password_may_hold_any_character(
    place: str, awkward_login: URL, passwords: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = alembic_config()
    text = awkward_login.render_as_string(hide_password=False)
    if place == "environment":
        monkeypatch.setenv("FRACTAL_DATABASE_URL", text)
    else:
        config.set_main_option("sqlalchemy.url", text.replace("%", "%%"))

    command.upgrade(config, "head")

    assert set(passwords) == {awkward_login.password}
    assert revisions(awkward_login)


def test_engine_may_be_handed_over(empty_url: URL) -> None:
    engine = create_engine(empty_url)
    config = alembic_config()
    config.attributes["connection"] = engine

    command.upgrade(config, "head")

    engine.dispose()
    assert revisions(empty_url)


def test_connection_may_be_handed_over(empty_url: URL) -> None:
    engine = create_engine(empty_url)
    config = alembic_config()
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    engine.dispose()
    assert revisions(empty_url)


def test_connection_that_is_handed_over_wins_over_the_environment(
    empty_url: URL, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    named_url = databases.create()
    monkeypatch.setenv("FRACTAL_DATABASE_URL", named_url.render_as_string(hide_password=False))
    engine = create_engine(empty_url)
    config = alembic_config()
    config.attributes["connection"] = engine

    command.upgrade(config, "head")

    engine.dispose()
    assert revisions(empty_url)
    assert not any(catalog(named_url).values())
    databases.drop(named_url)

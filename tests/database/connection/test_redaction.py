"""Marked secrets are put into every secret column; then whatever comes out is searched for them."""

import logging
import pprint
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import rich.pretty
import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy import URL, Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine as create_sqlalchemy_async_engine
from sqlalchemy.orm import Session

from fractal_models.base import Base
from fractal_models.database import hide_row_values
from fractal_models.database.connection.driver_errors import explain
from fractal_models.database.inspection.roles import secret_columns
from fractal_models.models import OAuthAccount, UserOAuth, UserSettings
from fractal_models.schemas import OAuthAccountRead, UserRead, UserSettingsRead
from fractal_models.schemas.body import Read
from fractal_models.testing.databases import Databases
from fractal_models.testing.factories import OAuthAccountFactory, UserOAuthFactory, UserSettingsFactory
from fractal_models.types import UnstorableValueError
from tests.support.drivers import POSTGRESQL_DRIVERS, SQLITE_DRIVERS, Client

MARK = "s3cr3t"

SECRETS = {
    "user_oauth": {"hashed_password"},
    "oauthaccount": {"access_token", "refresh_token"},
    "user_settings": {"ssh_private_key_path"},
}


def secrets_of(table: str) -> dict[str, str]:
    return {column: f"{MARK}-{column}" for column in SECRETS[table]}


def user(**values: Any) -> UserOAuth:
    """A user with all secrets there are."""
    return UserOAuthFactory.build(
        **{
            "settings": UserSettingsFactory.build(**secrets_of("user_settings")),
            "oauth_accounts": [OAuthAccountFactory.build(user=None, **secrets_of("oauthaccount"))],
            **secrets_of("user_oauth"),
            **values,
        }
    )


def rows(user: UserOAuth) -> list[Base]:
    assert user.settings is not None
    return [user, user.settings, *user.oauth_accounts]


def test_secret_columns_are_those_that_are_marked_here() -> None:
    assert secret_columns() == SECRETS


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{0!r:>9}".format, pprint.pformat, rich.pretty.pretty_repr])
def test_secrets_are_not_shown_with_a_row(show: Callable[[object], str]) -> None:
    for row in rows(user()):
        assert MARK not in show(row)
        assert MARK not in show([row, {"row": row}])


def test_secrets_are_not_shown_with_a_row_that_was_loaded(session: Session) -> None:
    session.add(user())
    session.commit()
    session.expunge_all()

    found = session.execute(sa.select(UserOAuth)).one()

    assert MARK in found[0].hashed_password
    for row in rows(found[0]):
        assert MARK not in f"{found} {found!r} {row} {row!r}"


@pytest.mark.parametrize(
    ("model", "wrong"),
    [
        (UserOAuth, {"email": "nobody"}),
        (UserOAuth, {}),
        (OAuthAccount, {"expires_at": "soon"}),
        (UserSettings, {"slurm_accounts": 1}),
    ],
)
def test_secrets_are_not_in_errors_of_validation(model: type[Base], wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        model.model_validate({**secrets_of(str(model.__tablename__)), **wrong})

    assert MARK not in told_of(caught.value)


@pytest.mark.parametrize("body", [UserRead, OAuthAccountRead, UserSettingsRead])
def test_secrets_are_not_in_errors_of_what_is_read(body: type[Read]) -> None:
    with pytest.raises(ValidationError) as caught:
        body.model_validate({column: MARK for columns in SECRETS.values() for column in columns})

    assert MARK not in told_of(caught.value)


def test_secrets_are_not_in_errors_of_assignment() -> None:
    with pytest.raises(ValueError, match="slurm_accounts: should be a list") as caught:
        UserSettings().slurm_accounts = MARK  # type: ignore[assignment]

    assert MARK not in told_of(caught.value)


def told_of(error: BaseException) -> str:
    """All that a server could log of an exception."""
    chain = [error, getattr(error, "orig", None), error.__cause__, error.__context__]
    kept = [getattr(error, "params", None)]
    if isinstance(error, ValidationError):
        kept += [error.errors(), error.json()]
    return "\n".join([*traceback.format_exception(error), *(f"{each} {each!r}" for each in chain), *map(str, kept)])


def flush(*rows: Base) -> Callable[[Connection], None]:
    def run(connection: Connection) -> None:
        with Session(connection) as session:
            session.add_all(rows)
            session.flush()

    return run


def execute(statement: Any, values: Any = None) -> Callable[[Connection], object]:
    statement = sa.text(statement) if isinstance(statement, str) else statement
    return lambda connection: connection.execute(statement, values)


FAILURES: dict[str, Callable[[], Callable[[Connection], object]]] = {
    "null": lambda: flush(user(email=None)),
    "unique": lambda: flush(user(email="a@example.org"), user(email="A@example.org")),
    "foreign key": lambda: flush(OAuthAccountFactory.build(user=None, user_id=-1, **secrets_of("oauthaccount"))),
    "unstorable": lambda: flush(user(hashed_password=f"{MARK}\0")),
    "no text": lambda: flush(user(hashed_password=[MARK])),
    "no number": lambda: flush(user(id=MARK)),
    "no boolean": lambda: flush(user(is_active=MARK)),
    "many rows": lambda: execute(sa.insert(UserOAuth), [{"email": None, **secrets_of("user_oauth")}] * 3),
    "update": lambda: execute(sa.update(UserOAuth).values(email=None, **secrets_of("user_oauth"))),
    "no such column": lambda: execute("UPDATE user_oauth SET hashed_password = :value, nothing = 1", {"value": MARK}),
    "no such function": lambda: execute("SELECT nothing(:value)", {"value": MARK}),
    "syntax": lambda: execute("SELECT :value FROM WHERE", {"value": MARK}),
    "bytes": lambda: execute("SELECT nothing(CAST(:value AS text))", {"value": MARK.encode()}),
    "literal": lambda: execute(sa.select(sa.func.nothing(sa.literal(MARK)))),
}
"""Ways for a statement to fail that carries a secret."""

FAILURES_OF_POSTGRESQL: dict[str, Callable[[], Callable[[Connection], object]]] = {
    "cast": lambda: execute("SELECT CAST(CAST(:value AS text) AS integer)", {"value": MARK}),
    "json": lambda: execute("SELECT CAST(CAST(:value AS text) AS json)", {"value": MARK}),
    "timeout": lambda: execute("SELECT pg_sleep(30), CAST(:value AS text)", {"value": MARK}),
}

CASES = [(driver, name, failure) for driver in SQLITE_DRIVERS for name, failure in FAILURES.items()] + [
    (driver, name, failure)
    for driver in POSTGRESQL_DRIVERS
    for name, failure in {**FAILURES, **FAILURES_OF_POSTGRESQL}.items()
]


@pytest.fixture(scope="module")
def users(fractal_sqlite_databases: Databases, fractal_postgresql_databases: Databases) -> Iterator[dict[str, URL]]:
    """By dialect, a database with a user in it, which stays as it is."""
    databases = {"sqlite": fractal_sqlite_databases, "postgresql": fractal_postgresql_databases}
    urls = {dialect: found.create_at_head() for dialect, found in databases.items()}
    for dialect, driver in (("sqlite", "pysqlite"), ("postgresql", "psycopg2")):
        with Client(driver, urls[dialect]) as client:
            client.run(execute(sa.insert(UserOAuth).values(email="u@example.org", **secrets_of("user_oauth"))))
    yield urls
    for dialect, url in urls.items():
        databases[dialect].drop(url)


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """Everything that was logged or printed, by anybody and on any level."""
    caplog.set_level(logging.DEBUG)

    def everything() -> str:
        formatter = logging.Formatter("%(name)s %(message)s")
        return "\n".join([*map(formatter.format, caplog.records), *capfd.readouterr()])

    return everything


def options(url: URL) -> dict[str, Any]:
    return {"statement_timeout": 0.2} if url.get_backend_name() == "postgresql" else {}


@pytest.mark.parametrize(("driver", "name", "failure"), CASES, ids=[f"{driver}-{name}" for driver, name, _ in CASES])
def test_secrets_are_not_in_what_is_told_of_a_failure(
    driver: str,
    name: str,
    failure: Callable[[], Callable[[Connection], object]],
    users: dict[str, URL],
    told: Callable[[], str],
) -> None:
    url = users["sqlite" if driver in SQLITE_DRIVERS else "postgresql"]
    with Client(driver, url, echo="debug", **options(url)) as client:
        with pytest.raises((SQLAlchemyError, UnstorableValueError)) as caught:
            client.run(failure())
        logging.getLogger("server").exception("This failed: %s", caught.value, exc_info=caught.value)

    assert MARK not in told_of(caught.value)
    output = told()
    assert "This failed" in output
    assert MARK not in output


@pytest.mark.parametrize("driver", [*SQLITE_DRIVERS, *POSTGRESQL_DRIVERS])
def test_secrets_are_not_in_what_is_logged_of_what_succeeds(
    driver: str, users: dict[str, URL], told: Callable[[], str]
) -> None:
    def write_and_read(connection: Connection) -> list[str]:
        with Session(connection) as session:
            session.add(user())
            session.flush()
            found = [found.hashed_password for found in session.scalars(sa.select(UserOAuth))]
            connection.rollback()
            return found

    url = users["sqlite" if driver in SQLITE_DRIVERS else "postgresql"]
    with Client(driver, url, echo="debug") as client:
        found = client.run(write_and_read)

    assert found == [secrets_of("user_oauth")["hashed_password"]] * 2
    output = told()
    assert "INSERT INTO user_oauth" in output
    assert MARK not in output


@pytest.mark.parametrize("driver", [*SQLITE_DRIVERS, *POSTGRESQL_DRIVERS])
def test_search_finds_what_is_not_hidden(driver: str, users: dict[str, URL], told: Callable[[], str]) -> None:
    url = users["sqlite" if driver in SQLITE_DRIVERS else "postgresql"]
    with Client(driver, url, hide_parameters=False, echo=True) as client, pytest.raises(DBAPIError) as caught:
        client.run(flush(user(email=None)))

    assert MARK in told_of(caught.value)
    assert MARK in told()


def test_error_that_sqlalchemy_raises_from_itself_is_told_once(users: dict[str, URL]) -> None:
    with Client("pysqlite", users["sqlite"]) as client, pytest.raises(UnstorableValueError) as caught:
        client.run(flush(user(username="\0")))

    assert caught.value.__cause__ is caught.value
    assert explain(caught.value, users["sqlite"]).message.count("should not contain NUL characters") == 1


def test_what_was_wrong_is_still_told(users: dict[str, URL]) -> None:
    with Client("psycopg2", users["postgresql"]) as client:
        with pytest.raises(DBAPIError, match='null value in column "email" of relation "user_oauth"'):
            client.run(flush(user(email=None)))
        with pytest.raises(DBAPIError, match=r"DETAIL:  Key .*=\(u@example.org\) already exists"):
            client.run(flush(user(email="u@example.org")))
        with pytest.raises(DBAPIError, match="invalid input syntax for type integer: …"):
            client.run(execute("SELECT CAST(CAST(:value AS text) AS integer)", {"value": MARK}))


def test_rows_are_hidden_from_errors_of_an_engine_of_another_make(users: dict[str, URL]) -> None:
    engine = sa.create_engine(users["postgresql"], hide_parameters=True)
    for hidden in (False, True):
        if hidden:
            hide_row_values(engine)
        with engine.connect() as connection, pytest.raises(DBAPIError) as caught:
            flush(user(email=None))(connection)
        assert (MARK in told_of(caught.value)) is not hidden
    engine.dispose()


def fetch(statement: str, value: str) -> Callable[[Connection], object]:
    return lambda connection: connection.execute(sa.text(statement), {"value": value}).all()


@pytest.mark.parametrize("asynchronous", [False, True], ids=["pysqlite", "aiosqlite"])
@pytest.mark.parametrize("hide", ["of create_engine", "by hide_row_values"])
@pytest.mark.parametrize("name", [None, "server"])
def test_logs_of_another_engine_in_the_same_process_are_whole(
    asynchronous: bool, hide: str, name: str | None, users: dict[str, URL], told: Callable[[], str]
) -> None:
    driver = "aiosqlite" if asynchronous else "pysqlite"
    url = users["sqlite"].set(drivername=f"sqlite+{driver}")
    create: Callable[..., Any] = create_sqlalchemy_async_engine if asynchronous else sa.create_engine
    options = {} if name is None else {"logging_name": name}
    with Client(driver, url, **options) as ours, Client(driver, url) as others:
        others.engine = create(url, echo="debug")
        if hide == "by hide_row_values":
            ours.engine = create(url, hide_parameters=True, **options)
            hide_row_values(ours.sync_engine)

        others.run(fetch("SELECT email, 'visible' FROM user_oauth WHERE email <> :value", "visible"))
        assert "Row ('u@example.org', 'visible')" in (logged := told())
        assert ("aiosqlite executing" in logged) is asynchronous

        ours.sync_engine.echo = "debug"
        ours.run(fetch("SELECT hashed_password FROM user_oauth WHERE hashed_password <> :value", MARK))
        assert f"sqlalchemy.engine.Engine.{name or 'fractal'} " in (logged := told())
        assert MARK not in logged

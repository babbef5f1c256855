"""The check that a server makes when it starts, and what it raises for each family of trouble."""

import json
import socket
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import URL

from benchmarks import check as check_benchmark
from fractal_models.database import (
    BusyError,
    DatabaseError,
    DatabaseState,
    NeedsUpgradeError,
    UnreachableError,
    WrongDatabaseError,
    check_database,
    check_database_async,
    create_async_engine,
    create_engine,
)
from fractal_models.database.connection.engine import connect
from fractal_models.testing.databases import Databases
from tests.support.databases import databases_of, statement_count, upgrade
from tests.support.dumps import snapshot
from tests.support.server_2_9 import BASELINE
from tests.support.servers import Guarded
from tests.support.sites import SitesOf

DRIVERS = [
    "sqlite",
    "sqlite+aiosqlite",
    "postgresql+psycopg2",
    "postgresql+psycopg",
    "postgresql+psycopg async",
    "postgresql+asyncpg",
]
POSTGRES_DRIVERS = [driver for driver in DRIVERS if driver.startswith("postgresql")]


async def check(url: URL, driver: str, connect_timeout: float | None = None) -> None:
    """Check a database as a server does that uses this driver."""
    asynchronous = driver.endswith(("aiosqlite", "async", "asyncpg"))
    url = url.set(drivername=driver.removesuffix(" async"))
    if not asynchronous:
        check_database(create_engine(url, poolclass=sa.NullPool, wal=False, connect_timeout=connect_timeout))
        return
    async_engine = create_async_engine(url, poolclass=sa.NullPool, wal=False, connect_timeout=connect_timeout)
    try:
        await check_database_async(async_engine)
    finally:
        await async_engine.dispose()


@pytest.mark.parametrize("driver", DRIVERS)
async def test_nothing_happens_at_head(driver: str, request: pytest.FixtureRequest) -> None:
    databases = databases_of(request, driver)
    url = databases.create_at_head()
    before = snapshot(url)

    await check(url, driver)

    assert snapshot(url) == before
    databases.drop(url)


FAMILIES = {
    "empty": (NeedsUpgradeError, DatabaseState.EMPTY, "", "SELECT 1"),
    "at 2.9": (NeedsUpgradeError, DatabaseState.SERVER_2_9, BASELINE, "SELECT 1"),
    "behind": (NeedsUpgradeError, DatabaseState.BEHIND, "4b8f0d6a91c3", "SELECT 1"),
    "older": (
        NeedsUpgradeError,
        DatabaseState.SERVER_OLDER,
        BASELINE,
        "UPDATE alembic_version SET version_num='5bf02391cfef'",
    ),
    "newer": (
        WrongDatabaseError,
        DatabaseState.SERVER_NEWER,
        BASELINE,
        "UPDATE alembic_version SET version_num='1eac13a26c83'",
    ),
    "unknown": (
        WrongDatabaseError,
        DatabaseState.UNKNOWN_REVISION,
        "head",
        "UPDATE alembic_version SET version_num='x'",
    ),
    "unversioned": (WrongDatabaseError, DatabaseState.UNVERSIONED, BASELINE, "DELETE FROM alembic_version"),
}
COMMANDS = {
    DatabaseState.EMPTY: "fractal-models upgrade head",
    DatabaseState.SERVER_2_9: "fractal-models upgrade head",
    DatabaseState.BEHIND: "fractal-models upgrade head",
    DatabaseState.SERVER_OLDER: "fractal-models upgrade head --convert",
    DatabaseState.UNKNOWN_REVISION: "pip install --upgrade fractal-models",
    DatabaseState.UNVERSIONED: f"fractal-models stamp {BASELINE}",
}


@pytest.mark.parametrize("driver", ["sqlite", "sqlite+aiosqlite", "postgresql+psycopg2", "postgresql+asyncpg"])
@pytest.mark.parametrize(("family", "state", "start", "statement"), FAMILIES.values(), ids=FAMILIES.keys())
async def test_family_of_trouble_has_its_exception(
    family: type[DatabaseError],
    state: DatabaseState,
    start: str,
    statement: str,
    driver: str,
    request: pytest.FixtureRequest,
    sites_of: SitesOf,
) -> None:
    databases = databases_of(request, driver)
    sites = sites_of("young" if databases.dialect == "postgresql" else "sqlite", rows=False)
    url = databases.create(sites.template(start) if start else None)
    with connect(url) as connection:
        connection.execute(sa.text(statement))
        connection.commit()

    with pytest.raises(family) as raised:
        await check(url, driver)

    assert type(raised.value) is family
    status = raised.value.status
    assert status is not None
    assert status.state is state
    assert status.command == COMMANDS.get(state, "")
    assert status.command in str(raised.value)
    databases.drop(url)


SECRET = "the-wrong-password"


@pytest.mark.parametrize("driver", POSTGRES_DRIVERS)
@pytest.mark.parametrize(
    ("state", "changes"),
    [
        (DatabaseState.AUTHENTICATION, {"username": "guarded", "password": SECRET}),
        (DatabaseState.AUTHENTICATION, {"username": "nobody", "password": SECRET}),
        (DatabaseState.AUTHENTICATION, {"username": "banned", "password": SECRET}),
        (DatabaseState.NO_DATABASE, {"database": "nothing", "password": SECRET}),
        (DatabaseState.REFUSED, {"host": "127.0.0.1", "port": 1, "query": {}, "password": SECRET}),
        (DatabaseState.HOST_NOT_FOUND, {"host": "nowhere.invalid", "query": {}, "password": SECRET}),
    ],
    ids=["wrong password", "unknown role", "not let in", "no such database", "refused", "unknown host"],
)
async def test_unreachable_server_is_explained_by_every_driver(
    state: DatabaseState, changes: dict[str, object], driver: str, guarded: Guarded
) -> None:
    with pytest.raises(UnreachableError) as raised:
        await check(guarded.url.set(**changes), driver)  # type: ignore[arg-type]

    assert raised.value.status is not None
    assert raised.value.status.state is state
    assert SECRET not in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("driver", POSTGRES_DRIVERS)
async def test_server_that_does_not_answer_is_given_up(driver: str) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        url = URL.create("postgresql", "me", SECRET, "127.0.0.1", listener.getsockname()[1], "fractal")

        with pytest.raises(UnreachableError) as raised:
            await check(url, driver, connect_timeout=2)

    assert raised.value.status is not None
    assert raised.value.status.state is DatabaseState.NOT_RESPONDING


@pytest.mark.parametrize("driver", POSTGRES_DRIVERS)
async def test_role_that_may_not_read_is_told_so(driver: str, guarded: Guarded) -> None:
    url = guarded.create_at_head()

    with pytest.raises(UnreachableError) as raised:
        await check(url.set(username="other"), driver)

    assert raised.value.status is not None
    assert raised.value.status.state is DatabaseState.NO_PERMISSION
    assert raised.value.status.command == "fractal-models roles"


@pytest.mark.parametrize("driver", ["sqlite", "sqlite+aiosqlite"])
async def test_missing_file_is_not_made(driver: str, fractal_sqlite_databases: Databases) -> None:
    url = fractal_sqlite_databases.create()
    before = snapshot(url)

    with pytest.raises(UnreachableError, match="does not exist"):
        await check(url, driver)

    assert snapshot(url) == before


@pytest.mark.parametrize("driver", ["sqlite", "sqlite+aiosqlite"])
async def test_locked_file_is_told(driver: str, sqlite_url: URL) -> None:
    with connect(sqlite_url) as connection:
        connection.exec_driver_sql("BEGIN EXCLUSIVE")

        with pytest.raises(BusyError, match="locked"):
            await check(sqlite_url, driver, connect_timeout=0.1)


# Connections, and their number


def test_connection_is_left_as_it_was(url: URL) -> None:
    engine = create_engine(url)
    with engine.connect() as connection:
        check_database(connection)
        assert not connection.in_transaction()

        connection.execute(sa.text("SELECT 1"))
        check_database(connection)
        assert connection.in_transaction()
    engine.dispose()


@pytest.mark.parametrize("driver", ["sqlite+aiosqlite", "postgresql+asyncpg"])
async def test_asynchronous_connection_will_do(driver: str, request: pytest.FixtureRequest) -> None:
    databases = databases_of(request, driver)
    url = databases.create()
    upgrade(url, BASELINE)
    engine = create_async_engine(url.set(drivername=driver), poolclass=sa.NullPool)

    async with engine.connect() as connection:
        with pytest.raises(NeedsUpgradeError):
            await check_database_async(connection)
        assert not connection.in_transaction()

    await engine.dispose()
    databases.drop(url)


def test_error_on_a_connection_is_explained_too(guarded: Guarded) -> None:
    with (
        connect(guarded.create_at_head().set(username="other")) as connection,
        pytest.raises(UnreachableError, match="permission denied"),
    ):
        check_database(connection)


def test_at_head_it_takes_at_most_three_statements_on_one_connection(url: URL) -> None:
    engine = create_engine(url)
    with engine.connect():
        pass
    statements = statement_count(engine)
    connections: list[object] = []
    sa.event.listen(engine, "checkout", lambda *each: connections.append(each))

    check_database(engine)

    assert len(statements) <= 3
    assert len(connections) == 1
    engine.dispose()


def test_nothing_but_alembic_version_needs_to_be_readable(guarded: Guarded) -> None:
    url = guarded.create_at_head()
    with connect(url) as connection:
        connection.execute(sa.text("GRANT SELECT ON alembic_version TO other"))
        connection.commit()

    check_database(create_engine(url.set(username="other"), poolclass=sa.NullPool))


def test_benchmark_counts_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "figures.json"

    check_benchmark.main(["--rounds", "1", "--json", str(file)])

    results = json.loads(file.read_text())["results"]
    assert [result["name"] for result in results] == list(check_benchmark.DRIVERS)
    assert {result["connections"] for result in results} == {1}
    assert {result["statements"] for result in results} <= {1, 2, 3}
    printed = capsys.readouterr().out
    assert not [result for result in results if result["name"] not in printed]


def test_state_of_an_error_equals_its_documented_name(url: URL) -> None:
    with connect(url) as connection:
        connection.execute(sa.text("DROP TABLE alembic_version"))
        connection.commit()

    with pytest.raises(WrongDatabaseError) as refused:
        check_database(create_engine(url, poolclass=sa.NullPool, wal=False))

    assert refused.value.status is not None
    assert refused.value.status.state == "unversioned"
    assert f"{refused.value.status.state}" == "unversioned"

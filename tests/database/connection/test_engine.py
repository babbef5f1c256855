"""Engines and sessions: what they add to SQLAlchemy's really acts, with every driver, and the rest passes through."""

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import URL, Connection, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.orm import Session as SQLAlchemySession
from sqlmodel import Session

from fractal_models.database import (
    DatabaseState,
    UnreachableError,
    async_sessionmaker,
    async_url,
    create_async_engine,
    create_engine,
    inspect_database,
    sessionmaker,
    sync_url,
)
from fractal_models.database.connection.driver_errors import translated
from fractal_models.database.connection.engine import connect
from fractal_models.models import Project, Resource
from fractal_models.testing.factories import ProjectFactory
from tests.support.drivers import POSTGRESQL_DRIVERS, SQLITE_DRIVERS, Client
from tests.support.servers import Guarded

on_sqlite = pytest.mark.parametrize("driver", SQLITE_DRIVERS)
on_postgresql = pytest.mark.parametrize("driver", POSTGRESQL_DRIVERS)


def scalar(statement: str) -> Callable[[Connection], Any]:
    return lambda connection: connection.scalar(sa.text(statement))


def execute(statement: str) -> Callable[[Connection], object]:
    return lambda connection: connection.execute(sa.text(statement))


@pytest.mark.parametrize(
    ("given", "sync", "asynchronous"),
    [
        ("postgresql://host/name", "postgresql+psycopg2://host/name", "postgresql+asyncpg://host/name"),
        ("postgres://host/name", "postgresql+psycopg2://host/name", "postgresql+asyncpg://host/name"),
        ("postgresql+psycopg2://host/name", "postgresql+psycopg2://host/name", "postgresql+asyncpg://host/name"),
        ("postgresql+asyncpg://host/name", "postgresql+psycopg2://host/name", "postgresql+asyncpg://host/name"),
        ("postgresql+psycopg://host/name", "postgresql+psycopg://host/name", "postgresql+psycopg://host/name"),
        (
            "postgresql+psycopg_async://host/name",
            "postgresql+psycopg://host/name",
            "postgresql+psycopg_async://host/name",
        ),
        (
            "postgresql://host/name?sslmode=require",
            "postgresql+psycopg2://host/name?sslmode=require",
            "postgresql+asyncpg://host/name?ssl=require",
        ),
        (
            "postgresql+asyncpg://host/name?ssl=require",
            "postgresql+psycopg2://host/name?sslmode=require",
            "postgresql+asyncpg://host/name?ssl=require",
        ),
        (
            "postgresql:///name?host=one&host=two:5433",
            "postgresql+psycopg2:///name?host=one&host=two:5433",
            "postgresql+asyncpg:///name?host=one:5432&host=two:5433",
        ),
        ("sqlite:///here.db", "sqlite:///here.db", "sqlite+aiosqlite:///here.db"),
        ("sqlite+pysqlite:///here.db", "sqlite+pysqlite:///here.db", "sqlite+aiosqlite:///here.db"),
        ("sqlite+aiosqlite:///here.db", "sqlite:///here.db", "sqlite+aiosqlite:///here.db"),
    ],
)
def test_one_url_serves_both_kinds_of_drivers(given: str, sync: str, asynchronous: str) -> None:
    assert sync_url(given) == make_url(sync)
    assert async_url(given) == make_url(asynchronous)


async def test_options_of_a_url_that_asyncpg_has_other_words_for_are_told_in_these(postgres_url: URL) -> None:
    url = postgres_url.set(drivername="postgresql").update_query_dict(
        {"application_name": "a server", "connect_timeout": "5"}
    )
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        assert (await connection.execute(sa.text("SHOW application_name"))).scalar() == "a server"
    await engine.dispose()


def test_options_of_a_url_that_asyncpg_does_not_know_are_named() -> None:
    with pytest.raises(UnreachableError, match="asyncpg does not know options, sslrootcert; remove it from the URL"):
        create_async_engine("postgresql://host/name?sslrootcert=x&options=y")


@pytest.mark.parametrize("url", ["mysql://host/name", "no url", ""])
def test_url_of_another_database_is_refused(url: str) -> None:
    with pytest.raises(UnreachableError):
        create_engine(url)
    with pytest.raises(UnreachableError):
        create_async_engine(url)


@on_postgresql
@pytest.mark.parametrize("parameter", ["sslmode", "ssl"])
def test_demand_for_encryption_is_understood_by_every_driver(driver: str, parameter: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_refuse_encryption, args=(server,))
        thread.start()
        url = URL.create("postgresql", "user", host="127.0.0.1", port=server.getsockname()[1], database="name")
        with (
            Client(driver, url.update_query_dict({parameter: "require"})) as client,
            pytest.raises((DBAPIError, ConnectionError), match="SSL"),
        ):
            client.run(scalar("SELECT 1"))
        thread.join()


def _refuse_encryption(server: socket.socket) -> None:
    client, _ = server.accept()
    with client:
        client.recv(8)
        client.sendall(b"N")


@on_sqlite
def test_foreign_keys_are_enforced_on_sqlite(driver: str, sqlite_url: URL) -> None:
    orphan = sa.insert(Resource).values(path="/data", dataset_id=1)

    with Client(driver, sqlite_url) as client, pytest.raises(IntegrityError, match="FOREIGN KEY"):
        client.run(lambda connection: connection.execute(orphan))


@on_sqlite
def test_file_of_sqlite_gets_a_write_ahead_log_unless_told_otherwise(driver: str, tmp_path: Path) -> None:
    with Client(driver, make_url(f"sqlite:///{tmp_path}/plain.db"), wal=False) as client:
        assert client.run(scalar("PRAGMA journal_mode")) == "delete"
    with Client(driver, make_url(f"sqlite:///{tmp_path}/logged.db")) as client:
        assert client.run(scalar("PRAGMA journal_mode")) == "wal"


@on_sqlite
def test_reader_and_writer_do_not_block_each_other_on_sqlite(driver: str, sqlite_url: URL) -> None:
    with Client(driver, sqlite_url, connect_timeout=0) as reader, Client(driver, sqlite_url) as writer:

        def read_while_another_writes(connection: Connection) -> list[int]:
            # The driver by itself begins a transaction only before it writes.
            connection.exec_driver_sql("BEGIN")
            before = connection.scalar(sa.text("SELECT count(*) FROM state"))
            thread = threading.Thread(target=writer.run, args=(execute("INSERT INTO state (data) VALUES ('{}')"),))
            thread.start()
            thread.join(5)
            assert not thread.is_alive()
            return [before, connection.scalar(sa.text("SELECT count(*) FROM state"))]

        assert reader.run(read_while_another_writes) == [0, 0]
        assert reader.run(scalar("SELECT count(*) FROM state")) == 1


@on_sqlite
def test_file_of_sqlite_that_may_only_be_read_is_read(driver: str, sqlite_url: URL) -> None:
    url = URL.create("sqlite", database=f"file:{sqlite_url.database}", query={"mode": "ro", "uri": "true"})

    with Client(driver, url) as client:
        assert client.run(scalar("SELECT count(*) FROM project")) == 0
        with pytest.raises(OperationalError, match="readonly"):
            client.run(execute("DELETE FROM project"))


@on_sqlite
def test_statement_on_sqlite_waits_for_another_writer(driver: str, sqlite_url: URL) -> None:
    with Client(driver, sqlite_url) as client, connect(sqlite_url) as other:
        assert client.run(scalar("PRAGMA busy_timeout")) == 30_000
        other.exec_driver_sql("BEGIN IMMEDIATE")
        threading.Timer(0.3, other.rollback).start()

        client.run(execute("INSERT INTO state (data) VALUES ('{}')"))


@on_sqlite
def test_statement_on_sqlite_waits_as_long_as_it_is_told(driver: str, sqlite_url: URL) -> None:
    with Client(driver, sqlite_url, connect_timeout=0.3) as client, connect(sqlite_url) as other:
        client.run(scalar("SELECT 1"))
        other.exec_driver_sql("BEGIN IMMEDIATE")

        start = time.monotonic()
        with pytest.raises(OperationalError, match="locked"):
            client.run(execute("INSERT INTO state (data) VALUES ('{}')"))
        assert 0.3 <= time.monotonic() - start < 5


@on_postgresql
def test_statement_is_given_up_after_its_time(driver: str, postgres_url: URL) -> None:
    with Client(driver, postgres_url, statement_timeout=0.2) as client:
        start = time.monotonic()
        with pytest.raises(DBAPIError, match="statement timeout"):
            client.run(execute("SELECT pg_sleep(30)"))

        assert 0.2 <= time.monotonic() - start < 10
        assert client.run(scalar("SELECT 1")) == 1


@on_postgresql
def test_statement_may_take_its_time_unless_told_otherwise(driver: str, postgres_url: URL) -> None:
    with Client(driver, postgres_url) as client:
        assert client.run(scalar("SHOW statement_timeout")) == "0"


@on_postgresql
def test_server_that_does_not_answer_is_given_up(driver: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = URL.create("postgresql", "user", host="127.0.0.1", port=silent.getsockname()[1], database="name")
        # libpq knows no less than 2 seconds.
        with Client(driver, url, connect_timeout=0.5 if driver == "asyncpg" else 2) as client:
            start = time.monotonic()
            with pytest.raises((DBAPIError, TimeoutError)):
                client.run(scalar("SELECT 1"))
            assert time.monotonic() - start < 10


@on_postgresql
def test_connection_that_was_cut_is_replaced_before_it_is_used(driver: str, postgres_url: URL) -> None:
    with Client(driver, postgres_url, pool_size=1) as client:
        process = client.run(scalar("SELECT pg_backend_pid()"))
        with connect(postgres_url) as other:
            assert other.scalar(sa.text("SELECT pg_terminate_backend(:process)"), {"process": process})
            while other.scalar(sa.text("SELECT 1 FROM pg_stat_activity WHERE pid = :process"), {"process": process}):
                time.sleep(0.01)
                other.rollback()

        assert client.run(scalar("SELECT pg_backend_pid()")) != process


def prepare(connection: Connection) -> tuple[list[str], str]:
    """Do what makes drivers prepare; tell what is prepared, and which timeout is set."""
    for number in range(8):
        connection.scalar(sa.text("SELECT CAST(:number AS integer)"), {"number": number})
    connection.execute(sa.text("INSERT INTO state (data) VALUES (:data)"), [{"data": "{}"}] * 8)
    prepared = connection.scalars(sa.text("SELECT statement FROM pg_prepared_statements")).all()
    return list(prepared), str(connection.scalar(sa.text("SHOW statement_timeout")))


def as_another_client(connection: Connection) -> tuple[int, str]:
    """Tell the same of the server's connection as it was left: past SQLAlchemy, which would set things anew."""
    cursor = connection.connection.cursor()
    cursor.execute("SELECT count(*), current_setting('statement_timeout') FROM pg_prepared_statements")
    row = cursor.fetchone()
    cursor.close()
    assert row is not None
    return row[0], row[1]


@on_postgresql
def test_behind_a_pooler_nothing_is_left_to_the_next_client(driver: str, postgres_url: URL) -> None:
    with Client(driver, postgres_url, pooler=True, statement_timeout=5, pool_size=1) as client:
        assert client.run(prepare) == ([], "5s")
        assert client.run(as_another_client) == (0, "0")


@on_postgresql
def test_settings_last_as_long_as_a_connection_where_there_is_no_pooler(driver: str, postgres_url: URL) -> None:
    with Client(driver, postgres_url, statement_timeout=5, pool_size=1) as client:
        client.run(prepare)
        assert client.run(as_another_client)[1] == "5s"


@pytest.fixture
def cluster(guarded: Guarded) -> list[str]:
    """The folders of the sockets of a primary, and of a standby that follows it."""
    while inspect_database(guarded.standby, check_drift=False).state is DatabaseState.STARTING:
        time.sleep(0.05)
    return [str(url.query["host"]) for url in (guarded.url, guarded.standby)]


@on_postgresql
@pytest.mark.parametrize("standby_first", [True, False], ids=["standby first", "primary first"])
def test_of_several_hosts_the_one_that_can_be_written_to_is_found(
    driver: str, standby_first: bool, cluster: list[str]
) -> None:
    hosts = cluster[::-1] if standby_first else cluster
    query = {"host": hosts, "target_session_attrs": "read-write"}
    url = URL.create("postgresql", "postgres", database="postgres", query=query)

    with Client(driver, url) as client:
        assert client.run(scalar("SELECT pg_is_in_recovery()")) is False
        client.run(execute("CREATE TEMPORARY TABLE written (id integer)"))


@on_postgresql
@pytest.mark.parametrize("wanted", ["read-write", "primary"])
def test_standby_alone_is_told_where_a_primary_is_wanted(driver: str, wanted: str, guarded: Guarded) -> None:
    url = guarded.standby.update_query_dict({"target_session_attrs": wanted})

    with Client(driver, url) as client, pytest.raises(UnreachableError) as raised, translated(url, unknown=False):
        client.run(scalar("SELECT 1"))

    assert raised.value.status is not None
    assert raised.value.status.state is DatabaseState.STANDBY


@on_postgresql
def test_of_several_hosts_the_first_one_is_taken_if_any_will_do(driver: str, cluster: list[str]) -> None:
    url = URL.create("postgresql", "postgres", database="postgres", query={"host": cluster[::-1]})

    with Client(driver, url) as client:
        assert client.run(scalar("SELECT pg_is_in_recovery()")) is True


@pytest.mark.parametrize("driver", [*SQLITE_DRIVERS, *POSTGRESQL_DRIVERS])
def test_arguments_of_sqlalchemy_pass_through(driver: str, sqlite_url: URL, postgres_url: URL) -> None:
    options: dict[str, Any] = {"isolation_level": "SERIALIZABLE", "pool_size": 2, "pool_pre_ping": False}
    url = sqlite_url if driver in SQLITE_DRIVERS else postgres_url

    with Client(driver, url, hide_parameters=False, execution_options={"ours": 1}, **options) as client:
        assert client.sync_engine.pool.size() == 2  # type: ignore[attr-defined]
        assert client.sync_engine.pool._pre_ping is False
        assert client.sync_engine.hide_parameters is False
        assert client.run(lambda connection: connection.get_isolation_level()) == "SERIALIZABLE"
        assert client.run(lambda connection: connection.get_execution_options()["ours"]) == 1


@pytest.mark.parametrize(
    ("driver", "name", "statement"),
    [
        ("pysqlite", "timeout", "PRAGMA busy_timeout"),
        ("aiosqlite", "timeout", "PRAGMA busy_timeout"),
        ("psycopg2", "options", "SHOW work_mem"),
        ("psycopg", "options", "SHOW work_mem"),
        ("psycopg_async", "options", "SHOW work_mem"),
        ("asyncpg", "server_settings", "SHOW work_mem"),
    ],
)
def test_arguments_of_the_driver_pass_through_beside_ours(
    driver: str, name: str, statement: str, sqlite_url: URL, postgres_url: URL
) -> None:
    values = {"timeout": 0.5, "options": "-c work_mem=77MB", "server_settings": {"work_mem": "77MB"}}
    url = sqlite_url if driver in SQLITE_DRIVERS else postgres_url

    with Client(driver, url, connect_timeout=20, connect_args={name: values[name]}) as client:
        assert client.run(scalar(statement)) in {500, "77MB"}


def test_sessions_are_those_of_sqlmodel(sqlite_url: URL) -> None:
    engine = create_engine(sqlite_url)

    with sessionmaker(engine)() as session:
        assert isinstance(session, Session)
        project = ProjectFactory.create(session)
        session.commit()
        assert "name" in sa.inspect(project).expired_attributes
    with sessionmaker(engine, class_=SQLAlchemySession, expire_on_commit=False)() as plain:
        assert not isinstance(plain, Session)
        assert plain.get_one(Project, 1).id == 1
    engine.dispose()


async def test_objects_stay_readable_after_a_commit_of_an_asynchronous_session(sqlite_url: URL) -> None:
    engine = create_async_engine(sqlite_url)

    async with async_sessionmaker(engine)() as session:
        project = await session.run_sync(ProjectFactory.create, name="readable")
        await session.commit()
        assert project.name == "readable"
    async with async_sessionmaker(engine, expire_on_commit=True)() as expiring:
        assert expiring.sync_session.expire_on_commit is True
    await engine.dispose()

"""Servers that read on a standby and write on the primary go through a failover."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, Engine
from sqlalchemy.ext.asyncio import AsyncEngine

from fractal_models.database import check_database, check_database_async, create_async_engine, create_engine
from fractal_models.models import State
from fractal_models.testing.databases import migrate
from tests.support.cluster import CLIENTS, RECONNECTED, Cluster, running_cluster

PAUSE = 0.05
"""Seconds between the requests of a client."""


@dataclass
class Client:
    """What one client of a server saw; times are those of `time.monotonic`."""

    writes: bool
    name: str
    successes: list[float] = field(default_factory=list)
    """Begin of each request that succeeded."""
    errors: list[tuple[float, float, Exception]] = field(default_factory=list)
    """Begin and end of each request that failed."""
    acknowledged: list[str] = field(default_factory=list)
    """Rows that were committed."""

    def request(self, connection: Connection) -> str:
        row = f"{self.name} {len(self.acknowledged)} {len(self.errors)}"
        if self.writes:
            connection.execute(sa.insert(State).values(data={"row": row}))
        else:
            connection.execute(sa.select(State).limit(10)).all()
        return row

    def record(self, began: float, row: str, error: Exception | None) -> None:
        if error is not None:
            self.errors.append((began, time.monotonic(), error))
        else:
            self.successes.append(began)
            if self.writes:
                self.acknowledged.append(row)

    def has_succeeded_since(self, moment: float) -> bool:
        return bool(self.successes) and self.successes[-1] > moment


def run_client(client: Client, engine: Engine, stop: threading.Event) -> None:
    while not stop.is_set():
        began, row, error = time.monotonic(), "", None
        try:
            with engine.begin() as connection:
                row = client.request(connection)
        except Exception as raised:
            error = raised
        client.record(began, row, error)
        time.sleep(PAUSE)


async def run_async_client(client: Client, engine: AsyncEngine, stop: threading.Event) -> None:
    while not stop.is_set():
        began, row, error = time.monotonic(), "", None
        try:
            async with engine.begin() as connection:
                row = await connection.run_sync(client.request)
        except Exception as raised:
            error = raised
        client.record(began, row, error)
        await asyncio.sleep(PAUSE)


@contextmanager
def load(cluster: Cluster, sync_driver: str, async_driver: str) -> Iterator[list[Client]]:
    """Clients of a synchronous and of an asynchronous server, each with an engine for reading and one for writing."""
    stop = threading.Event()
    clients = [Client(number % 2 == 0, f"client {number}") for number in range(CLIENTS)]
    urls = {
        True: cluster.url(target_session_attrs="read-write"),
        False: cluster.url(target_session_attrs="prefer-standby"),
    }
    engines = {
        writes: create_engine(url.set(drivername=f"postgresql+{sync_driver}"), pool_size=5)
        for writes, url in urls.items()
    }
    check_database(engines[False])
    with engines[False].connect() as connection:
        assert connection.scalar(sa.text("SELECT pg_is_in_recovery()"))

    async def run_async() -> None:
        engines = {
            writes: create_async_engine(url.set(drivername=f"postgresql+{async_driver}"), pool_size=5)
            for writes, url in urls.items()
        }
        await check_database_async(engines[False])
        async with engines[False].connect() as connection:
            assert await connection.scalar(sa.text("SELECT pg_is_in_recovery()"))
        await asyncio.gather(
            *(run_async_client(client, engines[client.writes], stop) for client in clients[CLIENTS // 2 :])
        )
        for engine in engines.values():
            await engine.dispose()

    threads = [
        threading.Thread(target=run_client, args=(client, engines[client.writes], stop))
        for client in clients[: CLIENTS // 2]
    ]
    threads.append(threading.Thread(target=asyncio.run, args=(run_async(),)))
    for thread in threads:
        thread.start()
    try:
        yield clients
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        for engine in engines.values():
            engine.dispose()


def wait_for(clients: list[Client], timeout: float) -> None:
    """Wait until each client has had a success that began after this moment."""
    now = time.monotonic()
    while not all(client.has_succeeded_since(now) for client in clients):
        assert time.monotonic() < now + timeout, [client for client in clients if not client.has_succeeded_since(now)]
        time.sleep(0.05)


@pytest.mark.parametrize(
    "drivers",
    [("psycopg2", "asyncpg"), pytest.param(("psycopg", "psycopg_async"), marks=pytest.mark.thorough)],
    ids=" and ".join,
)
def test_readers_and_writers_go_through_a_failover(drivers: tuple[str, str]) -> None:
    with running_cluster() as cluster:
        migrate(cluster.url(target_session_attrs="read-write"))
        with load(cluster, *drivers) as clients:
            wait_for(clients, 60)
            crashed = time.monotonic()
            cluster.crash()
            readers = [client for client in clients if not client.writes]
            wait_for(readers, 60)
            cluster.promote()
            promoted = time.monotonic()
            wait_for(clients, RECONNECTED)

        engine = create_engine(cluster.url(target_session_attrs="read-write"))
        with engine.connect() as connection:
            kept = set(connection.scalars(sa.text("SELECT data ->> 'row' FROM state")))
        engine.dispose()

    writers = [client for client in clients if client.writes]
    reconnected = max(next(began for began in client.successes if began > promoted) for client in clients) - promoted
    print(
        f"{' and '.join(drivers)}: {sum(len(client.acknowledged) for client in writers)} rows acknowledged, "
        f"{sum(len(client.errors) for client in clients)} errors, all connected {reconnected:.2f} s after the promotion"
    )
    assert not {row for client in writers for row in client.acknowledged} - kept
    assert not [client.errors for client in readers if client.errors]
    assert all(client.errors for client in writers)
    for client in writers:
        assert not [error for began, ended, error in client.errors if ended < crashed or began > promoted]

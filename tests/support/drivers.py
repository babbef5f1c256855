"""One way to use the engines of every driver, so that a test is written once for all of them."""

import asyncio
from collections.abc import Callable
from typing import Any, Self, TypeVar

from sqlalchemy import URL, Connection, Engine
from sqlalchemy.ext.asyncio import AsyncEngine

from fractal_models.database import create_async_engine, create_engine

T = TypeVar("T")

SQLITE_DRIVERS = ["pysqlite", "aiosqlite"]
POSTGRESQL_DRIVERS = ["psycopg2", "psycopg", "psycopg_async", "asyncpg"]
ASYNCHRONOUS = {"aiosqlite", "psycopg_async", "asyncpg"}


class Client:
    """An engine of ours, and a loop to run it in if it is asynchronous."""

    def __init__(self, driver: str, url: URL, **options: Any) -> None:
        named = url.set(drivername=f"{url.get_backend_name()}+{driver}")
        self.engine: Engine | AsyncEngine
        if driver in ASYNCHRONOUS:
            self.engine = create_async_engine(named, **options)
        else:
            self.engine = create_engine(named, **options)
        self._runner = asyncio.Runner()

    @property
    def sync_engine(self) -> Engine:
        """What SQLAlchemy's events and pool belong to."""
        return self.engine.sync_engine if isinstance(self.engine, AsyncEngine) else self.engine

    def run(self, function: Callable[[Connection], T]) -> T:
        """Call a function with a connection from the pool, and commit."""
        if isinstance(self.engine, AsyncEngine):
            return self._runner.run(self._run(self.engine, function))
        with self.engine.connect() as connection:
            result = function(connection)
            connection.commit()
            return result

    @staticmethod
    async def _run(engine: AsyncEngine, function: Callable[[Connection], T]) -> T:
        async with engine.connect() as connection:
            result = await connection.run_sync(function)
            await connection.commit()
            return result

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if isinstance(self.engine, AsyncEngine):
            self._runner.run(self.engine.dispose())
        else:
            self.engine.dispose()
        self._runner.close()

"""Cost of `check_database` at the start of a server, on a database at head: time, statements, connections.

Each driver is measured with a new connection, which a server needs anyway, and with one that is already open.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from functools import partial

from sqlalchemy import URL, Engine, event
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.core import (
    Figures,
    Row,
    measure,
    medians,
    milliseconds,
    option_parser,
    package_versions,
    publish,
    table,
)
from benchmarks.databases import ENGINES, server_version, temporary_databases
from fractal_models.database import check_database, check_database_async, create_async_engine, create_engine
from fractal_models.testing.databases import migrate

DRIVERS = ("postgresql+psycopg2", "postgresql+psycopg", "postgresql+asyncpg", "sqlite", "sqlite+aiosqlite")
LIMITS = {"new_connection_ms": 20.0, "open_connection_ms": 20.0, "statements": 3, "connections": 1}
HEADINGS = {
    "name": "check_database",
    "new_connection_ms": "new connection, ms",
    "open_connection_ms": "open connection, ms",
    "statements": "statements",
    "connections": "connections",
}


def check(url: URL) -> Figures:
    """Check a database twice with a new engine."""
    if url.drivername.endswith(("asyncpg", "aiosqlite")):
        return asyncio.run(_check_async(create_async_engine(url)))
    engine = create_engine(url)
    counts = _count(engine)
    times = [milliseconds(partial(check_database, engine)) for _ in range(2)]
    engine.dispose()
    return _figures(times, counts)


async def _check_async(engine: AsyncEngine) -> Figures:
    counts = _count(engine.sync_engine)
    loop = asyncio.get_running_loop()
    times = []
    for _ in range(2):
        start = loop.time()
        await check_database_async(engine)
        times.append(1000 * (loop.time() - start))
    await engine.dispose()
    return _figures(times, counts)


def _count(engine: Engine) -> Counter[str]:
    counts = Counter[str]()
    event.listen(engine, "before_cursor_execute", lambda *_: counts.update(["statements"]))
    event.listen(engine, "connect", lambda *_: counts.update(["connections"]))
    return counts


def _figures(times: Sequence[float], counts: Counter[str]) -> Figures:
    per_check = -(-counts["statements"] // 2)
    figures = {"new_connection_ms": times[0], "open_connection_ms": times[1]}
    return figures | {"statements": per_check, "connections": counts["connections"]}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    options = option_parser("check", __doc__, rounds=(50, "checks with each driver")).parse_args(arguments)
    versions = package_versions("sqlalchemy")
    results: list[Row] = []
    for engine in ENGINES:
        with temporary_databases(engine) as databases:
            url = databases.create()
            migrate(url)
            versions[engine] = server_version(url)
            cases = {name: partial(check, url.set(drivername=name)) for name in DRIVERS if name.startswith(engine)}
            for name, samples in measure(cases, options.rounds).items():
                results.append({"name": name, **medians(samples), "limits": LIMITS})
    publish(options, versions, results, table(results, HEADINGS))


if __name__ == "__main__":
    main()

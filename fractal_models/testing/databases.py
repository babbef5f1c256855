"""Databases that come and go within a test: migrated once, then copied."""

from __future__ import annotations

import hashlib
import secrets
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import ClassVar

from alembic import command
from sqlalchemy import URL, Connection, text

from fractal_models.database import alembic_config, create_engine, sync_url
from fractal_models.database.connection.engine import connect
from fractal_models.database.revisions.history import migrations_folder

PREFIX = "fractal_test"
"""First part of the name of every database that is made here."""

TEMPLATE_LOCK = 5147238456019873
"""The advisory lock of who makes a template or clears up; any number that nobody else uses."""

WAITING_ROOM = 3
"""How many databases wait to be dropped: a server has to wait for connections that were closed just now."""


def migrate(url: URL) -> None:
    """Bring a database to head, without a word."""
    config = alembic_config(url)
    config.attributes["report"] = lambda _line: None
    command.upgrade(config, "head")


def digest(*more: str) -> str:
    """A name for what the migrations make: another one as soon as any of their files changes."""
    found = hashlib.sha256("\0".join(more).encode())
    folder = migrations_folder()
    for file in sorted(folder.rglob("*.py")):
        found.update(str(file.relative_to(folder)).encode() + b"\0" + file.read_bytes() + b"\0")
    return found.hexdigest()[:12]


class Databases(ABC):
    """Databases of one engine."""

    dialect: ClassVar[str]

    place: Path | URL
    """The folder of the files, or any database of the server."""

    @abstractmethod
    def create(self, template: URL | None = None) -> URL:
        """Make an empty database, or a copy of another one that nobody is connected to."""

    @abstractmethod
    def create_at_head(self) -> URL:
        """Make a database that the migrations built."""

    @abstractmethod
    def drop(self, url: URL, *, at_once: bool = False) -> None:
        """Remove a database; on a server a little later, if not told otherwise, which costs less."""

    @abstractmethod
    def close(self) -> None:
        """Remove what is left."""


class SQLiteDatabases(Databases):
    """Files in a folder."""

    dialect = "sqlite"

    place: Path

    def __init__(self, place: Path) -> None:
        self.place = place
        self._numbers = count(1)
        self._template: URL | None = None

    def create(self, template: URL | None = None) -> URL:
        """Name a file; it is made by whoever connects first, or copied."""
        path = self.place / f"{PREFIX}_{next(self._numbers)}.db"
        if template is not None:
            shutil.copyfile(str(template.database), path)
        return URL.create("sqlite", database=str(path))

    def create_at_head(self) -> URL:
        """Copy a file."""
        if self._template is None:
            template = self.create()
            migrate(template)
            self._template = template
        return self.create(self._template)

    def drop(self, url: URL, *, at_once: bool = True) -> None:
        """Remove a file and those beside it."""
        for suffix in ("", "-wal", "-shm", "-journal"):
            Path(f"{url.database}{suffix}").unlink(missing_ok=True)

    def close(self) -> None:
        """Remove the template."""
        if self._template is not None:
            self.drop(self._template)
            self._template = None


class PostgreSQLDatabases(Databases):
    """Databases of a server: our own, which goes with all of them, or one that others use as well.

    What a killed run leaves behind on the latter, the next one clears up: the name of each database says who made it,
    and who is alive says so as `application_name`. Templates stay, for the next run, until the migrations change.
    """

    dialect = "postgresql"

    place: URL

    def __init__(self, place: URL, *, own: bool = False) -> None:
        """Connect as a role that may create databases."""
        self.place = sync_url(place)
        self.own = own
        self.maker = secrets.token_hex(4)
        self.digest = digest(self.place.username or "")
        self._numbers = count(1)
        self._dropped: list[URL] = []
        self._template: URL | None = None
        self._engine = create_engine(
            self.place,
            isolation_level="AUTOCOMMIT",
            pool_size=1,
            connect_args={"application_name": f"{PREFIX}_{self.maker}_{self.digest}"},
        )
        with self._locked() as connection:
            self._version = connection.dialect.server_version_info or (0,)
            in_memory = connection.scalar(text("SHOW fsync")) == "off"
            self._clear_up(connection)
        # To copy files needs checkpoints: where these cost nothing, it is the faster way. (Before 15, the only one.)
        self._strategy = " STRATEGY = FILE_COPY" if in_memory and self._version >= (15,) else ""
        # One thread makes and drops all: while a test runs, the database of the next one is made.
        self._worker = ThreadPoolExecutor(1, thread_name_prefix=PREFIX)
        self._next: Future[URL] | None = None

    @contextmanager
    def _locked(self) -> Iterator[Connection]:
        with self._engine.connect() as connection:
            connection.execute(text(f"SELECT pg_advisory_lock({TEMPLATE_LOCK})"))
            try:
                yield connection
            finally:
                connection.execute(text(f"SELECT pg_advisory_unlock({TEMPLATE_LOCK})"))

    def _clear_up(self, connection: Connection) -> None:
        """Drop what nobody uses any more of what the same role has made."""
        names = connection.execute(
            text("SELECT datname FROM pg_database WHERE datname ~ :ours AND pg_get_userbyid(datdba) = current_user"),
            {"ours": f"^{PREFIX}_([0-9a-f]{{8}}_[0-9]+|template_[0-9a-f]{{12}})$"},
        ).scalars()
        living = connection.execute(
            text("SELECT application_name FROM pg_stat_activity WHERE application_name LIKE :ours"),
            {"ours": f"{PREFIX}%"},
        ).scalars()
        used = {part for name in living for part in name.split("_")}
        for name in names:
            maker = name.removeprefix(f"{PREFIX}_template_").removeprefix(f"{PREFIX}_").split("_")[0]
            if maker not in used:
                self._drop(connection, name)

    def _drop(self, connection: Connection, name: str | None) -> None:
        """Drop a database, whoever is connected to it."""
        if self._version >= (13,):
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            return
        others = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name")
        connection.execute(others, {"name": name})
        connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name}")

    def create(self, template: URL | None = None) -> URL:
        """Make an empty database, or a copy of another one that nobody is connected to."""
        return self._worker.submit(self._create, template).result()

    def _create(self, template: URL | None) -> URL:
        url = self.place.set(database=f"{PREFIX}_{self.maker}_{next(self._numbers)}")
        source = f" TEMPLATE = {template.database}{self._strategy}" if template is not None else ""
        with self._engine.connect() as connection:
            while len(self._dropped) > WAITING_ROOM:
                self._drop(connection, self._dropped.pop(0).database)
            connection.exec_driver_sql(f"CREATE DATABASE {url.database}{source}")
        return url

    def create_at_head(self) -> URL:
        """Copy a template, which is made by whoever needs it first."""
        if self._template is None:
            self._template = self._make_template()
        made = self._next or self._worker.submit(self._create, self._template)
        self._next = self._worker.submit(self._create, self._template)
        return made.result()

    def _make_template(self) -> URL:
        url = self.place.set(database=f"{PREFIX}_template_{self.digest}")
        with self._locked() as connection:
            if connection.scalar(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": url.database}):
                return url
            raw = self.create()
            migrate(raw)
            with connect(raw):
                pass  # leaves a cache of the catalog among the files, which spares each copy to make one
            connection.exec_driver_sql(f"ALTER DATABASE {raw.database} RENAME TO {url.database}")
            # Whoever connects to a template keeps others from copying it.
            connection.exec_driver_sql(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS false")
        return url

    def drop(self, url: URL, *, at_once: bool = False) -> None:
        """Remove a database, whoever is connected to it."""
        if at_once:
            with self._engine.connect() as connection:
                self._drop(connection, url.database)
        else:
            self._dropped.append(url)

    def close(self) -> None:
        """Remove what is left, unless the whole server goes."""
        self._worker.shutdown()
        if self._next is not None and self._next.exception() is None:
            self._dropped.append(self._next.result())
        if not self.own:
            with self._engine.connect() as connection:
                for url in self._dropped:
                    self._drop(connection, url.database)
        self._engine.dispose()

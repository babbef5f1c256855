"""Databases for single tests: one is migrated as a template, the others are copies of it."""

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
from fractal_models.database.connection.urls import JOURNALS
from fractal_models.database.revisions import operations
from fractal_models.database.revisions.history import migrations_folder

PREFIX = "fractal_test"
"""Prefix of the names of all databases made here."""

TEMPLATE_LOCK = 5147238456019873
"""Key of the advisory lock on templates and on left-over databases; an arbitrary number."""

MAX_PENDING_DROPS = 3
"""Number of databases that are dropped later: right away, the server would wait for the end of their last sessions."""


def migrate(url: URL, revision: str = "head") -> None:
    """Upgrade a database to a revision, without output."""
    config = alembic_config(url)
    config.attributes["report"] = lambda _line: None
    command.upgrade(config, revision)


def digest(*more: str) -> str:
    """Digest of the revisions, of their operations, and of other values that templates depend on."""
    found = hashlib.sha256("\0".join(more).encode())
    for folder in (migrations_folder(), Path(operations.__file__).parent):
        for file in sorted(folder.rglob("*.py")):
            found.update(str(file.relative_to(folder)).encode() + b"\0" + file.read_bytes() + b"\0")
    return found.hexdigest()[:12]


class Databases(ABC):
    """Databases of one engine."""

    dialect: ClassVar[str]

    @abstractmethod
    def create(self, template: URL | None = None) -> URL:
        """Create an empty database, or a copy of another one that has no connections."""

    @abstractmethod
    def create_at_head(self) -> URL:
        """Create a database at the head revision."""

    @abstractmethod
    def drop(self, url: URL, *, at_once: bool = False) -> None:
        """Drop a database; on a server later, which is faster, unless `at_once` is set."""

    @abstractmethod
    def close(self) -> None:
        """Drop all remaining databases and templates."""


class SQLiteDatabases(Databases):
    """Database files in a folder."""

    dialect = "sqlite"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = count(1)
        self._template: URL | None = None

    def create(self, template: URL | None = None) -> URL:
        """Choose the name of a new file, which the first connection creates; or copy a file."""
        path = self.folder / f"{PREFIX}_{next(self._numbers)}.db"
        if template is not None:
            shutil.copyfile(str(template.database), path)
        return URL.create("sqlite", database=str(path))

    def create_at_head(self) -> URL:
        """Copy the template, which the first call makes."""
        if self._template is None:
            template = self.create()
            migrate(template)
            self._template = template
        return self.create(self._template)

    def drop(self, url: URL, *, at_once: bool = True) -> None:
        """Delete a file with its journals."""
        for suffix in ("", *JOURNALS):
            Path(f"{url.database}{suffix}").unlink(missing_ok=True)

    def close(self) -> None:
        """Delete the template."""
        if self._template is not None:
            self.drop(self._template)
            self._template = None


class PostgreSQLDatabases(Databases):
    """Databases on a PostgreSQL server.

    A shared server may hold databases that killed runs left behind. The next run drops them: the name of a database
    contains the id of its run, and each run in progress has its id in `application_name`. Templates stay for later
    runs until the migrations change.
    """

    dialect = "postgresql"

    def __init__(self, server_url: URL, *, own: bool = False) -> None:
        """Connect as a role that may create databases.

        Args:
            server_url: any database of the server.
            own: whether the server is removed after the run, so that databases may stay on it.
        """
        self.server_url = sync_url(server_url)
        self.own = own
        self.run_id = secrets.token_hex(4)
        self.digest = digest(self.server_url.username or "")
        self._numbers = count(1)
        self._dropped: list[URL] = []
        self._template: URL | None = None
        self._engine = create_engine(
            self.server_url,
            isolation_level="AUTOCOMMIT",
            pool_size=1,
            connect_args={"application_name": f"{PREFIX}_{self.run_id}_{self.digest}"},
        )
        with self._locked() as connection:
            self._version = connection.dialect.server_version_info or (0,)
            in_memory = connection.scalar(text("SHOW fsync")) == "off"
            self._drop_left_overs(connection)
        # FILE_COPY needs checkpoints. It is the faster strategy if these cost nothing, and the only one before 15.
        self._strategy = " STRATEGY = FILE_COPY" if in_memory and self._version >= (15,) else ""
        # One thread creates and drops all databases, and prepares the next one while a test runs.
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

    def _drop_left_overs(self, connection: Connection) -> None:
        """Drop databases and templates of the same role that no run in progress uses."""
        names = connection.execute(
            text("SELECT datname FROM pg_database WHERE datname ~ :ours AND pg_get_userbyid(datdba) = current_user"),
            {"ours": f"^{PREFIX}_([0-9a-f]{{8}}_[0-9]+|template_[0-9a-f]{{12}})$"},
        ).scalars()
        active = connection.execute(
            text("SELECT application_name FROM pg_stat_activity WHERE application_name LIKE :ours"),
            {"ours": f"{PREFIX}%"},
        ).scalars()
        used = {part for name in active for part in name.split("_")}
        for name in names:
            run_id = name.removeprefix(f"{PREFIX}_template_").removeprefix(f"{PREFIX}_").split("_")[0]
            if run_id not in used:
                self._drop(connection, name)

    def _drop(self, connection: Connection, name: str | None) -> None:
        """Drop a database and end its sessions."""
        if self._version >= (13,):
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            return
        others = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name")
        connection.execute(others, {"name": name})
        connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name}")

    def create(self, template: URL | None = None) -> URL:
        """Create an empty database, or a copy of another one that has no connections."""
        return self._worker.submit(self._create, template).result()

    def _create(self, template: URL | None) -> URL:
        url = self.server_url.set(database=f"{PREFIX}_{self.run_id}_{next(self._numbers)}")
        source = f" TEMPLATE = {template.database}{self._strategy}" if template is not None else ""
        with self._engine.connect() as connection:
            while len(self._dropped) > MAX_PENDING_DROPS:
                self._drop(connection, self._dropped.pop(0).database)
            connection.exec_driver_sql(f"CREATE DATABASE {url.database}{source}")
        return url

    def create_at_head(self) -> URL:
        """Copy the template, which the first call of all processes makes."""
        if self._template is None:
            self._template = self._make_template()
        made = self._next or self._worker.submit(self._create, self._template)
        self._next = self._worker.submit(self._create, self._template)
        return made.result()

    def _make_template(self) -> URL:
        url = self.server_url.set(database=f"{PREFIX}_template_{self.digest}")
        with self._locked() as connection:
            if connection.scalar(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": url.database}):
                return url
            raw = self.create()
            migrate(raw)
            with connect(raw):
                pass  # The first connection writes a cache of the catalog, which the copies inherit.
            connection.exec_driver_sql(f"ALTER DATABASE {raw.database} RENAME TO {url.database}")
            # A template with connections cannot be copied.
            connection.exec_driver_sql(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS false")
        return url

    def drop(self, url: URL, *, at_once: bool = False) -> None:
        """Drop a database and end its sessions."""
        if at_once:
            with self._engine.connect() as connection:
                self._drop(connection, url.database)
        else:
            self._dropped.append(url)

    def close(self) -> None:
        """Drop all remaining databases, unless the server is removed anyway; templates stay."""
        self._worker.shutdown()
        if self._next is not None and self._next.exception() is None:
            self._dropped.append(self._next.result())
        if not self.own:
            with self._engine.connect() as connection:
                for url in self._dropped:
                    self._drop(connection, url.database)
        self._engine.dispose()

"""Backups before an upgrade, by the tools of each engine."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import URL, inspect

from fractal_models.archive.errors import BackupError
from fractal_models.archive.files import sync
from fractal_models.archive.reading import database_url, opened
from fractal_models.database.connection.redaction import without_secrets
from fractal_models.database.connection.timeouts import MIGRATION_TIMEOUT, milliseconds
from fractal_models.database.connection.urls import JOURNALS
from fractal_models.tables import METADATA

FOLDERS = ("/usr/lib/postgresql/{0}/bin", "/usr/pgsql-{0}/bin", "/opt/homebrew/opt/postgresql@{0}/bin")
"""Where distributions install the programs of one major version of PostgreSQL."""


def back_up(source: str | Path | URL, path: str | Path, *, lock_timeout: float = MIGRATION_TIMEOUT) -> str:
    """Write a backup of a database to a new file, and check it.

    SQLite: a copy by `VACUUM INTO`. PostgreSQL: an archive by `pg_dump --format=custom` of the major version of the
    server, which is found on the path or where distributions install it.

    Args:
        source: URL, or path of a SQLite file.
        path: A file that does not exist.
        lock_timeout: Seconds to wait for locks of other sessions.

    Returns:
        The command that restores it. It is for a file of SQLite that no program uses, or for a new database on
        PostgreSQL.

    Raises:
        BackupError: The file exists, or cannot be written; `pg_dump` is missing or failed; the backup is not complete.
        DatabaseError: The database is unreachable.
    """
    url, file = database_url(source), Path(path)
    with _new_file(file) as partial:
        if url.get_backend_name() == "sqlite":
            return _copy_file(url, partial, file, lock_timeout)
        return _dump(url, partial, file, lock_timeout)


@contextmanager
def _new_file(file: Path) -> Iterator[Path]:
    """A file that gets its name when it is complete.

    Raises:
        BackupError: It exists, or cannot be written.
    """
    if file.exists():
        message = f"no backup was made: {file} exists; give another path"
        raise BackupError(message)
    partial = file.with_name(f".{file.name}.partial-{os.getpid()}")
    try:
        yield partial
        sync(partial)
        # Unlike `replace`, it never takes the place of another file.
        os.link(partial, file)
    except OSError as error:
        message = f"no backup was made: {file}: {error.strerror or error}"
        raise BackupError(message) from error
    finally:
        partial.unlink(missing_ok=True)


def _copy_file(url: URL, partial: Path, file: Path, lock_timeout: float) -> str:
    with opened(url) as reader:
        source = str(reader.connection.exec_driver_sql("PRAGMA database_list").one()[2])
    try:
        with closing(sqlite3.connect(source, timeout=lock_timeout)) as connection:
            connection.execute("VACUUM INTO ?", (str(partial),))
        with closing(sqlite3.connect(partial)) as connection:
            (outcome,) = connection.execute("PRAGMA quick_check").fetchone()
    except sqlite3.Error as error:
        message = f"no backup was made: {error}"
        raise BackupError(message) from error
    if outcome != "ok":
        message = f"no backup was made: the file is damaged: {outcome}"
        raise BackupError(message)
    # SQLite would play the journals of the present file back into the restored one.
    journals = " ".join(shlex.quote(f"{source}{suffix}") for suffix in JOURNALS)
    return f"rm -f {journals} && cp {shlex.quote(str(file.resolve()))} {shlex.quote(source)}"


def _dump(url: URL, partial: Path, file: Path, lock_timeout: float) -> str:
    with opened(url) as reader:
        major = int((reader.connection.dialect.server_version_info or (0,))[0])
        expected = {*inspect(reader.connection).get_table_names()} & METADATA.tables.keys()
    environment = {**os.environ, "PGPASSWORD": str(url.password)} if url.password else dict(os.environ)
    # Other users of the machine see the arguments.
    target = url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    pg_dump = _program("pg_dump", major)
    options = ["--format=custom", f"--lock-wait-timeout={milliseconds(lock_timeout)}"]
    _run(url, [pg_dump, *options, f"--file={partial}", f"--dbname={target}"], environment)
    listed = _run(url, [_program("pg_restore", major), "--list", str(partial)], environment)
    missing = expected - set(re.findall(r" TABLE DATA \S+ (\S+) ", listed))
    if missing:
        message = f"no backup was made: it lacks the tables {', '.join(sorted(missing))}"
        raise BackupError(message)
    name = shlex.quote(f"{url.database}_restored")
    return f"createdb {name} && pg_restore --no-owner --dbname={name} {shlex.quote(str(file.resolve()))}"


def _program(name: str, major: int) -> str:
    """Path of a program of one major version.

    Raises:
        BackupError: It is not found.
    """
    folders = [folder.format(major) for folder in FOLDERS]
    for folder in [*os.environ.get("PATH", "").split(os.pathsep), *folders]:
        path = shutil.which(name, path=folder)
        if path and _major(path) == major:
            return path
    message = (
        f"no backup was made: {name} {major} is not installed (package postgresql-client-{major}) or not on the PATH"
    )
    raise BackupError(message)


def _major(path: str) -> int | None:
    printed = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
    match = re.search(r"\) (\d+)", printed)
    return int(match[1]) if match else None


def _run(url: URL, command: list[str], environment: dict[str, str]) -> str:
    """Run a program of PostgreSQL.

    Raises:
        BackupError: It failed.
    """
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if run.returncode:
        lines = (run.stderr.strip() or f"exit code {run.returncode}").splitlines()
        first = next((line for line in lines if "error:" in line), lines[-1])
        message = f"no backup was made: {Path(command[0]).name}: {without_secrets(first, url)}"
        raise BackupError(message)
    return run.stdout

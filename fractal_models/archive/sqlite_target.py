"""Copies into a new SQLite file."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, NullPool, event

from fractal_models.archive.files import sync
from fractal_models.archive.reading import Reader, opened
from fractal_models.archive.target import Target, refuse_filled, unstorable
from fractal_models.archive.text_form import Rows, kind, parsed, quoted
from fractal_models.archive.views import create_views
from fractal_models.database.connection.engine import create_engine
from fractal_models.database.connection.errors import BlockedByDataError, BusyError, UnreachableError
from fractal_models.database.revisions.rules import orphans, require_none

TABLES_AND_VIEWS = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY name"

# Until the file has its name there is nothing to roll back to, and it is written to disk in the end.
PRAGMAS = (
    "foreign_keys = OFF",
    "journal_mode = OFF",
    "synchronous = OFF",
    "locking_mode = EXCLUSIVE",
    "cache_size = -65536",
)

DOUBTS = {"JSON": "{} < '['", "timestamp": "length({}) <> 26"}
"""Conditions under which SQLite might not keep a text of a kind as it is: JSON that begins like a number does."""


class SQLiteTarget(Target):
    """A file under a temporary name."""

    def __init__(self, connection: Connection, url: URL, path: Path, partial: Path) -> None:
        super().__init__(connection, url)
        self._path = path
        self._partial = partial
        self._identity = partial.stat()

    def inserter(self, rows: Rows) -> Callable[[bytes], None]:
        """Return a function that writes a block, with the errors of the driver."""
        driver = self.driver
        check = _Check(rows)
        driver.create_function("checked", -1, check)
        columns = ", ".join(map(quoted, rows.columns))
        statement = f"INSERT INTO {quoted(rows.table.name)} ({columns}) VALUES ({', '.join(check.values())})"

        def insert(block: bytes) -> None:
            try:
                driver.executemany(statement, parsed(block))
            except (sqlite3.IntegrityError, UnicodeError) as error:
                reason = "text is not valid UTF-8" if isinstance(error, UnicodeError) else str(error)
                message = f"table {rows.table.name}: {reason}; correct it in the source"
                raise BlockedByDataError(message) from None
            except sqlite3.OperationalError:
                if check.refused is not None:
                    raise check.refused from None
                raise

        return insert

    def set_next_id(self, table: str, number: int) -> None:
        """Do nothing: SQLite takes the largest ID plus 1, and the manifest has the number."""

    def finish(self) -> None:
        """Check foreign keys, and create views.

        Raises:
            BlockedByDataError: A row refers to a row that does not exist.
        """
        require_none(orphans(self.connection))
        create_views(self.connection)

    @contextmanager
    def finished(self) -> Iterator[Reader]:
        """Read the file, then give it its name."""
        self.connection.commit()
        if self.is_converted:
            self.driver.execute("VACUUM")  # The tables of before are dropped.
        self.connection.close()
        sync(self._partial)
        with opened(URL.create("sqlite", database=str(self._partial))) as reader:
            yield reader
        if not self._is_ours():
            message = f"another copy to {self._path} has begun meanwhile, so this one was given up"
            raise BusyError(message)
        _require_free(self.url, self._path)
        self._partial.replace(self._path)
        sync(self._path.parent)

    def _is_ours(self) -> bool:
        try:
            return os.path.samestat(self._identity, self._partial.stat())
        except FileNotFoundError:
            return False


class _Check:
    """Function of SQL that takes a number of a column, its value and the primary key, and gives the value."""

    def __init__(self, rows: Rows) -> None:
        self.refused: BlockedByDataError | None = None
        self._rows = rows
        self._key = [rows.columns.index(column.name) for column in rows.table.primary_key]

    def values(self) -> Iterator[str]:
        """Expressions for each column."""
        key = "".join(f", ?{position + 1}" for position in self._key)
        for number, name in enumerate(self._rows.columns):
            value = f"?{number + 1}"
            doubt = DOUBTS.get(kind(self._rows.table.c[name]))
            checked = f"checked({number}, {value}{key})"
            yield f"CASE WHEN {doubt.format(value)} THEN {checked} ELSE {value} END" if doubt else value

    def __call__(self, number: int, value: str, *key: Any) -> str:
        name = self._rows.columns[number]
        reason = _reason(kind(self._rows.table.c[name]), value)
        if reason is None:
            return value
        values: list[str | None] = [None] * len(self._rows.columns)
        for position, part in zip(self._key, key, strict=True):
            values[position] = str(part)
        self.refused = unstorable(self._rows, values, name, reason)
        raise self.refused


def _reason(of_kind: str, value: str) -> str | None:
    """Why SQLite does not keep a value as it is; None if it does."""
    if of_kind == "timestamp":
        return "is not within the years 1 to 9999, and cannot be read from SQLite"
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE one (value JSON)")
        connection.execute("INSERT INTO one VALUES (?)", (value,))
        (stored,) = connection.execute("SELECT CAST(value AS TEXT) FROM one").fetchone()
    return None if stored == value else "is a JSON number, which SQLite would write in another form"


@contextmanager
def file(url: URL) -> Iterator[Target]:
    """Begin a file beside its future path.

    Raises:
        BlockedByDataError: There is a file with tables.
        BusyError: Another copy to the same path is at work.
        UnreachableError: There is no such folder, or this is not the path of a file.
    """
    path = Path(str(url.database))
    _require_free(url, path)
    partial = path.with_name(f"{path.name}.partial")
    _claim(partial)
    try:
        engine = create_engine(
            URL.create("sqlite", database=str(partial)),
            poolclass=NullPool,
            wal=False,
            connect_args={"isolation_level": None},
        )
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN EXCLUSIVE"))
        with engine.connect() as connection:
            connection.begin()
            yield SQLiteTarget(connection, url, path, partial)
    finally:
        partial.unlink(missing_ok=True)


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").close()


def _require_free(url: URL, path: Path) -> None:
    message = None
    if url.query or not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        message = "the target should be the path of a file, without options"
    elif path.is_dir():
        message = f"{path} is a folder; give the path of a file"
    elif not path.parent.is_dir():
        message = f"the folder {path.parent} does not exist; check the path"
    if message is not None:
        raise UnreachableError(message)
    if path.exists() and path.stat().st_size:
        with opened(url) as reader:
            refuse_filled(url, reader.connection.exec_driver_sql(TABLES_AND_VIEWS).scalars().all())


def _claim(partial: Path) -> None:
    """Create the temporary file, in place of one that a killed copy has left.

    Raises:
        BusyError: Another copy is at work on it.
    """
    if partial.exists():
        if _is_locked(partial):
            message = f"another copy writes to {partial}; try again when it is done"
            raise BusyError(message)
        partial.unlink()
    try:
        partial.touch(exist_ok=False)
    except OSError as error:
        message = f"{partial} cannot be created ({error.strerror}); check the folder"
        raise UnreachableError(message) from error


def _is_locked(partial: Path) -> bool:
    with closing(sqlite3.connect(partial, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.DatabaseError as error:
            return "locked" in str(error)  # A file that was cut short is no database.
    return False

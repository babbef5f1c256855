"""The database that a copy becomes: all or nothing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import URL, Connection

from fractal_models.archive.reading import Reader, driver_errors
from fractal_models.archive.text_form import Rows
from fractal_models.database.connection.errors import BlockedByDataError, DatabaseError
from fractal_models.database.connection.redaction import masked
from fractal_models.database.revisions.history import alembic_config

SHOWN = 5
"""Number of tables in a message."""


class Target(ABC):
    """A database that is filled in one transaction."""

    def __init__(self, connection: Connection, url: URL) -> None:
        self.connection = connection
        self.url = url
        self.is_converted = False
        """Whether an older database was converted in it."""

    @property
    def driver(self) -> Any:
        """Connection of the driver."""
        return self.connection.connection.dbapi_connection

    def migrate(self, revision: str) -> None:
        """Run revisions in the transaction of the copy.

        Raises:
            BlockedByDataError: Rows block one.
        """
        from alembic import command
        from alembic.util import CommandError

        config = alembic_config(self.url)
        config.attributes["connection"] = self.connection
        config.attributes["report"] = lambda _line: None
        try:
            command.upgrade(config, revision)
        except CommandError as error:
            raise error.__cause__ if isinstance(error.__cause__, DatabaseError) else error from None

    def writer(self, rows: Rows) -> Callable[[bytes], None]:
        """Return a function that writes a block into a table.

        It raises BlockedByDataError for a row that the database cannot store.
        """
        insert = self.inserter(rows)

        def write(block: bytes) -> None:
            with driver_errors(self.url):
                insert(block)

        return write

    @abstractmethod
    def inserter(self, rows: Rows) -> Callable[[bytes], None]:
        """Return a function that writes a block, with the errors of the driver."""

    @abstractmethod
    def set_next_id(self, table: str, number: int) -> None:
        """Set the ID of the next row."""

    @abstractmethod
    def finish(self) -> None:
        """Check what is left to check, and create what is left to create."""

    @abstractmethod
    def finished(self) -> AbstractContextManager[Reader]:
        """Read what was written; the copy appears when this ends without an exception."""


def refuse_filled(url: URL, found: Sequence[str]) -> None:
    """Refuse a target that has tables or views.

    Raises:
        BlockedByDataError: It has.
    """
    if found:
        shown = ", ".join(found[:SHOWN]) + (", …" if len(found) > SHOWN else "")
        message = f"{masked(url)} is not empty, it has {shown}; give an empty database, or a file that does not exist"
        raise BlockedByDataError(message)


def unstorable(rows: Rows, values: Sequence[str | None], column: str | None, reason: str) -> BlockedByDataError:
    """Error that names a row, by its primary key, and the column of a value."""
    named = dict(zip(rows.columns, values, strict=True))
    key = ", ".join(f"{part.name} {named[part.name]}" for part in rows.table.primary_key)
    place = f"table {rows.table.name}, {key}" + (f", column {column}" if column else "")
    return BlockedByDataError(f"{place}: {reason}; correct it in the source")

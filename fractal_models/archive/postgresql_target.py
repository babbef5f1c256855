"""Copies into a database on a PostgreSQL server."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import sqlalchemy as sa
from sqlalchemy import URL, Connection, NullPool

from fractal_models.archive.reading import SETTINGS, Reader, reader_of
from fractal_models.archive.target import Target, refuse_filled, unstorable
from fractal_models.archive.text_form import Rows, kind, quoted
from fractal_models.database.connection.engine import create_engine
from fractal_models.database.connection.errors import BlockedByDataError, BusyError, UnreachableError
from fractal_models.database.connection.redaction import KEY_VIOLATIONS, masked, sqlstate
from fractal_models.database.connection.timeouts import CONNECT_TIMEOUT
from fractal_models.database.inspection.state import inspect_database
from fractal_models.database.migration.locks import LOCK_KEY

NOT_IN_REPERTOIRE = "22021"
"""SQLSTATE `character_not_in_repertoire`."""


class PostgreSQLTarget(Target):
    """A database on a server, filled by `COPY`."""

    def inserter(self, rows: Rows) -> Callable[[bytes], None]:
        """Return a function that writes a block, with the errors of the driver."""
        cursor, driver = self.driver.cursor(), self.connection.dialect.dbapi
        columns = ", ".join(map(quoted, rows.columns))
        statement = f"COPY {quoted(rows.table.name)} ({columns}) FROM STDIN (ENCODING 'UTF8')"

        def insert(block: bytes) -> None:
            try:
                cursor.copy_expert(statement, BytesIO(block), len(block))
            except (driver.DataError, driver.IntegrityError) as error:  # type: ignore[union-attr]
                raise _explained(rows, block, error) from None

        return insert

    def set_next_id(self, table: str, number: int) -> None:
        """Set the sequence."""
        last, called = (number - 1, "true") if number > 1 else (1, "false")
        self.connection.exec_driver_sql(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {last}, {called})")

    def finish(self) -> None:
        """Do nothing: foreign keys were checked when the rows were written."""

    @contextmanager
    def finished(self) -> Iterator[Reader]:
        """Read in the transaction, then commit."""
        yield reader_of(self.connection)
        self.connection.commit()


def _explained(rows: Rows, block: bytes, error: Any) -> BlockedByDataError:
    """Name the row and column that PostgreSQL has refused, without the value."""
    if sqlstate(error) in KEY_VIOLATIONS:
        detail = error.diag.message_detail.rstrip(".")
        return BlockedByDataError(f"table {rows.table.name}: {detail}; correct it in the source")
    context = error.diag.context or ""
    line = re.search(r"\bline (\d+)", context)
    column = re.search(r"\bcolumn \"?(\w+)", context)
    raw = block.split(b"\n")[int(line[1]) - 1] if line else b"\t" * (len(rows.columns) - 1)
    values = [value.decode(errors="replace") for value in raw.split(b"\t")]
    if sqlstate(error) == NOT_IN_REPERTOIRE:
        name = next((n for n, v in zip(rows.columns, values, strict=True) if "\0" in v or "\ufffd" in v), None)
        reason = "contains a NUL character, or is not valid UTF-8, which PostgreSQL cannot store"
    else:
        name = column[1] if column else error.diag.column_name
        reason = f"is not a valid {kind(rows.table.c[name])} in PostgreSQL" if name else error.diag.message_primary
    return unstorable(rows, values, name, reason)


@contextmanager
def database(url: URL) -> Iterator[Target]:
    """Open an empty database.

    Raises:
        BlockedByDataError: It is not empty.
        BusyError: Another copy or upgrade is at work.
    """
    engine = create_engine(url, poolclass=NullPool, connect_timeout=CONNECT_TIMEOUT)
    with engine.connect() as connection:
        for statement in SETTINGS:
            connection.exec_driver_sql(statement)
        if not connection.exec_driver_sql(f"SELECT pg_try_advisory_xact_lock({LOCK_KEY})").scalar():
            message = f"another copy or upgrade is at work in {masked(url)}; try again when it is done"
            raise BusyError(message)
        _require_empty(connection, url)
        yield PostgreSQLTarget(connection, url)


def _require_empty(connection: Connection, url: URL) -> None:
    """Refuse a database that is not empty, or that cannot be written to."""
    status = inspect_database(connection, check_drift=False)
    if status.state.error is UnreachableError:
        status.raise_for_state()
    inspector = sa.inspect(connection)
    refuse_filled(url, sorted([*inspector.get_table_names(), *inspector.get_view_names()]))

"""Bare loops that copies are compared with: the same rows into the same tables, without proof."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
from sqlalchemy import URL

from fractal_models.archive.text_form import Rows, kind, quoted
from fractal_models.database.connection.urls import sync_url
from fractal_models.tables import METADATA

ALL = [Rows(table, tuple(table.columns.keys())) for table in METADATA.sorted_tables]

PRAGMAS = ("journal_mode = OFF", "synchronous = OFF", "cache_size = -65536")
"""The settings of a copy; with SQLite's own, the loop would take longer."""


def _connect(url: URL) -> Any:
    return psycopg2.connect(url.set(drivername="postgresql").render_as_string(hide_password=False))


def to_sqlite(source: str, target: str) -> None:
    """Copy from PostgreSQL into a file at head by a server-side cursor and `executemany`."""
    with closing(_connect(sync_url(source))) as server, closing(sqlite3.connect(target, isolation_level=None)) as file:
        for pragma in PRAGMAS:
            file.execute(f"PRAGMA {pragma}")
        file.execute("BEGIN")
        with server.cursor() as cursor:
            cursor.execute("SET TIME ZONE 'UTC'")
        for rows in ALL:
            # As text, JSON and timestamps need no conversion in Python.
            values = [
                f"{quoted(name)}::text" if kind(rows.table.c[name]) in {"JSON", "timestamp"} else quoted(name)
                for name in rows.columns
            ]
            with server.cursor(name="rows") as cursor:
                cursor.itersize = 2000
                cursor.execute(f"SELECT {', '.join(values)} FROM {quoted(rows.table.name)} ORDER BY 1")
                places = ", ".join("?" * len(rows.columns))
                columns = ", ".join(map(quoted, rows.columns))
                file.executemany(f"INSERT INTO {quoted(rows.table.name)} ({columns}) VALUES ({places})", cursor)
        file.execute("COMMIT")
    with Path(target).open("rb+") as written:
        os.fsync(written.fileno())


def to_postgresql(source: str, target: str) -> None:
    """Copy from a file into PostgreSQL at head by one `COPY` per table."""
    with closing(_connect(sync_url(target))) as server, closing(sqlite3.connect(source)) as file:
        with server.cursor() as cursor:
            cursor.execute("SET TIME ZONE 'UTC'")
            for rows in ALL:
                columns = ", ".join(map(quoted, rows.columns))
                found = file.execute(f"SELECT {columns} FROM {quoted(rows.table.name)} ORDER BY 1")
                cursor.copy_expert(f"COPY {quoted(rows.table.name)} ({columns}) FROM STDIN", _Lines(found))
        server.commit()


class _Lines:
    """File that the driver reads lines from."""

    def __init__(self, rows: Iterator[tuple[Any, ...]]) -> None:
        self._rows = rows

    def read(self, _size: int) -> bytes:
        lines = []
        for row in self._rows:
            lines.append("\t".join([_field(value) for value in row]))
            if len(lines) == 500:
                break
        return "".join(f"{line}\n" for line in lines).encode()


def _field(value: Any) -> str:
    if isinstance(value, str):
        return value.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    return "\\N" if value is None else str(value)

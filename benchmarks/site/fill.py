"""Writes the rows of a site to an empty database at 2.9."""

from collections.abc import Iterable
from io import StringIO
from itertools import islice
from typing import Any

import sqlalchemy as sa
from rich.progress import Progress

from benchmarks.site.layout import Site
from benchmarks.site.rows import tables
from fractal_models.base import Base

CHUNK = 20_000


def fill(engine: sa.Engine, site: Site, progress: Progress) -> None:
    """Fill an empty database at 2.9."""
    todo = tables(site)
    bar = progress.add_task(f"Fill with {site.jobs:,} jobs", total=sum(table.number for table in todo))
    postgresql = engine.dialect.name == "postgresql"
    write = _copy if postgresql else _insert
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        if postgresql:
            # The foreign keys are valid, so the rows that they refer to need not be looked up.
            cursor.execute("SET session_replication_role = replica; SET timezone = 'UTC'")
        for table in todo:
            rows = table.rows()
            while chunk := list(islice(rows, CHUNK)):
                write(cursor, table.name, chunk)
                progress.advance(bar, len(chunk))
        if postgresql:
            cursor.execute("RESET ALL")
        connection.commit()
    finally:
        connection.close()
        progress.remove_task(bar)


def _copy(cursor: Any, table: str, rows: list[dict[str, Any]]) -> None:
    # No value is null or contains characters that COPY escapes.
    text = StringIO("".join("\t".join(map(str, row.values())) + "\n" for row in rows))
    cursor.copy_expert(f"COPY {table} ({_quoted(rows[0])}) FROM STDIN", text)
    if "id" in rows[0]:
        sequence = f"pg_get_serial_sequence('{table}', 'id')"
        cursor.execute(f"SELECT setval({sequence}, %s)", (rows[-1]["id"],))


def _insert(cursor: Any, table: str, rows: list[dict[str, Any]]) -> None:
    values = ", ".join(f":{column}" for column in rows[0])
    cursor.executemany(f"INSERT INTO {table} ({_quoted(rows[0])}) VALUES ({values})", rows)


def _quoted(columns: Iterable[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns)


def row_counts(engine: sa.Engine) -> dict[str, int]:
    """Number of rows in each table."""
    with engine.connect() as connection:
        return {
            table.name: connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
            for table in Base.metadata.sorted_tables
        }

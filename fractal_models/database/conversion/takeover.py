"""Take-over of the rows of a table, in ranges of ids: what both engines share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from fractal_models.database.conversion import legacy_table
from fractal_models.database.conversion.mends import JOINS, Mend, mends
from fractal_models.database.conversion.old_database import OldDatabase

RANGE = 10_000
"""Number of rows per statement, and so between two reports."""


class Engine(Protocol):
    """How an engine gets from the old tables to those of the baseline."""

    old: OldDatabase

    def prepare(self) -> None:
        """Make the columns of the baseline available, and tables that are missing."""

    def take_over(self, table: str) -> Iterator[int]:
        """Have the rows of a table as the baseline has them; yields the number of rows after each statement."""

    def finish(self) -> None:
        """Give all tables the form of the baseline."""


def mends_of(old: OldDatabase, table: str) -> list[Mend]:
    """Mends of a table."""
    return [mend for mend in mends(old.words, old.name) if mend.table == table]


def joins_of(old: OldDatabase, table: str) -> str:
    """Tables that the mends of a table read."""
    names = {"old_applyworkflow": old.name("applyworkflow"), "start": old.words.date("start_timestamp")}
    return JOINS[table].format(**names) if table in JOINS else ""


def write_notes(old: OldDatabase, table: str) -> None:
    """Write the notes of the mends of a table, before they change it."""
    source = f"{old.name(table)} o {joins_of(old, table)}"
    for mend in mends_of(old, table):
        if mend.each:
            legacy_table.note_rows(old, mend, source)
        elif old.execute(f"SELECT 1 FROM {source} WHERE {mend.condition} LIMIT 1").first():
            legacy_table.note_all(old, table, mend.column, mend.note)


def ranges(old: OldDatabase, table: str) -> Iterator[tuple[int, int, int]]:
    """Split an old table: ids above the first number and up to the second, and how many rows these are."""
    last = -(2**31) - 1
    query = (
        f"SELECT max(id), count(*) FROM (SELECT id FROM {old.name(table)} WHERE id > :last ORDER BY id LIMIT {RANGE}) r"
    )
    while (found := old.execute(query, last=last).one())[0] is not None:
        yield last, found[0], found[1]
        last = found[0]

"""Columns of each revision of fractal-server up to 2.9, and the revision that a set of columns belongs to."""

from __future__ import annotations

from collections.abc import Set
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from fractal_models.database.revisions.baseline import baseline_tables
from fractal_models.database.revisions.history import BASELINE, server_releases

Column = tuple[str, str]
"""Table and column."""


@cache
def older_revisions() -> list[str]:
    """Revisions of fractal-server up to 2.9, oldest first."""
    return list(server_releases())[: server_releases()[BASELINE].position + 1]


@cache
def spans() -> dict[Column, range]:
    """Positions of the revisions that have a column, for each column that any of them has."""
    lines = (files(__package__) / "older_columns.tsv").read_text().splitlines()
    revisions = older_revisions()
    listed = {
        (table, column): range(revisions.index(first), revisions.index(last) + 1)
        for table, column, first, last in (line.split("\t") for line in lines if not line.startswith("#"))
    }
    always = range(len(revisions))
    found = {
        (table.name, column.name): listed.get((table.name, "*"), always)
        for table in baseline_tables().values()
        for column in table.columns
    }
    return found | {column: span for column, span in listed.items() if column[1] != "*"}


@cache
def columns_at(position: int) -> frozenset[Column]:
    """Columns of a revision by its position."""
    return frozenset(column for column, span in spans().items() if position in span)


@cache
def dropped_columns() -> tuple[Column, ...]:
    """Columns that fractal-server 2.9 has no more, in order."""
    return tuple(sorted(spans().keys() - columns_at(len(older_revisions()) - 1)))


class Match(NamedTuple):
    """The revision whose columns a database has, or the neighbours between which they lie."""

    lower: int
    """Position of the revision, or of the older neighbour."""

    upper: int

    @property
    def description(self) -> str:
        """As the end of a sentence about the columns of a database."""
        lower, upper = (server_releases()[older_revisions()[position]] for position in self)
        if lower == upper:
            return f"those of {lower.name}"
        return f"between those of fractal-server {lower.last or lower.first} and {upper.first}"


def match(columns: Set[Column], revision: str) -> Match | None:
    """Find the revision that has just these columns, else two neighbours between which they lie.

    Args:
        columns: Columns of a database; those that no revision has do not count.
        revision: The one that the database names; it is preferred to others with the same columns.
    """
    known = columns & spans().keys()
    last = len(older_revisions()) - 1
    equal = [position for position in range(last + 1) if columns_at(position) == known]
    if equal:
        position = min(equal, key=lambda position: _rank(older_revisions()[position], revision))
        return Match(position, position)
    for lower in range(last):
        both, either = columns_at(lower) & columns_at(lower + 1), columns_at(lower) | columns_at(lower + 1)
        if both <= known <= either:
            return Match(lower, lower + 1)
    return None


def nearest(columns: Set[Column], revision: str) -> int:
    """Position of the revision from whose columns a set differs least, if possible the one that the database names."""
    revisions = older_revisions()
    return min(range(len(revisions)), key=lambda at: (len(columns ^ columns_at(at)), revisions[at] != revision))


def _rank(revision: str, named: str) -> tuple[bool, bool]:
    """Order of revisions with the same columns: the one that is named, then one that was the head of a release."""
    return revision != named, server_releases()[revision].last is None

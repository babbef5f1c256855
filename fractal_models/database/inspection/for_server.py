"""Rows of a database that the server's own upgrades, up to a later release, stop at or lose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import URL, Connection, text
from sqlalchemy.exc import DBAPIError

from fractal_models.database.connection.engine import connect
from fractal_models.database.connection.errors import BlockedByDataError, DatabaseState, Status
from fractal_models.database.inspection.later_releases import CHANGES, Change, Effect
from fractal_models.database.inspection.state import EXAMINED, inspect_database
from fractal_models.database.revisions.history import BASELINE, server_releases

SHOWN = 20
"""Number of rows that are named, unless they stop an upgrade."""


@dataclass(frozen=True)
class Concerned:
    """Rows that a change concerns."""

    change: Change
    number: int
    keys: tuple[Any, ...]
    """Primary keys: all of them if the rows stop an upgrade, else the first ones."""

    def __str__(self) -> str:
        more = f", … ({self.number:,} in all)" if self.number > SHOWN else ""
        rows = ", ".join(map(str, self.keys[:SHOWN])) + more
        remedy = f" {self.change.remedy}." if self.change.remedy else ""
        return f"{self.change.table} {rows}: {self.change.reason}.{remedy}"


@dataclass(frozen=True)
class Forecast:
    """State of a database, and what upgrades to a later release of fractal-server do to its rows."""

    status: Status
    release: str
    notices: tuple[str, ...] = ()
    """What else must be done before."""
    concerned: tuple[Concerned, ...] = ()

    def raise_for_findings(self) -> None:
        """Return if no upgrade stops for certain.

        Raises:
            DriftError: The schema differs from its revision, so some rows could not be examined.
            BlockedByDataError: Rows stop an upgrade.
            DatabaseError: The database could not be examined.
        """
        if self.status.state not in EXAMINED or self.status.state is DatabaseState.DRIFTED:
            self.status.raise_for_state()
        if stops := [found for found in self.concerned if found.change.effect is Effect.STOPS]:
            first = stops[0].change.release
            message = f"the upgrade to fractal-server {self.release} would stop at {first}; correct these rows first"
            raise BlockedByDataError(message, self.status)


def known_release(name: str) -> str:
    """Give the release of a name such as `2.14.3`, or the last one known of a series such as `2.14`.

    Raises:
        ValueError: There is no such release after 2.9.1; the message lists those that are known.
    """
    later = [each for each in server_releases().values() if each.position > server_releases()[BASELINE].position]
    ranges = [(each.first, each.last or each.first) for each in later]
    for first, last in ranges:
        if name.count(".") == 2 and _numbers(first) <= _numbers(name) <= _numbers(last):
            return name
    ends = [end for each in ranges for end in each]
    if of_series := [end for end in ends if end.startswith(f"{name}.") and name.count(".") == 1]:
        return max(of_series, key=_numbers)
    series = sorted({end.rpartition(".")[0] for end in ends}, key=_numbers)
    message = f"{name!r} is unknown; known are {ends[0]} to {ends[-1]}, or a series: {', '.join(series)}"
    raise ValueError(message)


def _numbers(release: str) -> tuple[int, ...]:
    """Numbers of a release, for comparisons; none if it is no release."""
    parts = release.split(".")
    return tuple(map(int, parts)) if all(part.isdecimal() for part in parts) else ()


def examine_for_server(url: str | URL, release: str) -> Forecast:
    """Find the rows that the upgrades from 2.9 to a later release stop at or lose, without writing.

    Raises:
        ValueError: The release is unknown.
    """
    release = known_release(release)
    status = inspect_database(url)
    if status.state not in EXAMINED:
        return Forecast(status, release)
    coming = [change for change in CHANGES if _numbers(change.release) <= _numbers(release)]
    with connect(url) as connection:
        found = [_find(connection, change, status.state is DatabaseState.DRIFTED) for change in coming]
        notices = tuple(_notices(connection, status))
    return Forecast(status, release, notices, tuple(each for each in found if each is not None))


def _notices(connection: Connection, status: Status) -> list[str]:
    found = []
    if connection.dialect.name == "sqlite":
        found.append("fractal-server after 2.8.1 runs on PostgreSQL only: carry these rows there first")
    if status.revisions != (BASELINE,):
        command = f"fractal-models downgrade {BASELINE}"
        found.append(f"the upgrades of fractal-server begin at 2.9: run `{command}` first")
    return found


def _find(connection: Connection, change: Change, drifted: bool) -> Concerned | None:
    query = change.query if isinstance(change.query, str) else change.query[connection.dialect.name]
    try:
        if change.effect in {Effect.STOPS, Effect.MAY_STOP}:
            keys = [tuple(row) for row in connection.execute(text(query))]
            number = len(keys)
        else:
            number = connection.scalar(text(f"SELECT count(*) FROM ({query}) AS found")) or 0
            keys = [tuple(row) for row in connection.execute(text(f"{query} LIMIT {SHOWN}"))]
    except DBAPIError:
        if not drifted:
            raise
        # The missing column or table is among the differences.
        connection.rollback()
        return None
    shown = tuple(key[0] if len(key) == 1 else key for key in keys)
    return Concerned(change, number, shown) if number else None

"""What revisions say of themselves beside `upgrade` and `downgrade`: rows that block them, and what they lose.

A revision may define

- `preflight`: a list of dicts, one per rule, with the keys of `Rule`;
- `irreversible`: one sentence on what its downgrade cannot bring back;
- `in_parts`: True if it commits in parts on PostgreSQL, and both ways do no more than is left to do.

All rules of all pending revisions are asked before the first change, on the schema that is there: a query may use
nothing that a revision between the baseline and its own has made.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, text

from fractal_models.database.connection.errors import BlockedByDataError

if TYPE_CHECKING:
    from alembic.script import Script

SHOWN = 20
"""How many offending rows a message names."""


@dataclass(frozen=True)
class Rule:
    """One thing that must hold for the rows of a table."""

    table: str
    reason: str
    """Why a row that the query finds is in the way, as the end of a sentence: "shares its e-mail with …"."""
    remedy: str
    """What to do about it, as a sentence without a period."""
    query: str | dict[str, str]
    """SQL that gives the primary keys of the offending rows; by dialect name where the two differ, or one has none."""

    def find(self, connection: Connection) -> Finding | None:
        """Ask for the offending rows."""
        query = self.query if isinstance(self.query, str) else self.query.get(connection.dialect.name)
        if query is None:
            return None
        keys = [row[0] if len(row) == 1 else tuple(row) for row in connection.execute(text(query))]
        return Finding(self, tuple(keys)) if keys else None


@dataclass(frozen=True)
class Finding:
    """The rows that break a rule."""

    rule: Rule
    keys: tuple[Any, ...]

    def __str__(self) -> str:
        more = f", … ({len(self.keys)} in all)" if len(self.keys) > SHOWN else ""
        rows = ", ".join(map(str, self.keys[:SHOWN])) + more
        return f"{self.rule.table} {rows}: {self.rule.reason}. {self.rule.remedy}."


def rules(revision: Script) -> list[Rule]:
    """The rules of one revision."""
    return [Rule(**rule) for rule in getattr(revision.module, "preflight", [])]


def irreversible(revision: Script) -> str | None:
    """What the downgrade of a revision cannot bring back."""
    sentence: str | None = getattr(revision.module, "irreversible", None)
    return sentence


def examine(connection: Connection, revisions: Iterable[Script]) -> list[Finding]:
    """Find what blocks any of these revisions."""
    findings = (rule.find(connection) for revision in revisions for rule in rules(revision))
    return [finding for finding in findings if finding is not None]


def orphans(connection: Connection) -> list[Finding]:
    """Find rows of SQLite that refer to nothing: it does not check keys unless told to."""
    found: dict[tuple[str, str], list[Any]] = {}
    for table, row, parent, _ in connection.execute(text(ORPHANS)):
        found.setdefault((table, parent), []).append(row)
    return [
        Finding(
            Rule(
                table=f"{table} (by rowid)",
                reason=f"refers to a row of {parent} that does not exist",
                remedy="Delete such rows, or set the reference to NULL where that is allowed",
                query=ORPHANS,
            ),
            tuple(rows),
        )
        for (table, parent), rows in found.items()
    ]


ORPHANS = "PRAGMA foreign_key_check"


def require_none(findings: Iterable[Finding]) -> None:
    """Refuse to go on.

    Raises:
        BlockedByDataError: There are findings; the message is all of them.
    """
    if lines := [str(finding) for finding in findings]:
        raise BlockedByDataError("rows are in the way, so nothing was changed: " + " ".join(lines))


def is_restartable(revision: Script) -> bool:
    """Whether a revision commits in parts on PostgreSQL, and both ways do what is left to do."""
    return getattr(revision.module, "restartable", getattr(revision.module, "in_parts", False))

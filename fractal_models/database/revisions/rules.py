"""Attributes of a revision beside `upgrade` and `downgrade`, and the rules that rows must meet before it runs.

A revision may define

- `preflight`: a list of dicts with the keys of `Rule`, beside the rules of its operations;
- `irreversible`: one sentence on what its downgrade cannot restore;
- `restartable`: True if on PostgreSQL it commits after each statement, and both directions do only what is left to do.

The queries of all pending revisions run before the first change, on the schema at that time. So a query may use only
what the baseline has created.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, text

from fractal_models.database.connection.errors import BlockedByDataError
from fractal_models.database.revisions.findings import Finding, Rule

if TYPE_CHECKING:
    from alembic.script import Script

__all__ = ["Finding", "Rule", "examine", "irreversible", "is_restartable", "orphans", "require_none", "rules"]


def rules(revision: Script) -> list[Rule]:
    """The rules of one revision: its own, then those of its operations by class."""
    from fractal_models.database.revisions.operations.recorder import recorded

    found = [Rule(**rule) for rule in getattr(revision.module, "preflight", [])]
    for kind, operations in recorded(revision).items():
        found += kind.rules(operations, str(revision.down_revision))
    return found


def irreversible(revision: Script) -> str | None:
    """Loss of a revision, which its downgrade cannot restore."""
    sentence: str | None = getattr(revision.module, "irreversible", None)
    return sentence


def examine(connection: Connection, revisions: Iterable[Script]) -> list[Finding]:
    """Find the rows that block any of these revisions."""
    findings = (rule.find(connection) for revision in revisions for rule in rules(revision))
    return [finding for finding in findings if finding is not None]


ORPHANS = "PRAGMA foreign_key_check"


def orphans(connection: Connection) -> list[Finding]:
    """Find rows of SQLite whose parent is missing: it enforces foreign keys only when told to."""
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


def require_none(findings: Iterable[Finding], position: str = "") -> None:
    """Refuse findings.

    Args:
        findings: Rows in the way.
        position: What that leads to, such as "the run stopped at …", if something was changed.

    Raises:
        BlockedByDataError: There are some; the message names them all.
    """
    if lines := [str(finding) for finding in findings]:
        raise BlockedByDataError(f"rows are in the way, so {position or 'nothing was changed'}: {' '.join(lines)}")


def is_restartable(revision: Script) -> bool:
    """Whether an interrupted run of a revision can be completed in either direction."""
    return getattr(revision.module, "restartable", False)

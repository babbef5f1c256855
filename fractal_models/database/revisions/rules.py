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
from typing import TYPE_CHECKING

from sqlalchemy import Connection, text

from fractal_models.database.connection.errors import BlockedByDataError
from fractal_models.database.revisions.findings import Finding, Rule, orphaned, without_parent

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


ORPHANS = """
    SELECT missing."table", missing.rowid, key."from", key."table", coalesce(key."to", 'id')
    FROM pragma_foreign_key_check AS missing, pragma_foreign_key_list(missing."table") AS key
    WHERE key.id = missing.fkid AND key.seq = 0 ORDER BY 1, 3, 2
"""


def orphans(connection: Connection, known: Iterable[Finding] = ()) -> list[Finding]:
    """Find rows of SQLite whose parent is missing: it enforces foreign keys only when told to.

    Args:
        connection: A database on SQLite.
        known: What other rules have found; such rows are left out.
    """
    found: dict[tuple[str, ...], list[int]] = {}
    for table, row, *key in connection.execute(text(ORPHANS)):
        found.setdefault((table, *key), []).append(row)
    named = {(finding.rule.table, finding.rule.reason) for finding in known}
    return [
        Finding(_parent_rule(*key), tuple(rows))
        for key, rows in found.items()
        if (key[0], without_parent(key[1], key[2])) not in named
    ]


def _parent_rule(table: str, column: str, parent: str, parent_key: str) -> Rule:
    return Rule(
        table=table,
        reason=without_parent(column, parent),
        remedy=f"Set {column} to NULL where that is allowed, or delete: DELETE FROM {table} WHERE rowid IN (…)",
        query=ORPHANS,
        condition=orphaned(table, column, parent, parent_key),
    )


def require_none(findings: Iterable[Finding], position: str = "") -> None:
    """Refuse findings.

    Args:
        findings: Rows in the way.
        position: What that leads to, such as "the run stopped at …", if something was changed.

    Raises:
        BlockedByDataError: There are some; the message names them all.
    """
    if lines := [str(finding) for finding in findings]:
        message = f"rows are in the way, so {position or 'nothing was changed'}:"
        raise BlockedByDataError(message, details=lines)


def is_restartable(revision: Script) -> bool:
    """Whether an interrupted run of a revision can be completed in either direction."""
    return getattr(revision.module, "restartable", False)

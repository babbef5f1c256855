"""Diagnosis of a database: drift, rows that block revisions, and rows that break a documented rule."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import URL, Connection, text
from sqlalchemy.exc import DBAPIError

from fractal_models.bases_v1 import RESERVED_ARGUMENTS
from fractal_models.database.connection.errors import (
    BlockedByDataError,
    DatabaseError,
    DatabaseState,
    DriftError,
    Status,
)
from fractal_models.database.inspection.reading import reading
from fractal_models.database.inspection.state import EXAMINED, read_state
from fractal_models.database.inspection.unknown import Unknown, count_unknown
from fractal_models.database.revisions.history import known_revision, pending
from fractal_models.database.revisions.rules import Finding, Rule, orphans, rules
from fractal_models.enums import TaskGroupV2OriginEnum


def _order_rule(workflow: str, step: str) -> Rule:
    return Rule(
        table=workflow,
        reason="has steps whose `order` is not 0, 1, 2 … without gaps",
        remedy=f"Call `workflow.task_list.reorder()` and commit, or number `{step}.order` by hand",
        query=f"""
            SELECT workflow_id FROM {step} GROUP BY workflow_id
            HAVING count(DISTINCT "order") <> count(*) OR min("order") <> 0 OR max("order") <> count(*) - 1
            ORDER BY workflow_id
        """,
    )


def _link_rule(table: str) -> Rule:
    return Rule(
        table=table,
        reason="has a docs_link that is not an http(s) URL",
        remedy="Correct it, or set it to NULL",
        query=f"""
            SELECT id FROM {table}
            WHERE lower(docs_link) NOT LIKE 'http://_%' AND lower(docs_link) NOT LIKE 'https://_%' ORDER BY id
        """,
    )


ORIGINS = [member.value for member in TaskGroupV2OriginEnum]


def _quoted(values: Iterable[str]) -> str:
    return ", ".join(f"'{value}'" for value in sorted(values))


DOCUMENTED_RULES = (
    Rule(
        table="workflowtask",
        reason="has arguments that the runner sets itself",
        remedy=f"Remove {', '.join(sorted(RESERVED_ARGUMENTS))} from its args",
        query={
            "postgresql": f"""
                SELECT DISTINCT w.id FROM workflowtask w CROSS JOIN LATERAL json_object_keys(
                    CASE json_typeof(w.args) WHEN 'object' THEN w.args ELSE '{{}}' END
                ) AS key WHERE key IN ({_quoted(RESERVED_ARGUMENTS)}) ORDER BY w.id
            """,
            "sqlite": f"""
                SELECT DISTINCT w.id FROM workflowtask w JOIN json_each(
                    CASE WHEN json_valid(w.args) THEN w.args ELSE '{{}}' END
                ) AS entry WHERE entry.key IN ({_quoted(RESERVED_ARGUMENTS)}) ORDER BY w.id
            """,
        },
    ),
    _order_rule("workflow", "workflowtask"),
    _order_rule("workflowv2", "workflowtaskv2"),
    _link_rule("task"),
    _link_rule("taskv2"),
    Rule(
        table="task",
        reason="has an empty source, which should identify it",
        remedy="Give it a unique one",
        query="SELECT id FROM task WHERE trim(source) = '' ORDER BY id",
    ),
    Rule(
        table="taskv2",
        reason="has a type other than compound, parallel and non_parallel",
        remedy="Set the type that fits its commands",
        query="SELECT id FROM taskv2 WHERE type NOT IN ('compound', 'parallel', 'non_parallel') ORDER BY id",
    ),
    Rule(
        table="workflowtaskv2",
        reason="has a task_type other than the type of its task",
        remedy="Copy it: `UPDATE workflowtaskv2 SET task_type = (SELECT type FROM taskv2 WHERE id = task_id)`",
        query="""
            SELECT w.id FROM workflowtaskv2 w JOIN taskv2 t ON t.id = w.task_id
            WHERE w.task_type <> t.type ORDER BY w.id
        """,
    ),
    Rule(
        table="taskgroupv2",
        reason=f"has an origin other than {', '.join(ORIGINS)}",
        remedy="Set the one that fits",
        query=f"SELECT id FROM taskgroupv2 WHERE origin NOT IN ({_quoted(ORIGINS)}) ORDER BY id",
    ),
)
"""Rules that the documentation states and no constraint checks."""


@dataclass(frozen=True)
class Diagnosis:
    """State of a database, and the rows that break rules."""

    status: Status

    blocking: tuple[Finding, ...] = ()
    """Rows that the pending revisions refuse."""

    breaking: tuple[Finding, ...] = ()
    """Rows that break a documented rule."""

    unknown: tuple[Unknown, ...] = ()
    """Values that are not known, which is no error."""

    def raise_for_findings(self) -> None:
        """Return if nothing is wrong, also behind head.

        Raises:
            DriftError: The schema differs from its revision.
            BlockedByDataError: There are findings.
            UnreachableError: The role or the disk does not allow the pending revisions.
            DatabaseError: The database could not be examined.
        """
        if self.status.state not in EXAMINED:
            self.status.raise_for_state()
        differences, broken = len(self.status.differences), len(self.blocking) + len(self.breaking)
        found = [f"{differences} difference{'s' * (differences > 1)} in the schema"] * bool(differences)
        found += [f"{broken} rules are broken" if broken > 1 else "1 rule is broken"] * bool(broken)
        if found:
            raise (DriftError if differences else BlockedByDataError)("; ".join(found), self.status)
        for obstacle in self.status.obstacles:
            if obstacle.state not in READ_ONLY:
                obstacle.raise_for_state()


READ_ONLY = {DatabaseState.STANDBY, DatabaseState.POOLER, DatabaseState.READ_ONLY}
"""Obstacles of connections that were made to read."""


def examine_database(url: str | URL) -> Diagnosis:
    """Examine schema, rows and environment of a database without writing to it, on a standby and by a pooler, too."""
    status = read_state(url)
    if status.state not in EXAMINED or known_revision(status.revisions) is None:
        return Diagnosis(status)
    try:
        return _examine(url, status)
    except DatabaseError as error:
        if error.status is None:
            raise
        return Diagnosis(error.status)


def _examine(url: str | URL, status: Status) -> Diagnosis:
    with reading(url) as connection:
        coming = pending(status.revisions[0])
        drifted = status.state is DatabaseState.DRIFTED
        blocking = _broken(connection, (rule for revision in coming for rule in rules(revision)), drifted)
        breaking = _broken(connection, DOCUMENTED_RULES, drifted)
        if connection.dialect.name == "sqlite":
            (blocking if coming else breaking).extend(orphans(connection, blocking))
        return Diagnosis(status, tuple(blocking), tuple(breaking), tuple(count_unknown(connection)))


def _broken(connection: Connection, asked: Iterable[Rule], drifted: bool) -> list[Finding]:
    found = []
    for rule in asked:
        try:
            finding = rule.find(connection)
        except DBAPIError:
            if not drifted:
                raise
            # The missing column or table is among the differences.
            connection.rollback()
            continue
        if finding is not None:
            found.append(finding)
    return found


def size_in_bytes(connection: Connection) -> int:
    """Size on disk, indexes included."""
    query = {
        "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
        "postgresql": "SELECT pg_database_size(current_database())",
    }[connection.dialect.name]
    return int(connection.scalar(text(query)) or 0)

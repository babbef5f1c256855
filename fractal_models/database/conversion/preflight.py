"""Rules that the rows of an older database must meet before its conversion."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from fractal_models.database.conversion.old_database import OldDatabase
from fractal_models.database.revisions.findings import Finding, Rule
from fractal_models.database.revisions.history import BASELINE, pending
from fractal_models.database.revisions.rules import orphans, rules


def _rules(old: OldDatabase) -> Iterator[Rule]:
    yield Rule(
        table="workflowtask",
        reason="is a step without workflow or task",
        remedy="Delete such steps: `DELETE FROM workflowtask WHERE workflow_id IS NULL OR task_id IS NULL`",
        query="SELECT id FROM workflowtask WHERE workflow_id IS NULL OR task_id IS NULL ORDER BY id",
    )
    yield Rule(
        table="applyworkflow",
        reason="is a job whose start is not known",
        remedy=(
            "Give it the placeholder: `UPDATE applyworkflow SET start_timestamp = '2000-01-01 00:00:00+00:00' "
            "WHERE start_timestamp IS NULL`"
        ),
        query="SELECT id FROM applyworkflow WHERE start_timestamp IS NULL ORDER BY id",
    )
    if old.has("workflowtaskv2", "task_legacy_id"):
        yield Rule(
            table="workflowtaskv2",
            reason="is a step of version 2 with a task of version 1, which 2.5.0 abolished",
            remedy="Delete such steps: `DELETE FROM workflowtaskv2 WHERE task_id IS NULL`",
            query="""
                SELECT id FROM workflowtaskv2 WHERE task_id IS NULL AND task_legacy_id IS NOT NULL ORDER BY id
            """,
        )
        yield Rule(
            table="workflowtaskv2",
            reason="is a step without task",
            remedy="Delete such steps: `DELETE FROM workflowtaskv2 WHERE task_id IS NULL`",
            query="SELECT id FROM workflowtaskv2 WHERE task_id IS NULL AND task_legacy_id IS NULL ORDER BY id",
        )


def examine(old: OldDatabase) -> list[Finding]:
    """Find the rows that block a conversion."""
    findings = [finding for rule in _rules(old) if (finding := rule.find(old.connection)) is not None]
    findings += _of_later_revisions(old)
    if old.connection.dialect.name == "sqlite":
        findings += orphans(old.connection, findings)
    return findings


def nul_characters(old: OldDatabase) -> list[Finding]:
    """Find the rows of PostgreSQL whose JSON has a NUL character, which no function of PostgreSQL reads."""
    findings = []
    for table, columns in old.columns.items():
        for column, type_ in columns.items():
            if not isinstance(type_, sa.JSON):
                continue
            has_nul = rf"{column}::text ~ '(^|[^\\])(\\\\)*\\u0000'"
            rule = Rule(
                table=table,
                reason=f"has a NUL character in {column}",
                remedy=(
                    rf"Remove it: `UPDATE {table} SET {column} = replace({column}::text, '\u0000', '')::json "
                    f"WHERE {has_nul}`"
                ),
                query=f"SELECT id FROM {table} WHERE {has_nul} ORDER BY id",
            )
            if (finding := rule.find(old.connection)) is not None:
                findings.append(finding)
    return findings


def _of_later_revisions(old: OldDatabase) -> Iterator[Finding]:
    """Rows that block later revisions, as far as the columns are there; the others follow after the conversion."""
    for rule in (rule for revision in pending(BASELINE) for rule in rules(revision)):
        # Other rules are about the form of tables, which changes.
        if rule.table in old.columns:
            try:
                with old.connection.begin_nested():
                    finding = rule.find(old.connection)
            except DBAPIError as error:
                if error.connection_invalidated:
                    raise
                continue
            if finding is not None:
                yield finding

"""Values of columns that are missing in an older database, or that a data script of the server would have changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fractal_models.database.conversion.dialects import LAST_USED, UNKNOWN_DATE, Words
from fractal_models.provenance import UNKNOWN_TASK_INDEX, UNKNOWN_TEXT

MISSING: dict[tuple[str, str], str | int] = {
    ("applyworkflow", "first_task_index"): UNKNOWN_TASK_INDEX,
    ("applyworkflow", "last_task_index"): UNKNOWN_TASK_INDEX,
    ("applyworkflow", "user_email"): UNKNOWN_TEXT,
    ("applyworkflow", "workflow_dump"): "{}",
    ("applyworkflow", "input_dataset_dump"): "{}",
    ("applyworkflow", "output_dataset_dump"): "{}",
    ("applyworkflow", "project_dump"): "{}",
    ("dataset", "history"): "[]",
    ("dataset", "timestamp_created"): UNKNOWN_DATE,
    ("linkusergroup", "timestamp_created"): UNKNOWN_DATE,
    ("project", "timestamp_created"): UNKNOWN_DATE,
    ("taskgroupv2", "timestamp_last_used"): LAST_USED,
    ("taskv2", "tags"): "[]",
    ("usergroup", "viewer_paths"): "[]",
    ("workflow", "timestamp_created"): UNKNOWN_DATE,
}
"""Values in all rows of a column that is missing; null in other columns."""

DATED = ("workflow_dump", "input_dataset_dump", "output_dataset_dump")
"""Dumps of jobs that got a date by a data script."""

JOINS: dict[str, str] = {
    "applyworkflow": "LEFT JOIN project p ON p.id = o.project_id {texts}",
    "dataset": "LEFT JOIN project p ON p.id = o.project_id",
    "project": """
        LEFT JOIN (
            SELECT project_id, min({start}) AS start FROM {old_applyworkflow} GROUP BY project_id
        ) j ON j.project_id = o.id
    """,
    "workflow": "LEFT JOIN project p ON p.id = o.project_id",
}
"""Tables that the mends of a table read: `{old_TABLE}` is the old one, others have been taken over.

`{texts}` gives the dumps that get a date as texts.
"""

SOLE_EMAIL = """
    SELECT min(u.email) FROM {old_linkuserproject} l JOIN user_oauth u ON u.id = l.user_id
    WHERE l.project_id = o.project_id HAVING count(*) = 1
"""


@dataclass(frozen=True)
class Mend:
    """A value that replaces another, where a condition holds; `o` is the row."""

    table: str
    column: str
    condition: str
    value: str

    note: str
    """What `fractal_legacy` says of the rows."""

    each: bool = True
    """Whether it says so of each row, or once."""


def mends(words: Words, old: Callable[[str], str]) -> list[Mend]:
    """Mends of all tables.

    Args:
        words: Those of the engine.
        old: Gives the name of the old table of a name.
    """
    email = SOLE_EMAIL.format(old_linkuserproject=old("linkuserproject"))
    unknown = f"{words.date('o.timestamp_created')} = {words.unknown_date}"
    of_project = f"{unknown} AND p.timestamp_created <> {words.unknown_date}"
    return [
        Mend(
            "project",
            "timestamp_created",
            condition=f"{unknown} AND j.start IS NOT NULL",
            value="j.start",
            note="filled with the start of its first job",
        ),
        *(
            Mend(table, "timestamp_created", of_project, "p.timestamp_created", "filled with the date of its project")
            for table in ("workflow", "dataset")
        ),
        Mend(
            "applyworkflow",
            "user_email",
            condition=f"o.user_email = '{UNKNOWN_TEXT}' AND EXISTS ({email})",
            value=f"({email})",
            note="filled with the e-mail of the only user of its project",
        ),
        Mend(
            "taskgroupv2",
            "timestamp_last_used",
            condition="o.timestamp_last_used IS NULL",
            value=words.last_used,
            note="filled with the placeholder",
        ),
        *(_dated(words, column) for column in DATED),
    ]


def _dated(words: Words, column: str) -> Mend:
    """Add the date to a dump of a job."""
    date = (
        f"CASE WHEN p.id IS NULL OR p.timestamp_created = {words.unknown_date} THEN '{UNKNOWN_DATE}' "
        f"ELSE {words.isoformat('p.timestamp_created')} END"
    )
    return Mend(
        "applyworkflow",
        column,
        condition=words.is_undated(column),
        value=words.dated(column, date),
        note="key timestamp_created was missing, and has the date of the job's project, else the placeholder",
        each=False,
    )

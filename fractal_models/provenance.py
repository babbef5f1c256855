"""What the rows of an old database do not say: placeholders for values that were never recorded, and rebuilt copies.

    unknown_fields(job)
    # {"user_email": "not recorded", "project_dump": "rebuilt at an upgrade, not copied at submission"}

fractal-server added these columns one after the other, and filled them in the rows that were there.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import inspect

from fractal_models.base import Base

UNKNOWN_TEXT = "__UNDEFINED__"
"""`ApplyWorkflow.user_email` of jobs from before 1.4.0, and `name` in dumps of rows that were gone."""

UNKNOWN_TASK_INDEX = 9999
"""`ApplyWorkflow.first_task_index` and `last_task_index` of jobs from before 1.3.4."""

UNKNOWN_ID = -1
"""`id` in dumps of rows that were gone."""

UNKNOWN_TIMESTAMP = datetime(2000, 1, 1, tzinfo=UTC)
"""`timestamp_created` of rows from before it was recorded, in columns and in dumps."""

UNKNOWN_LAST_USED = datetime(2024, 11, 20, tzinfo=UTC)
"""`TaskGroupV2.timestamp_last_used` of groups from before it was recorded, unless it is their `timestamp_created`."""

PLACEHOLDERS: Mapping[str, Any] = {
    "user_email": UNKNOWN_TEXT,
    "first_task_index": UNKNOWN_TASK_INDEX,
    "last_task_index": UNKNOWN_TASK_INDEX,
    "timestamp_created": UNKNOWN_TIMESTAMP,
    "timestamp_last_used": UNKNOWN_LAST_USED,
}
"""Placeholders by the name of the column, in whichever table it is. Dumps are described by `is_unknown_dump`."""

NOT_RECORDED = "not recorded"
REBUILT = "rebuilt at an upgrade, not copied at submission"
MAYBE_REBUILT = "may have been rebuilt at an upgrade, not copied at submission"

DUMPS = ("project_dump", "workflow_dump", "dataset_dump", "input_dataset_dump", "output_dataset_dump")
"""Columns with copies of other rows."""


def unknown_fields(row: Base, notes: Iterable[tuple[str, str]] = ()) -> dict[str, str]:
    """Reasons why fields of a row are not known, by field; empty if none is found.

    The field `workflow_dump.timestamp_created` is a key in a dump.

    A placeholder says so itself. A dump was rebuilt from the rows at an upgrade, if the job is from before the release
    that recorded it. A row shows that only while its e-mail address is unknown, or was filled in by a conversion with a
    note: the upgrade to 1.4.1 filled in most addresses without one. So a dump of another job from before 1.4.2 may be
    rebuilt as well.

    Args:
        row: Only its loaded columns are examined.
        notes: Names of columns with what the conversion of an older database has noted on them; see
            `fractal_models.database.read_notes`.
    """
    columns = inspect(type(row)).column_attrs
    return unknown_values({name: value for name, value in row.__dict__.items() if name in columns}, notes)


def unknown_values(loaded: Mapping[str, Any], notes: Iterable[tuple[str, str]] = ()) -> dict[str, str]:
    """Fields that are not known, as `unknown_fields` finds them, among the values of a row by name."""
    found = {
        name: NOT_RECORDED for name, value in loaded.items() if name in PLACEHOLDERS and value == PLACEHOLDERS[name]
    }
    if "timestamp_last_used" in loaded and loaded["timestamp_last_used"] == loaded.get("timestamp_created"):
        found["timestamp_last_used"] = NOT_RECORDED
    noted = {name: note for name, note in notes if name in loaded}
    for name in loaded.keys() & set(DUMPS):
        found |= dict(_unknown_in_dump(name, loaded[name], {**found, **noted}))
    return {**found, **noted}


def is_unknown_dump(dump: Any) -> bool:
    """Whether a dump is a placeholder: null, `{}`, or of a row that was gone."""
    return not dump or (isinstance(dump, dict) and dump.get("id") == UNKNOWN_ID)


def _unknown_in_dump(name: str, dump: Any, others: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What is not known of a dump, by what else is not known of its job."""
    if is_unknown_dump(dump):
        yield name, NOT_RECORDED
        return
    if "user_email" in others:
        # `workflow_dump` is from 1.3.5, the other dumps and the address are from 1.4.0 or later.
        yield name, MAYBE_REBUILT if name == "workflow_dump" and "first_task_index" not in others else REBUILT
    if isinstance(dump, dict) and _is_unknown_time(dump.get("timestamp_created")):
        yield f"{name}.timestamp_created", NOT_RECORDED


def _is_unknown_time(text: Any) -> bool:
    """Whether a time in a dump, in UTC unless it has an offset, is the placeholder."""
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return False
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) == UNKNOWN_TIMESTAMP

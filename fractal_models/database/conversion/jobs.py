"""Dumps of jobs: rebuilt where not known, put right where inverted, without keys that no server reads.

Jobs are read and written in batches, so memory is constant.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import JSON, DateTime, RowMapping, Table

from fractal_models.database.conversion import legacy_table
from fractal_models.database.conversion.dialects import UNKNOWN_DATE, is_unknown
from fractal_models.database.conversion.old_database import OldDatabase
from fractal_models.database.conversion.raw_json import elements, joined, listed, members
from fractal_models.database.revisions.baseline import baseline_tables
from fractal_models.provenance import UNKNOWN_TEXT

BATCH = 500
"""Number of jobs in memory."""

UNKNOWN = {
    "id": "-1",
    "project_id": "-1",
    "name": json.dumps(UNKNOWN_TEXT),
    "read_only": "true",
    "resource_list": "[]",
    "timestamp_created": json.dumps(UNKNOWN_DATE),
    "zarr_dir": json.dumps(UNKNOWN_TEXT),
    "filters": '{"attributes": {}, "types": {}}',
}
"""Members of the dump of a row that is gone."""


@dataclass(frozen=True)
class Dump:
    """A dump of a job."""

    column: str
    table: str
    """Table of the row that it is a copy of."""

    key: str
    """Column of the job that refers to this row."""

    required: tuple[str, ...]
    """Keys that a server requires."""

    strict: bool = False
    """Whether a server refuses other keys."""


PROJECT = ("id", "name", "timestamp_created")
WORKFLOW = ("id", "name", "project_id", "timestamp_created")
DATASET = ("id", "name", "read_only", "project_id", "resource_list", "timestamp_created")
DATASET_V2 = ("id", "name", "project_id", "timestamp_created", "zarr_dir", "filters")

DUMPS: dict[str, tuple[Dump, ...]] = {
    "applyworkflow": (
        Dump("workflow_dump", "workflow", "workflow_id", WORKFLOW),
        Dump("input_dataset_dump", "dataset", "input_dataset_id", DATASET),
        Dump("output_dataset_dump", "dataset", "output_dataset_id", DATASET),
        Dump("project_dump", "project", "project_id", (*PROJECT, "read_only"), strict=True),
    ),
    "jobv2": (
        Dump("workflow_dump", "workflowv2", "workflow_id", WORKFLOW, strict=True),
        Dump("dataset_dump", "datasetv2", "dataset_id", DATASET_V2, strict=True),
        Dump("project_dump", "projectv2", "project_id", PROJECT, strict=True),
    ),
}
"""Dumps by table of jobs."""

OMITTED = {"history", "images"}
"""Columns of datasets that are not copied into a job."""


def mend_dumps(old: OldDatabase, table: str) -> Iterator[int]:
    """Rebuild and correct the dumps of all jobs of a table; yields the number of jobs after each batch."""
    condition = " OR ".join(_conditions(old, DUMPS[table]))
    columns = [
        "id",
        *(dump.key for dump in DUMPS[table]),
        *(f"{old.words.text(dump.column)} AS {dump.column}" for dump in DUMPS[table]),
    ]
    query = (
        f"SELECT {', '.join(columns)} FROM {old.name(table)} WHERE id > :last AND ({condition}) "
        f"ORDER BY id LIMIT {BATCH}"
    )
    last = -(2**31)
    while jobs := old.execute(query, last=last).mappings().all():
        _mend_batch(old, table, jobs)
        last = jobs[-1]["id"]
        yield len(jobs)


def _conditions(old: OldDatabase, dumps: Sequence[Dump]) -> Iterator[str]:
    words = old.words
    for dump in dumps:
        yield is_unknown(words, dump.column)
        if dump.strict:
            yield words.has_other_keys(dump.column, dump.required)
        if dump.table == "workflow":
            yield words.has_path(dump.column, "task_list", 0, "task", "task_id")


def _mend_batch(old: OldDatabase, table: str, jobs: Sequence[RowMapping]) -> None:
    changes: list[dict[str, Any]] = [{"id": job["id"]} for job in jobs]
    notes: list[dict[str, Any]] = []
    for dump in DUMPS[table]:
        unknown = [job for job in jobs if _is_unknown(job[dump.column])]
        built = _build(old, dump.table, {job[dump.key] for job in unknown if job[dump.key] is not None})
        for job, change in zip(jobs, changes, strict=True):
            text, kept = _mended(dump, job, built)
            change[dump.column] = text
            notes += [
                {"table_name": table, "row_id": job["id"], "column_name": name, "value": value, "note": note}
                for name, value, note in kept
            ]
    assignments = ", ".join(
        f"{dump.column} = coalesce({old.words.from_text(f':{dump.column}')}, {dump.column})" for dump in DUMPS[table]
    )
    old.connection.execute(sa.text(f"UPDATE {old.name(table)} SET {assignments} WHERE id = :id"), changes)
    legacy_table.write(old, notes)


Kept = list[tuple[str, str | None, str]]
"""Names, values and notes for `fractal_legacy`."""


def _mended(dump: Dump, job: RowMapping, built: dict[int, str]) -> tuple[str | None, Kept]:
    """The dump as it should be, None if it is; and what to keep."""
    text: str | None = job[dump.column]
    if text is None or _is_unknown(text):
        if (row := built.get(job[dump.key])) is not None:
            return row, [(dump.column, None, "built from the row as it was at the conversion")]
        unknown = joined({key: UNKNOWN[key] for key in dump.required})
        return unknown, [(dump.column, None, "filled with the placeholder: the row is gone")]
    found = members(text)
    if found is None:
        return None, []
    if dump.strict and (others := found.keys() - set(dump.required)):
        kept: Kept = [
            (f"{dump.column}.{key}", found[key], "key that servers refuse in this dump")
            for key in found
            if key in others
        ]
        return joined({key: value for key, value in found.items() if key not in others}), kept
    if dump.table == "workflow" and (steps := put_right(found.get("task_list", ""))) is not None:
        return joined({**found, "task_list": steps}), [
            (dump.column, None, "steps and tasks were inverted, and put right")
        ]
    return None, []


def _is_unknown(text: str | None) -> bool:
    return text is None or text.replace(" ", "") in {"null", "{}"}


def put_right(task_list: str) -> str | None:
    """Swap steps and tasks in a list of inverted steps; None if it is not one."""
    changed = False
    steps = []
    for step in (elements(task_list) or []) if task_list else []:
        outer = members(step) or {}
        inner = members(outer.get("task", "null")) or {}
        if "command" in outer and "task_id" in inner:
            task = {key: value for key, value in outer.items() if key != "task"}
            step, changed = joined({**inner, "task": joined(task)}), True
        steps.append(step)
    return listed(steps) if changed else None


def _build(old: OldDatabase, table: str, ids: set[int]) -> dict[int, str]:
    """Dumps of rows by id; those that are gone are missing."""
    if not ids:
        return {}
    rows = _rows(old, baseline_tables()[table], "id", ids)
    if table == "workflow":
        steps = _children(old, "workflowtask", "workflow_id", ids, _with_tasks)
        rows = {key: {**row, "task_list": listed(steps.get(key, []))} for key, row in rows.items()}
    if table == "dataset":
        resources = _children(old, "resource", "dataset_id", ids, lambda _, found: found)
        rows = {key: {**row, "resource_list": listed(resources.get(key, []))} for key, row in rows.items()}
    return {key: joined({name: row[name] for name in row if name not in OMITTED}) for key, row in rows.items()}


Members = dict[str, str]


def _children(
    old: OldDatabase,
    table: str,
    parent: str,
    ids: set[int],
    complete: Callable[[OldDatabase, list[Members]], list[Members]],
) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    rows = complete(old, list(_rows(old, old.table(table), parent, ids).values()))
    for row in rows:
        found.setdefault(int(row[parent]), []).append(joined(row))
    return found


def _with_tasks(old: OldDatabase, steps: list[Members]) -> list[Members]:
    """Steps in their order, each with its task."""
    tasks = _rows(old, baseline_tables()["task"], "id", {int(step["task_id"]) for step in steps})
    steps.sort(key=lambda step: (int(step["order"]) if step["order"] != "null" else -1, int(step["id"])))
    return [{**step, "task": joined(tasks[int(step["task_id"])])} for step in steps]


def _rows(old: OldDatabase, table: Table, column: str, ids: set[int]) -> dict[int, Members]:
    """Rows by id, with each value as a text of JSON."""
    selected = [
        sa.cast(found, sa.Text).label(found.name) if isinstance(found.type, JSON) else found for found in table.columns
    ]
    query = sa.select(*selected).where(table.columns[column].in_(sorted(ids))).order_by(table.c.id)
    return {
        row["id"]: {name: _as_json(table, name, value) for name, value in row.items()}
        for row in old.connection.execute(query).mappings()
    }


def _as_json(table: Table, column: str, value: Any) -> str:
    type_ = table.columns[column].type
    if value is None:
        return "null"
    if isinstance(type_, JSON):
        return str(value)
    if isinstance(type_, DateTime):
        return json.dumps(_in_utc(value).isoformat())
    return json.dumps(value)


def _in_utc(value: datetime) -> datetime:
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)

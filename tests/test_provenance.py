"""Which fields of a row are not known, as far as the row or a note says."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fractal_models.base import Base
from fractal_models.models import ApplyWorkflow, JobV2, LinkUserGroup, Project, TaskGroupV2
from fractal_models.provenance import MAYBE_REBUILT, NOT_RECORDED, REBUILT, is_unknown_dump, unknown_fields

NOW = datetime(2024, 3, 5, 14, 21, 7, tzinfo=UTC)
THEN = datetime(2000, 1, 1, tzinfo=UTC)
GONE = {"id": -1, "name": "__UNDEFINED__", "read_only": True, "timestamp_created": "2000-01-01 00:00:00+00:00"}
DUMP = {"id": 1, "name": "plate", "timestamp_created": "2023-06-27T16:47:03.587612+00:00"}
DUMPS = ["project_dump", "workflow_dump", "input_dataset_dump", "output_dataset_dump"]


def job(**changes: Any) -> ApplyWorkflow:
    known = {"user_email": "user@example.org", "first_task_index": 0, "last_task_index": 1, "start_timestamp": NOW}
    return ApplyWorkflow(**{**known, **dict.fromkeys(DUMPS, DUMP), **changes})


def group(timestamp_last_used: datetime) -> TaskGroupV2:
    return TaskGroupV2(
        user_id=1, origin="other", pkg_name="p", timestamp_created=NOW, timestamp_last_used=timestamp_last_used
    )


NO_EMAIL = {"user_email": "__UNDEFINED__"}
NO_INDEX = {"first_task_index": 9999, "last_task_index": 9999}

CASES: dict[str, tuple[Base, dict[str, str]]] = {
    "job of today": (job(), {}),
    "job from before 1.4.0": (
        job(**NO_EMAIL),
        {"user_email": NOT_RECORDED, **dict.fromkeys(DUMPS, REBUILT), "workflow_dump": MAYBE_REBUILT},
    ),
    "job from before 1.3.4": (
        job(**NO_EMAIL, **NO_INDEX),
        {**dict.fromkeys([*NO_EMAIL, *NO_INDEX], NOT_RECORDED), **dict.fromkeys(DUMPS, REBUILT)},
    ),
    "job without dumps": (job(**{name: {} for name in DUMPS}), dict.fromkeys(DUMPS, NOT_RECORDED)),
    "job of a project that was gone": (job(project_dump=GONE), {"project_dump": NOT_RECORDED}),
    "date of a workflow in UTC": (
        job(workflow_dump={**DUMP, "timestamp_created": "2000-01-01 00:00:00"}),
        {"workflow_dump.timestamp_created": NOT_RECORDED},
    ),
    "date of a dataset with an offset": (
        job(input_dataset_dump={**DUMP, "timestamp_created": "2000-01-01T01:00:00+01:00"}),
        {"input_dataset_dump.timestamp_created": NOT_RECORDED},
    ),
    "date that is none": (job(workflow_dump={**DUMP, "timestamp_created": None}), {}),
    "project without a date": (Project(name="p", timestamp_created=THEN), {"timestamp_created": NOT_RECORDED}),
    "project of a second later": (Project(name="p", timestamp_created=THEN + timedelta(seconds=1)), {}),
    "membership": (LinkUserGroup(group_id=1, user_id=1, timestamp_created=THEN), {"timestamp_created": NOT_RECORDED}),
    "group before its use was recorded": (
        group(datetime(2024, 11, 20, tzinfo=UTC)),
        {"timestamp_last_used": NOT_RECORDED},
    ),
    "group of a pre-release": (
        group(NOW),
        {"timestamp_last_used": NOT_RECORDED},
    ),
    "group in use": (group(NOW + timedelta(1)), {}),
    "job of version 2": (
        JobV2(
            user_email="user@example.org",
            first_task_index=0,
            last_task_index=0,
            dataset_dump=DUMP,
            workflow_dump=DUMP,
            project_dump=DUMP,
        ),
        {},
    ),
}


@pytest.mark.parametrize(("row", "unknown"), CASES.values(), ids=CASES.keys())
def test_placeholders_are_no_facts(row: Base, unknown: dict[str, str]) -> None:
    assert unknown_fields(row) == unknown


def test_notes_of_a_conversion_win() -> None:
    notes = [("workflow_dump", "built from the row"), ("cache_dir", "a column that is not there any more")]

    found = unknown_fields(job(**NO_EMAIL), notes)

    assert found["workflow_dump"] == "built from the row"
    assert "cache_dir" not in found


def test_columns_that_are_not_loaded_are_passed_over() -> None:
    row = job(project_dump={})
    del row.__dict__["project_dump"]

    assert unknown_fields(row) == {}


@pytest.mark.parametrize("dump", [None, {}, GONE])
def test_dump_of_nothing_is_unknown(dump: object) -> None:
    assert is_unknown_dump(dump)
    assert not is_unknown_dump(DUMP)

"""Archive files are read with SQL alone."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import URL
from sqlmodel import Session

from fractal_models.archive import copy_database
from fractal_models.archive.views import VIEWS
from fractal_models.database import create_engine
from fractal_models.testing.factories import (
    ApplyWorkflowFactory,
    JobV2Factory,
    ProjectFactory,
    TaskFactory,
    WorkflowFactory,
    WorkflowTaskFactory,
)


@pytest.fixture
def archive(sqlite_url: URL, tmp_path: Path) -> Path:
    """A file with jobs of which all, or nothing, is known."""
    with Session(create_engine(sqlite_url)) as session:
        project = ProjectFactory.create(session, name="Screen")
        workflow = WorkflowFactory.create(session, name="Segment", project_id=project.id)
        for number, order in ((1, 1), (2, 0), (3, None)):
            task = TaskFactory.create(session, name=f"task {number}", version="1.0")
            WorkflowTaskFactory.create(session, workflow_id=workflow.id, task=task, order=order, args={"n": number})
        known = ApplyWorkflowFactory.create(
            session,
            workflow_id=workflow.id,
            project_dump={"name": "Screen of before"},
            workflow_dump={},
            output_dataset_dump={"name": "Plate"},
            last_task_index=2,
        )
        assert known.end_timestamp is not None
        ApplyWorkflowFactory.create(
            session,
            project_id=None,
            workflow_id=None,
            input_dataset_id=None,
            output_dataset_id=None,
            user_email="__UNDEFINED__",
            project_dump={"name": "__UNDEFINED__", "id": -1},
            first_task_index=9999,
            last_task_index=9999,
            end_timestamp=None,
        )
        JobV2Factory.create(session, dataset_dump={"name": "Zarr"})
    copy_database(sqlite_url, tmp_path / "archive.db")
    return tmp_path / "archive.db"


def rows(archive: Path, view: str) -> list[dict[str, object]]:
    with closing(sqlite3.connect(archive)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(f"SELECT * FROM {view}")]


def test_jobs_name_what_is_known_and_leave_out_what_is_not(archive: Path) -> None:
    known, unknown = rows(archive, "jobs_v1")

    assert (known["project"], known["workflow"], known["output_dataset"]) == ("Screen of before", "Segment", "Plate")
    assert str(known["input_dataset"]).startswith("dataset-")
    assert (known["user"], known["status"], known["seconds"]) == ("user@example.org", "done", 60.0)
    assert (known["first_step"], known["last_step"]) == (0, 2)
    assert (unknown["job_id"], unknown["status"]) == (2, "done")
    names = (
        "user",
        "project",
        "workflow",
        "input_dataset",
        "output_dataset",
        "ended",
        "seconds",
        "first_step",
        "last_step",
    )
    assert {unknown[name] for name in names} == {None}
    (job,) = rows(archive, "jobs_v2")
    assert job["dataset"] == "Zarr"


def test_steps_are_in_order(archive: Path) -> None:
    steps = rows(archive, "steps_v1")

    assert [(step["position"], step["task"], step["args"]) for step in steps] == [
        (0, "task 2", '{"n": 2}'),
        (1, "task 1", '{"n": 1}'),
        (None, "task 3", '{"n": 3}'),
    ]
    assert {(step["workflow"], step["project"], step["version"]) for step in steps} == {("Segment", "Screen", "1.0")}


def test_dump_that_is_no_json_is_not_known(archive: Path) -> None:
    with closing(sqlite3.connect(archive)) as connection:
        connection.execute("UPDATE applyworkflow SET project_dump = '{' WHERE id = 2")
        connection.commit()

    assert rows(archive, "jobs_v1")[1]["project"] is None


def test_every_view_can_be_read_and_foreign_keys_are_declared(archive: Path) -> None:
    with closing(sqlite3.connect(archive)) as connection:
        found = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'view'")}
        keys = connection.execute("SELECT count(*) FROM pragma_foreign_key_list('applyworkflow')").fetchone()

    assert found == VIEWS.keys()
    assert all(rows(archive, view) is not None for view in VIEWS)
    assert keys == (4,)

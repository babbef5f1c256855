import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import URL

from fractal_models.database.conversion.jobs import put_right
from fractal_models.schemas.v1.dumps import DatasetDumpV1, ProjectDumpV1, WorkflowDumpV1
from fractal_models.testing.databases import Databases
from tests.support.commandline import run
from tests.support.older import create_older, execute, select
from tests.support.server_2_9 import BASELINE

START = datetime(2023, 6, 27, 16, 47, 3, 587612, tzinfo=UTC)
UNKNOWN = datetime(2000, 1, 1, tzinfo=UTC)

STEP = {"id": 5, "workflow_id": 3, "task_id": 7, "order": 0, "args": {"b": 1, "a": 2}, "meta": None}
TASK = {"id": 7, "name": "copy", "command": "cp", "source": "lab:cp", "input_type": "a", "output_type": "b"}
INVERTED = {"name": "w", "id": 3, "project_id": 1, "task_list": [{**TASK, "task": STEP}]}
DATED = {"id": 9, "name": "d", "read_only": False, "project_id": 1, "resource_list": [], "history": [1]}


def job(id_: int, **values: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {"input_dataset_dump": {}, "output_dataset_dump": {}}
    keys = {"project_id": 1, "workflow_id": 3, "input_dataset_id": 9, "output_dataset_id": 9}
    times = {"start_timestamp": START, "status": "done", "user_email": "__UNDEFINED__"}
    return {"id": id_, "first_task_index": 9999, "last_task_index": 9999, **times, **keys, **empty, **values}


ROWS: dict[str, list[dict[str, Any]]] = {
    "user_oauth": [
        {"id": 1, "email": "a@example.org", "hashed_password": "x", "is_active": True, "is_superuser": True}
        | {"is_verified": True, "slurm_accounts": ["x"], "cache_dir": "/cache"}
    ],
    "project": [
        {"id": 1, "name": "p", "read_only": False, "timestamp_created": UNKNOWN},
        {"id": 2, "name": "idle", "read_only": False, "timestamp_created": UNKNOWN},
    ],
    "linkuserproject": [{"project_id": 1, "user_id": 1}],
    "task": [{**TASK, "meta": {}}],
    "workflow": [{"id": 3, "name": "w", "project_id": 1}, {"id": 4, "name": "w4", "project_id": 2}],
    "dataset": [{"id": 9, "name": "d", "project_id": 1, "read_only": False, "meta": {}, "history": []}],
    "resource": [{"id": 2, "dataset_id": 9, "path": "/data"}],
    "workflowtask": [STEP],
    "applyworkflow": [
        job(1, workflow_dump=INVERTED, input_dataset_dump=DATED, output_dataset_dump=DATED, project_dump={}),
        job(2, workflow_dump=None),
        job(3, workflow_dump={}, project_id=None, workflow_id=None, input_dataset_id=None, output_dataset_id=None),
    ],
}


@pytest.fixture
def jobs_url(databases: Databases) -> Iterator[URL]:
    url = create_older(databases, "1.4.2", ROWS)
    # The server stored None as JSON null; a dump may also be NULL.
    execute(url, "UPDATE applyworkflow SET project_dump = 'null' WHERE id = 2")
    yield url
    databases.drop(url)


def test_dumps_can_be_read_by_a_server(jobs_url: URL) -> None:
    outcome = run("upgrade", BASELINE, "--convert", url=jobs_url)
    assert outcome.code == 0, outcome.err

    columns = ("workflow_dump", "input_dataset_dump", "output_dataset_dump", "project_dump")
    texts = ", ".join(f"CAST({column} AS TEXT)" for column in columns)
    found = {
        id_: [json.loads(text) for text in dumps]
        for id_, *dumps in select(jobs_url, f"SELECT id, {texts} FROM applyworkflow")
    }
    for workflow, source, target, project in found.values():
        WorkflowDumpV1(**workflow), DatasetDumpV1(**source), DatasetDumpV1(**target), ProjectDumpV1(**project)
    date = START.isoformat()
    assert list(found[1][0]) == ["name", "id", "project_id", "task_list", "timestamp_created"]
    assert found[1][0]["task_list"] == [{**STEP, "task": TASK}]
    assert list(found[1][0]["task_list"][0]["args"]) == ["b", "a"]
    assert found[1][1] == {**DATED, "timestamp_created": date}
    assert found[1][3] == {"id": 1, "name": "p", "read_only": False, "timestamp_created": date}
    assert found[2][0]["task_list"][0]["task"]["source"] == "lab:cp"
    assert found[2][1]["resource_list"] == [{"path": "/data", "id": 2, "dataset_id": 9}]
    assert [dump["id"] for dump in found[3]] == [-1, -1, -1, -1]
    notes = select(jobs_url, "SELECT row_id, column_name FROM fractal_legacy WHERE note LIKE 'built from%'")
    built = {(1, "project_dump"), *((2, column) for column in columns)}
    assert set(notes) == built

    assert select(jobs_url, "SELECT id, user_email FROM applyworkflow ORDER BY id") == [
        (1, "a@example.org"),
        (2, "a@example.org"),
        (3, "__UNDEFINED__"),
    ]
    dates = "SELECT count(DISTINCT timestamp_created) FROM {} WHERE {} = 1"
    assert select(jobs_url, "SELECT count(*) FROM workflow WHERE timestamp_created > '2023-01-01'") == [(1,)]
    assert select(jobs_url, dates.format("dataset", "project_id")) == [(1,)]
    assert select(jobs_url, "SELECT cache_dir, CAST(slurm_accounts AS TEXT) FROM user_settings") == [
        ("/cache", '["x"]')
    ]
    assert select(jobs_url, "SELECT user_id FROM linkusergroup") == [(1,)]


@pytest.mark.parametrize("task_list", ["", "null", "[]", json.dumps([{**STEP, "task": TASK}]), "[1]"])
def test_other_lists_of_steps_stay(task_list: str) -> None:
    assert put_right(task_list) is None

"""Exports as JSON files."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from sqlalchemy import Engine, text, update
from sqlalchemy.orm import Session
from sqlmodel import col

from fractal_models.archive import export_database
from fractal_models.database import BlockedByDataError
from fractal_models.models import (
    ApplyWorkflow,
    JobV2,
    TaskV2,
    UserOAuth,
    Workflow,
    WorkflowTaskV2,
)
from fractal_models.provenance import UNKNOWN_TEXT, UNKNOWN_TIMESTAMP
from fractal_models.tables import METADATA
from fractal_models.testing import seed
from fractal_models.testing.factories import ProjectFactory, WorkflowFactory


@pytest.fixture
def site(engine: Engine) -> Engine:
    """A database with a demo site of two users."""
    with Session(engine) as session:
        seed(session, 2)
    return engine


def export(engine: Engine, folder: Path, **options: Any) -> dict[str, Any]:
    return export_database(engine.url, folder, **options)


def documents(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Table and object of each row in the files, nested ones included."""
    kinds = {"project.json": "project", "datasets.json": "dataset"}
    for path in folder.rglob("*.json"):
        if path.parent == folder and not path.name.startswith("tasks-"):
            continue
        found = json.loads(path.read_text())
        for document in found if isinstance(found, list) else [found]:
            second = "v2" if "images" in document or "dataset_id" in document or "taskgroupv2_id" in document else ""
            if path.name in kinds:
                yield kinds[path.name] + ("" if "read_only" in document else "v2"), document
            elif path.name.startswith("tasks-"):
                yield f"task{second}", document
            elif "start_timestamp" in document:
                yield "jobv2" if second else "applyworkflow", document
            else:
                yield "workflow", document
            for resource in document.get("resource_list", []):
                yield "resource", resource


def test_each_row_is_in_one_file(site: Engine, tmp_path: Path) -> None:
    export(site, tmp_path / "out")

    found = Counter(table for table, _ in documents(tmp_path / "out"))
    with site.connect() as connection:
        expected = {
            name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one()
            for name in (
                "applyworkflow",
                "dataset",
                "datasetv2",
                "jobv2",
                "project",
                "projectv2",
                "resource",
                "task",
                "taskv2",
            )
        }
        workflows = connection.execute(
            text("SELECT (SELECT count(*) FROM workflow) + (SELECT count(*) FROM workflowv2)")
        )
    assert found == {**expected, "workflow": workflows.scalar_one()}


def test_files_meet_their_schema(site: Engine, tmp_path: Path) -> None:
    export(site, tmp_path / "out")

    schema = json.loads((tmp_path / "out" / "schema.json").read_text())
    jsonschema_rs.meta.validate(schema)
    for table, document in documents(tmp_path / "out"):
        jsonschema_rs.validate({**schema, "$ref": f"#/$defs/{table}"}, document)


def test_values_are_those_of_the_row(site: Engine, tmp_path: Path) -> None:
    export(site, tmp_path / "out")

    with Session(site) as session:
        rows: dict[str, Any] = {"applyworkflow": ApplyWorkflow, "jobv2": JobV2}
        for table, document in documents(tmp_path / "out"):
            if table in rows:
                job = session.get_one(rows[table], document["id"])
                assert document["start_timestamp"] == job.start_timestamp.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
                assert json.dumps(document["workflow_dump"]) == json.dumps(job.workflow_dump)
                assert [name for name in METADATA.tables[table].columns.keys() if name not in document] == []  # noqa: SIM118


def test_steps_are_in_order_with_their_tasks(site: Engine, tmp_path: Path) -> None:
    with Session(site) as session:
        workflow = session.get_one(Workflow, 1)
        workflow.task_list.insert(0, workflow.task_list.pop())
        session.commit()
        expected = [(step.id, step.task.name) for step in workflow.task_list]
        folder = f"{workflow.project.user_list[0].email}/{workflow.project.name}"

    export(site, tmp_path / "out")

    found = json.loads((tmp_path / "out" / folder / "Segmentation.json").read_text())
    assert [(each["id"], each["task"]["name"]) for each in found["task_list"]] == expected


def test_no_secret_is_written(site: Engine, tmp_path: Path) -> None:
    with Session(site) as session:
        session.execute(update(UserOAuth).values(hashed_password="hash-of-a-password"))
        session.commit()

    export(site, tmp_path / "out")

    written = "".join(path.read_text() for path in (tmp_path / "out").rglob("*.json"))
    assert "hash-of-a-password" not in written


def test_a_project_of_several_users_is_in_one_folder_and_names_all(site: Engine, tmp_path: Path) -> None:
    index = export(site, tmp_path / "out", only="v1")

    (shared,) = [project for project in index["projects"] if len(project["users"]) == 2]
    assert shared["folder"].startswith(f"{shared['users'][0]}/")
    assert json.loads((tmp_path / "out" / shared["folder"] / "project.json").read_text())["users"] == shared["users"]


def test_jobs_outlive_workflow_project_and_user(site: Engine, tmp_path: Path) -> None:
    with Session(site) as session:
        first, second, third = session.query(ApplyWorkflow).order_by(col(ApplyWorkflow.id)).limit(3)
        project = first.project_id
        session.execute(update(ApplyWorkflow).where(col(ApplyWorkflow.id) == first.id).values(workflow_id=None))
        session.execute(update(ApplyWorkflow).where(col(ApplyWorkflow.id) == second.id).values(project_id=None))
        gone = {"project_id": None, "user_email": "gone@example.org"}
        session.execute(update(ApplyWorkflow).where(col(ApplyWorkflow.id) == third.id).values(**gone))
        session.commit()
        email, ids = second.user_email, [first.id, second.id, third.id]

    index = export(site, tmp_path / "out")

    (folder,) = [found["folder"] for found in index["projects"] if (found["version"], found["id"]) == ("v1", project)]
    files = [f"{folder}/jobs.json", f"{email}/jobs-v1.json", "without user/jobs-v1.json"]
    assert [json.loads((tmp_path / "out" / file).read_text())[0]["id"] for file in files] == ids


def test_names_that_collide_get_numbers(engine: Engine, tmp_path: Path) -> None:
    with Session(engine) as session:
        projects = [ProjectFactory.create(session, name=name, user_list=[]) for name in ("a/b", "A_B", "../c")]
        for name in ("datasets", "x", "X"):
            WorkflowFactory.create(session, name=name, project=projects[0])
        session.commit()

    index = export(engine, tmp_path / "out", only="v1")

    found = {project["folder"]: project["workflows"] for project in index["projects"]}
    assert found == {
        "without user/a_b": ["datasets (2).json", "x.json", "X (2).json"],
        "without user/A_B (2)": [],
        "without user/_c": [],
    }
    assert all((tmp_path / "out" / folder / "project.json").exists() for folder in found)


def test_one_project_comes_with_what_it_needs(site: Engine, tmp_path: Path) -> None:
    index = export(site, tmp_path / "out", projects=["v2:1"])

    assert [(project["version"], project["id"]) for project in index["projects"]] == [("v2", 1)]
    with Session(site) as session:
        used = {step.task_id for step in session.query(WorkflowTaskV2) if step.workflow_id == 1}
        assert used < {task.id for task in session.query(TaskV2)}
    tasks = json.loads((tmp_path / "out" / "tasks-v2.json").read_text())
    assert {task["id"] for task in tasks} >= used
    assert {task["task_group"]["id"] for task in tasks} == {task["taskgroupv2_id"] for task in tasks}


def test_a_folder_that_is_not_empty_is_refused(site: Engine, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")

    with pytest.raises(BlockedByDataError, match="exists, and is not an empty folder"):
        export(site, tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("fractal_backend", ["sqlite"], scope="session")  # PostgreSQL always enforces foreign keys
def test_a_row_without_its_parent_is_refused(site: Engine, tmp_path: Path) -> None:
    site.dispose()
    with closing(sqlite3.connect(str(site.url.database))) as connection:
        connection.execute("DELETE FROM project WHERE id = 1")
        connection.commit()

    with pytest.raises(BlockedByDataError, match=r"dataset 1, 2: refers, by project_id, to a row of project that does"):
        export(site, tmp_path / "out")

    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("fractal_backend", ["sqlite"], scope="session")  # PostgreSQL stores valid JSON only
def test_a_failure_leaves_no_folder(engine: Engine, tmp_path: Path) -> None:
    with Session(engine) as session:
        seed(session, 1)
        session.execute(text("UPDATE dataset SET meta = '{\"x\": NaN}' WHERE id = 1"))
        session.commit()

    with pytest.raises(BlockedByDataError, match=r"datasets\.json: the row with ID 1 has a number"):
        export(engine, tmp_path / "out")

    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".db"] == []


def test_what_is_not_known_is_null_and_says_why(site: Engine, tmp_path: Path) -> None:
    with Session(site) as session:
        unknown = {"user_email": UNKNOWN_TEXT, "first_task_index": 9999, "last_task_index": 9999}
        session.execute(update(ApplyWorkflow).where(col(ApplyWorkflow.id) == 1).values(**unknown))
        session.execute(update(Workflow).values(timestamp_created=UNKNOWN_TIMESTAMP))
        session.execute(
            text(
                "CREATE TABLE fractal_legacy (id integer PRIMARY KEY, table_name text, row_id integer, "
                "column_name text, value text, note text)"
            )
        )
        session.execute(
            text("INSERT INTO fractal_legacy VALUES (1, 'applyworkflow', 2, 'workflow_dump', NULL, 'rebuilt')")
        )
        session.commit()

    export(site, tmp_path / "out", only="v1")

    found = {
        (table, document["id"]): document
        for table, document in documents(tmp_path / "out")
        if table in {"applyworkflow", "workflow"}
    }
    first = found["applyworkflow", 1]
    assert (first["user_email"], first["first_task_index"]) == (None, None)
    assert first["not_known"]["user_email"] == "not recorded"
    assert found["applyworkflow", 2]["not_known"] == {"workflow_dump": "rebuilt"}
    assert found["workflow", 1]["timestamp_created"] is None

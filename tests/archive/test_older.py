"""Databases before 2.9 are converted in the copy; what an earlier conversion has kept is copied, too."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL

from fractal_models.archive import copy_database, verify_archive
from fractal_models.database import BlockedByDataError, DatabaseError, DatabaseState, inspect_database
from fractal_models.testing.databases import Databases
from tests.support.dumps import snapshot
from tests.support.older import REVISIONS, convert, create_older, execute, select
from tests.support.rows import MOMENT

DUMP = {"zeta": 1, "alpha": "ß", "name": "of before"}
USER: dict[str, Any] = {
    "id": 1,
    "email": "user@example.org",
    "hashed_password": "secret-hash",
    "is_active": True,
    "is_superuser": False,
    "is_verified": True,
}
V1: dict[str, list[dict[str, Any]]] = {
    "project": [{"id": n, "name": f"project {n}", "read_only": False, "timestamp_created": MOMENT} for n in (1, 2)],
    "user_oauth": [USER | {"slurm_user": "slurm", "cache_dir": "/cache", "slurm_accounts": []}],
    "linkuserproject": [{"project_id": 1, "user_id": 1}],
    "dataset": [{"id": n, "project_id": n, "name": f"dataset {n}", "read_only": False} for n in (1, 2)],
    "workflow": [{"id": n, "project_id": n, "name": f"workflow {n}"} for n in (1, 2)],
    "applyworkflow": [
        {
            "id": n,
            "project_id": n,
            "workflow_id": n,
            "input_dataset_id": n,
            "output_dataset_id": n,
            "user_email": "__UNDEFINED__",
            "status": "done",
            "first_task_index": 0,
            "last_task_index": 0,
            "start_timestamp": MOMENT,
            "workflow_dump": DUMP,
            "input_dataset_dump": DUMP,
            "output_dataset_dump": {},
            "project_dump": DUMP,
        }
        for n in (1, 2)
    ],
}
V2: dict[str, list[dict[str, Any]]] = {
    "user_oauth": [USER],
    "taskv2": [
        {
            "id": 1,
            "name": "task",
            "type": "parallel",
            "source": "local",
            "owner": "nobody",
            "meta_parallel": {},
            "meta_non_parallel": {},
            "input_types": {},
            "output_types": {},
        }
    ],
    "collectionstatev2": [{"id": 1, "data": {"b": 1, "a": 2}, "timestamp": MOMENT}],
}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "archive.db"


@pytest.fixture
def older(databases: Databases) -> Iterator[URL]:
    """A database of 1.4.2, on each engine."""
    url = create_older(databases, "1.4.2", V1)
    yield url
    databases.drop(url)


@pytest.fixture
def target(databases: Databases) -> Iterator[URL]:
    url = databases.create()
    yield url
    databases.drop(url)


def test_older_database_is_converted_in_the_copy_and_stays_as_it_was(
    older: URL, target: URL, archive: Path, databases: Databases
) -> None:
    before = snapshot(older)

    manifest = copy_database(older, target)

    assert snapshot(older) == before
    assert inspect_database(target).state is DatabaseState.AT_HEAD
    assert verify_archive(target, older).differences == ()
    assert manifest.source["revision"] == REVISIONS["1.4.2"]
    assert manifest.sent["user_oauth"].columns[-1] == "slurm_user"
    assert manifest.tables["user_settings"].rows == 1
    assert manifest.tables["fractal_legacy"].rows > 0
    # As an upgrade converts it, but for the time of the run.
    assert convert(older).code == 0
    for query in (
        "SELECT id, name FROM project ORDER BY id",
        "SELECT id, user_email, CAST(workflow_dump AS text), CAST(output_dataset_dump AS text) FROM applyworkflow",
        "SELECT slurm_user, cache_dir FROM user_settings",
        "SELECT table_name, row_id, column_name, note FROM fractal_legacy ORDER BY id",
    ):
        assert select(target, query) == select(older, query)
    # What the conversion has kept is part of further copies.
    copied = copy_database(older, archive)
    assert copied.left_out == ()
    assert copied.tables["fractal_legacy"].rows == manifest.tables["fractal_legacy"].rows
    assert verify_archive(archive, older).differences == ()


def test_part_of_an_older_database_is_converted(older: URL, archive: Path) -> None:
    manifest = copy_database(older, archive, projects=["v1:1"], without_secrets=True)

    assert manifest.tables["project"].rows == manifest.tables["applyworkflow"].rows == 1
    assert manifest.tables["user_oauth"].rows == 1
    assert b"secret-hash" not in archive.read_bytes()
    assert verify_archive(archive, older).differences == ()


def test_notes_are_copied_with_the_rows_that_they_are_about(older: URL, archive: Path) -> None:
    assert convert(older).code == 0

    copy_database(older, archive, only="v1", projects=[2])

    with closing(sqlite3.connect(archive)) as connection:
        notes = connection.execute("SELECT DISTINCT table_name, row_id FROM fractal_legacy WHERE row_id > 0").fetchall()
    assert ("applyworkflow", 2) in notes
    assert ("applyworkflow", 1) not in notes


@pytest.mark.parametrize(
    "release", ["2.6.0", *(pytest.param(release, marks=pytest.mark.thorough) for release in ("2.4.2", "2.8.1"))]
)
def test_owner_of_task_groups_is_asked_for(release: str, databases: Databases, target: URL, archive: Path) -> None:
    rows = V2 if release != "2.8.1" else {"user_oauth": [USER], "collectionstatev2": V2["collectionstatev2"]}
    older = create_older(databases, release, rows)
    if "taskv2" in rows:
        with pytest.raises(BlockedByDataError, match="--task-owner"):
            copy_database(older, target)
    assert inspect_database(target).state in {DatabaseState.EMPTY, DatabaseState.FILE_NOT_FOUND}

    manifest = copy_database(older, target, task_owner="user@example.org")

    assert manifest.tables["taskgroupv2"].rows == len(rows.get("taskv2", []))
    kept = "SELECT CAST(value AS text) FROM fractal_legacy WHERE table_name LIKE 'coll%' AND column_name = 'data'"
    assert [json.loads(value) for (value,) in select(target, kept)] == [{"b": 1, "a": 2}]
    assert verify_archive(target, older).differences == ()
    version_1 = copy_database(older, archive, only="v1")
    assert version_1.tables["user_oauth"].rows == 0
    databases.drop(older)


def test_schema_of_no_release_is_refused(older: URL, archive: Path) -> None:
    execute(older, "ALTER TABLE applyworkflow DROP COLUMN status")

    with pytest.raises(DatabaseError, match="its schema is nearest to"):
        copy_database(older, archive)

    assert not archive.exists()

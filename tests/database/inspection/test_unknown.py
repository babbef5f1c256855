"""What `doctor` says of values that are not known: numbers of rows, and no error."""

import json
from collections import Counter

import sqlalchemy as sa
from sqlalchemy import URL
from sqlmodel import Session, select

from fractal_models.database import create_engine, read_notes
from fractal_models.database.connection.engine import connect
from fractal_models.database.inspection.doctor import examine_database
from fractal_models.models import TABLES, ApplyWorkflow, LinkUserGroup
from fractal_models.provenance import MAYBE_REBUILT, NOT_RECORDED, REBUILT, unknown_fields
from tests.support.commandline import run
from tests.support.databases import upgrade

PLACEHOLDERS = [
    "UPDATE applyworkflow SET user_email = '__UNDEFINED__' WHERE id < 4",
    "UPDATE applyworkflow SET first_task_index = 9999, last_task_index = 9999 WHERE id = 1",
    "UPDATE applyworkflow SET workflow_dump = '{}' WHERE id = 2",
    """UPDATE applyworkflow SET project_dump = '{"name": "__UNDEFINED__", "id": -1}' WHERE id = 2""",
    """UPDATE applyworkflow SET input_dataset_dump = '{"id": 3, "resource_list": [{"id": -1}]}' WHERE id = 3""",
    "UPDATE applyworkflow SET output_dataset_dump = 'null' WHERE id = 3",
    "UPDATE dataset SET timestamp_created = '2000-01-01 00:00:00+00:00'",
    "UPDATE project SET timestamp_created = '2000-01-01 00:00:00.000000+00:00' WHERE id = 1",
    "UPDATE taskgroupv2 SET timestamp_last_used = '2024-11-20 00:00:00+00:00' WHERE id = 1",
    "UPDATE taskgroupv2 SET timestamp_last_used = '2025-01-01 00:00:00+00:00' WHERE id = 2",
]

NOTES = [
    "CREATE TABLE fractal_legacy (id INTEGER PRIMARY KEY, table_name VARCHAR, row_id INTEGER, column_name VARCHAR,"
    " value JSON, note VARCHAR)",
    "INSERT INTO fractal_legacy VALUES (1, 'applyworkflow', 1, 'workflow_dump', NULL, 'built later')",
    "INSERT INTO fractal_legacy VALUES (2, 'applyworkflow', 2, 'workflow_dump', NULL, 'built later')",
    "INSERT INTO fractal_legacy VALUES (3, 'applyworkflow', NULL, 'log', NULL, 'cut short')",
    "INSERT INTO fractal_legacy VALUES (4, 'user_oauth', 1, 'cache_dir', '\"/cache\"', 'moved')",
    "INSERT INTO fractal_legacy VALUES (6, 'applyworkflow', 2, 'user_email', NULL, 'filled')",
    "INSERT INTO fractal_legacy VALUES (5, 'collectionstatev2', 1, 'data', '{}', 'moved')",
]


def execute(url: URL, *statements: str) -> None:
    with connect(url) as connection:
        for statement in statements:
            connection.execute(sa.text(statement.replace(":", r"\:")))
        connection.commit()


def counted(url: URL) -> dict[tuple[str, str, str], tuple[int, int]]:
    return {(each.table, each.column, each.reason): (each.number, each.total) for each in examine_database(url).unknown}


def test_numbers_are_those_of_the_rows(site_url: URL) -> None:
    execute(site_url, *PLACEHOLDERS)
    upgrade(site_url)

    found = counted(site_url)

    rows: Counter[tuple[str, str, str]] = Counter()
    with Session(create_engine(site_url, poolclass=sa.NullPool)) as session:
        for model in TABLES:
            for row in session.scalars(select(model)):
                rows.update((str(model.__tablename__), *unknown) for unknown in unknown_fields(row).items())
    assert {key: number for key, (number, _) in found.items()} == rows
    assert {total for _, total in found.values()} == {3}
    assert found["applyworkflow", "user_email", NOT_RECORDED] == (3, 3)
    assert found["applyworkflow", "project_dump", NOT_RECORDED] == (1, 3)
    assert found["applyworkflow", "project_dump", REBUILT] == (2, 3)
    assert found["applyworkflow", "workflow_dump", REBUILT] == (1, 3)
    assert found["applyworkflow", "workflow_dump", MAYBE_REBUILT] == (1, 3)
    assert found["applyworkflow", "output_dataset_dump", NOT_RECORDED] == (1, 3)
    assert ("applyworkflow", "input_dataset_dump", NOT_RECORDED) not in found
    # The small site has groups whose creation is their last use.
    assert found["taskgroupv2", "timestamp_last_used", NOT_RECORDED] == (2, 3)


def test_they_are_information(site_url: URL) -> None:
    execute(site_url, *PLACEHOLDERS[:1])

    printed, as_json = run("doctor", url=site_url), run("doctor", "--json", url=site_url)

    assert (printed.code, printed.err, as_json.code) == (0, "", 0)
    assert "nothing is wrong: " in printed.out
    assert "not known: applyworkflow.user_email: not recorded in 3 of 3 rows\n" in printed.out
    assert json.loads(as_json.out)["unknown"][0] == {
        "table": "applyworkflow",
        "column": "user_email",
        "number": 3,
        "total": 3,
        "reason": NOT_RECORDED,
    }


def test_notes_of_a_conversion_are_counted_and_read(site_url: URL) -> None:
    with Session(create_engine(site_url, poolclass=sa.NullPool)) as session:
        assert read_notes(session, session.get_one(ApplyWorkflow, 1)) == []
    execute(site_url, *NOTES)

    printed = run("doctor", url=site_url)

    assert printed.code == 0
    assert "not known: applyworkflow.workflow_dump: built later in 2 of 3 rows\n" in printed.out
    assert "not known: applyworkflow.log: cut short in 3 of 3 rows\n" in printed.out
    assert "moved" not in printed.out
    assert f"not known: applyworkflow.project_dump: {REBUILT} in 1 of 3 rows\n" in printed.out
    with Session(create_engine(site_url, poolclass=sa.NullPool)) as session:
        job = session.get_one(ApplyWorkflow, 1)
        assert unknown_fields(job, read_notes(session, job)) == {"workflow_dump": "built later", "log": "cut short"}
        job = session.get_one(ApplyWorkflow, 2)
        assert unknown_fields(job, read_notes(session, job))["project_dump"] == REBUILT
        assert read_notes(session, session.get_one(ApplyWorkflow, 3)) == [("log", "cut short")]
        assert read_notes(session, session.get_one(LinkUserGroup, (1, 1))) == []


def test_missing_column_does_not_keep_the_others_from_being_counted(sqlite_url: URL) -> None:
    execute(
        sqlite_url,
        "INSERT INTO project (name, read_only, timestamp_created) VALUES ('p', false, '2000-01-01 00:00:00')",
        "ALTER TABLE workflow DROP COLUMN timestamp_created",
    )

    assert counted(sqlite_url) == {("project", "timestamp_created", NOT_RECORDED): (1, 1)}

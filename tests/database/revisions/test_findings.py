"""Remedies are statements that can be run as they stand, whether few rows are found or many."""

import re

import pytest

from fractal_models.database.connection.engine import connect
from fractal_models.database.inspection.doctor import examine_database
from fractal_models.database.revisions.findings import SHOWN, Finding, Rule
from fractal_models.testing.databases import Databases
from tests.support.databases import upgrade
from tests.support.refusal import execute
from tests.support.rows import fill
from tests.support.server_2_9 import BASELINE

UNCHECKED = {"sqlite": "PRAGMA foreign_keys = OFF", "postgresql": "SET session_replication_role = replica"}

BROKEN = {
    "UPDATE applyworkflow SET project_id = 77": (
        "UPDATE applyworkflow SET project_id = NULL WHERE id IN (1, 2, 3)",
        "UPDATE applyworkflow SET project_id = NULL WHERE project_id IS NOT NULL AND NOT EXISTS "
        "(SELECT 1 FROM project WHERE project.id = applyworkflow.project_id)",
    ),
    "UPDATE linkusergroup SET group_id = 77": (
        "DELETE FROM linkusergroup WHERE (group_id, user_id) IN ((77, 1), (77, 2), (77, 3))",
        "DELETE FROM linkusergroup WHERE group_id IS NOT NULL AND NOT EXISTS "
        "(SELECT 1 FROM usergroup WHERE usergroup.id = linkusergroup.group_id)",
    ),
    "UPDATE jobv2 SET status = 'gone'": (
        "UPDATE jobv2 SET status = 'failed' WHERE id IN (1, 2, 3)",
        "UPDATE jobv2 SET status = 'failed' WHERE NOT (status IN ('submitted', 'done', 'failed'))",
    ),
}
"""A change that breaks a rule, and the statements that mend three rows and all."""


@pytest.mark.parametrize("number", [3, 25])
def test_statement_of_a_remedy_mends_all_rows(number: int, databases: Databases) -> None:
    url = databases.create()
    upgrade(url, BASELINE)
    fill(url, number)
    execute(url, UNCHECKED[url.get_backend_name()], *BROKEN)

    findings = examine_database(url).blocking

    assert [len(finding.keys) for finding in findings] == [number] * len(BROKEN)
    for finding, statements in zip(findings, BROKEN.values(), strict=True):
        assert finding.remedy.endswith(statements[number > SHOWN])
    with connect(url) as connection:
        for statements in BROKEN.values():
            connection.exec_driver_sql(statements[number > SHOWN])
        connection.commit()
    assert examine_database(url).blocking == ()
    databases.drop(url)


def test_rows_that_somebody_has_to_choose_from_are_not_put_into_a_statement() -> None:
    rule = Rule("state", "is double", "Keep one: DELETE FROM state WHERE id IN (…)", "SELECT 1")

    assert str(Finding(rule, (1, 2))) == "state 1, 2: is double. Keep one: DELETE FROM state WHERE id IN (…)."
    assert re.match(r"state 1, 2, .*, 10, … \(1,000 in all\): is double\.", str(Finding(rule, tuple(range(1, 1001)))))

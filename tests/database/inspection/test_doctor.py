"""What `doctor` finds in the rows and in the schema, and that it changes nothing."""

import json

import pytest
from sqlalchemy import URL

from fractal_models.database import BlockedByDataError, DriftError
from fractal_models.database.connection.engine import connect
from fractal_models.database.inspection.doctor import DOCUMENTED_RULES, examine_database
from tests.support.commandline import run
from tests.support.databases import upgrade
from tests.support.dumps import snapshot

BROKEN = {
    "reserved argument": (
        """UPDATE workflowtask SET args = '{"size": 1, "component": "x", "metadata": {}}' WHERE id = 2""",
        "workflowtask",
        [2],
        "has arguments that the runner sets itself",
    ),
    "gap in the order": (
        'UPDATE workflowtask SET "order" = 1 WHERE id = 2',
        "workflow",
        [2],
        "whose `order` is not 0, 1, 2",
    ),
    "step twice in the order": (
        'INSERT INTO workflowtaskv2 (workflow_id, task_id, task_type, "order", input_filters)'
        " VALUES (3, 3, 'parallel', 0, '{}')",
        "workflowv2",
        [3],
        "whose `order` is not 0, 1, 2",
    ),
    "step without order": ('UPDATE workflowtask SET "order" = NULL WHERE id = 1', "workflow", [1], "whose `order`"),
    "link that is none": (
        "UPDATE task SET docs_link = 'ftp://example.org' WHERE id = 1",
        "task",
        [1],
        "not an http(s) URL",
    ),
    "link that is a script": (
        "UPDATE taskv2 SET docs_link = 'javascript:alert(1)' WHERE id IN (1, 3)",
        "taskv2",
        [1, 3],
        "not an http(s) URL",
    ),
    "empty source": ("UPDATE task SET source = ' ' WHERE id = 3", "task", [3], "has an empty source"),
    "type of a task": (
        "UPDATE taskv2 SET type = 'sequential' WHERE id = 2",
        "taskv2",
        [2],
        "has a type other than compound, parallel and non_parallel",
    ),
    "type of a step": (
        "UPDATE workflowtaskv2 SET task_type = 'compound' WHERE id = 2",
        "workflowtaskv2",
        [2],
        "has a task_type other than the type of its task",
    ),
    "origin": ("UPDATE taskgroupv2 SET origin = 'conda' WHERE id = 1", "taskgroupv2", [1], "has an origin other than"),
}


def execute(url: URL, *statements: str) -> None:
    with connect(url) as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
        connection.commit()


@pytest.mark.parametrize(("statement", "table", "keys", "reason"), BROKEN.values(), ids=BROKEN.keys())
def test_row_that_breaks_a_documented_rule_is_found(
    site_url: URL, statement: str, table: str, keys: list[int], reason: str
) -> None:
    execute(site_url, statement)

    findings = [finding for finding in examine_database(site_url).breaking if reason in finding.rule.reason]

    assert [(finding.rule.table, list(finding.keys)) for finding in findings] == [(table, keys)]


def test_every_documented_rule_has_been_broken() -> None:
    broken = {(table, reason) for _, table, _, reason in BROKEN.values()}

    assert not [
        rule
        for rule in DOCUMENTED_RULES
        if not any(rule.table == table and reason in rule.reason for table, reason in broken)
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE workflowtask SET args = NULL",
        "UPDATE workflowtask SET args = '[\"component\"]'",
        'UPDATE workflowtask SET args = \'{"inside": {"component": 1}}\'',
        "UPDATE task SET docs_link = NULL",
        "UPDATE task SET docs_link = 'HTTPS://EXAMPLE.ORG'",
        "DELETE FROM workflowtask",
    ],
)
def test_row_that_breaks_no_rule_is_not_found(site_url: URL, statement: str) -> None:
    execute(site_url, statement)

    assert examine_database(site_url).breaking == ()


def test_healthy_database_is_told_so(site_url: URL) -> None:
    before = snapshot(site_url)

    outcome = run("doctor", url=site_url)

    assert snapshot(site_url) == before
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("nothing is wrong: the database is at revision d256a7379ab8")


def test_all_findings_are_printed_and_counted(site_url: URL) -> None:
    upgrade(site_url)
    execute(
        site_url,
        "UPDATE task SET source = '' WHERE id = 3",
        "UPDATE taskgroupv2 SET origin = 'conda'",
        "DROP INDEX ix_user_oauth_email",
    )
    before = snapshot(site_url)

    outcome, as_json = run("doctor", url=site_url), run("doctor", "--json", url=site_url)

    assert snapshot(site_url) == before
    assert (outcome.code, as_json.code) == (6, 6)
    assert outcome.err == as_json.err == "fractal-models: 1 difference in the schema; 2 rules are broken\n"
    lines = outcome.out.splitlines()
    assert lines[0] == "drift: index user_oauth.ix_user_oauth_email is missing"
    assert lines[1].startswith("breaks a rule: task 3: has an empty source")
    assert lines[2].startswith("breaks a rule: taskgroupv2 1, 2, 3: has an origin other than")
    facts = json.loads(as_json.out)
    assert facts["state"] == "drifted"
    assert facts["differences"] == ["index user_oauth.ix_user_oauth_email is missing"]
    assert [(found["table"], found["rows"]) for found in facts["breaking"]] == [
        ("task", [3]),
        ("taskgroupv2", [1, 2, 3]),
    ]
    assert all(found["remedy"] for found in facts["breaking"])


def test_findings_are_raised_for_programs(site_url: URL) -> None:
    execute(site_url, "UPDATE taskgroupv2 SET origin = 'conda'")
    diagnosis = examine_database(site_url)

    with pytest.raises(BlockedByDataError, match="1 rule is broken") as raised:
        diagnosis.raise_for_findings()

    assert raised.value.status is diagnosis.status


def test_missing_column_does_not_keep_the_other_rules_from_being_asked(url: URL) -> None:
    execute(
        url,
        "ALTER TABLE task DROP COLUMN docs_link",
        "INSERT INTO task (id, source, name, command, input_type, output_type) VALUES (1, '', 'n', 'c', 'i', 'o')",
    )

    diagnosis = examine_database(url)

    assert diagnosis.status.differences == ("column task.docs_link is missing",)
    assert [finding.rule.reason for finding in diagnosis.breaking] == ["has an empty source, which should identify it"]
    with pytest.raises(DriftError):
        diagnosis.raise_for_findings()


@pytest.mark.parametrize(("target", "kind"), [(None, "blocks an upgrade"), ("head", "breaks a rule")])
def test_rows_of_sqlite_that_refer_to_nothing_are_found(sqlite_site: URL, target: str | None, kind: str) -> None:
    if target:
        upgrade(sqlite_site, target)
    execute(sqlite_site, "PRAGMA foreign_keys = OFF", "DELETE FROM taskv2 WHERE id = 2")

    outcome = run("doctor", url=sqlite_site)

    assert outcome.code == 4
    assert f"{kind}: workflowtaskv2 2: refers, by task_id, to a row of taskv2 that does not exist" in outcome.out

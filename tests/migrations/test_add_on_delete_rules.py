"""What a deletion does to others is what the documentation promises, and there is no moment without a foreign key."""

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.util import CommandError
from sqlalchemy import URL

from fractal_models.database.connection.engine import connect, maintenance_engine
from tests.support.catalog import catalog, differences, revisions
from tests.support.databases import alembic_config, upgrade
from tests.support.refusal import execute, refusal
from tests.support.rows import content
from tests.support.server_2_9 import BASELINE
from tests.support.sites import Sites

BELOW, REVISION = "5e17c02b9d64", "6a90f3d8142e"

SET_NULL = {
    "applyworkflow.project_id": "project",
    "applyworkflow.workflow_id": "workflow",
    "applyworkflow.input_dataset_id": "dataset",
    "applyworkflow.output_dataset_id": "dataset",
    "jobv2.project_id": "projectv2",
    "jobv2.workflow_id": "workflowv2",
    "jobv2.dataset_id": "datasetv2",
    "taskgroupactivityv2.taskgroupv2_id": "taskgroupv2",
}

CASCADE = {
    "linkusergroup.group_id": "usergroup",
    "linkusergroup.user_id": "user_oauth",
    "linkuserproject.project_id": "project",
    "linkuserproject.user_id": "user_oauth",
    "linkuserprojectv2.project_id": "projectv2",
    "linkuserprojectv2.user_id": "user_oauth",
    "oauthaccount.user_id": "user_oauth",
    "resource.dataset_id": "dataset",
    "taskv2.taskgroupv2_id": "taskgroupv2",
    "workflowtask.workflow_id": "workflow",
    "workflowtaskv2.workflow_id": "workflowv2",
}

RULES = SET_NULL | CASCADE

NO_ACTION = {
    "dataset.project_id": "project",
    "datasetv2.project_id": "projectv2",
    "taskgroupactivityv2.user_id": "user_oauth",
    "taskgroupv2.user_group_id": "usergroup",
    "taskgroupv2.user_id": "user_oauth",
    "user_oauth.user_settings_id": "user_settings",
    "workflow.project_id": "project",
    "workflowtask.task_id": "task",
    "workflowtaskv2.task_id": "taskv2",
    "workflowv2.project_id": "projectv2",
}


UNCHECKED = {"sqlite": "PRAGMA foreign_keys = OFF", "postgresql": "SET session_replication_role = replica"}
"""Lets a session write rows that refer to nothing."""


def split(key: str) -> tuple[str, str]:
    table, _, column = key.partition(".")
    return table, column


def rules(url: URL) -> dict[str, tuple[str, str | None]]:
    """What each foreign key refers to, and its rule, if it has one."""
    with connect(url) as connection:
        inspector = sa.inspect(connection)
        return {
            f"{table}.{key['constrained_columns'][0]}": (key["referred_table"], key["options"].get("ondelete"))
            for table in inspector.get_table_names()
            for key in inspector.get_foreign_keys(table)
        }


def test_each_foreign_key_has_the_rule_that_is_documented(sites: Sites) -> None:
    documented = {
        **{key: (parent, "SET NULL") for key, parent in SET_NULL.items()},
        **{key: (parent, "CASCADE") for key, parent in CASCADE.items()},
        **{key: (parent, None) for key, parent in NO_ACTION.items()},
    }
    assert len(documented) == 29

    assert rules(sites.template(REVISION)) == documented
    assert {rule for _, rule in rules(sites.template(BELOW)).values()} == {None}


def test_rows_that_refer_to_nothing_are_in_the_way(sites: Sites) -> None:
    url = sites.at(BASELINE)
    orphans = [f"UPDATE {table} SET {column} = 77 WHERE {column} = 2" for table, column in map(split, RULES)]
    execute(url, UNCHECKED[url.get_backend_name()], *orphans)

    message = refusal(url)

    for table, column in map(split, RULES):
        row = "(77, 77)" if table.startswith("link") else "2"
        assert f"{table} {row}: refers, by {column}, to a row of {RULES[f'{table}.{column}']} that does not" in message

    execute(url, *(f"UPDATE {table} SET {column} = 2 WHERE {column} = 77" for table, column in map(split, RULES)))
    upgrade(url)
    assert content(url) == content(sites.template(BASELINE))


def test_there_is_no_moment_without_a_foreign_key(postgres_sites: Sites) -> None:
    url = postgres_sites.at(BELOW)
    engine, config = maintenance_engine(url), alembic_config()
    config.attributes["connection"] = engine
    query = sa.text("SELECT count(DISTINCT (conrelid, conkey)) FROM pg_constraint WHERE contype = 'f'")
    seen = []
    with connect(url) as other:

        @sa.event.listens_for(engine, "after_cursor_execute")
        def look(*_: object) -> None:
            seen.append(other.scalar(query))
            other.rollback()

        command.upgrade(config, REVISION)
        command.downgrade(config, BELOW)

    assert len(seen) > 8 * len(RULES)
    assert set(seen) == {29}


def test_foreign_key_that_somebody_dropped_is_missed_before_anything_is_changed(postgres_sites: Sites) -> None:
    url = postgres_sites.at(BELOW)
    execute(url, "ALTER TABLE resource DROP CONSTRAINT fk_resource_dataset_id_dataset")

    with pytest.raises(CommandError, match=r"differs from revision .*: foreign key resource\(dataset_id\) is missing;"):
        upgrade(url, REVISION)

    assert revisions(url) == [BELOW]


def test_on_sqlite_a_table_that_another_tool_has_rebuilt_is_not_taken_for_downgraded(sqlite_sites: Sites) -> None:
    url = sqlite_sites.at("head")
    execute(url, "ALTER TABLE project RENAME TO other", "ALTER TABLE other RENAME TO project")

    with pytest.raises(CommandError, match="was rebuilt by another tool, so that its definition cannot be changed"):
        command.downgrade(alembic_config(url), BASELINE)

    assert revisions(url) == revisions(sqlite_sites.template("head"))


def test_on_sqlite_nothing_is_lost_that_somebody_has_added(sqlite_sites: Sites) -> None:
    url = sqlite_sites.at(BASELINE)
    execute(
        url,
        "ALTER TABLE resource ADD COLUMN label VARCHAR DEFAULT 'none'",
        "UPDATE resource SET label = 'ours'",
        "CREATE INDEX lower_path ON resource (lower(path))",
        "CREATE TRIGGER count_down AFTER DELETE ON resource BEGIN UPDATE state SET data = '{}'; END",
    )

    upgrade(url)

    with connect(url) as connection:
        assert connection.scalar(sa.text("SELECT DISTINCT label FROM resource")) == "ours"
    added = [
        difference.split(":")[0] for difference in differences(catalog(url), catalog(sqlite_sites.template("head")))
    ]
    assert added == ["- indexes lower_path", "- objects count_down", "- tables resource"]


def test_on_sqlite_those_who_are_connected_get_the_rules_at_once(sqlite_sites: Sites) -> None:
    url = sqlite_sites.at(BELOW)
    with connect(url) as connected:
        assert connected.scalar(sa.text("SELECT count(*) FROM resource WHERE dataset_id = 2")) == 1
        connected.rollback()

        upgrade(url, REVISION)

        connected.execute(sa.text("DELETE FROM dataset WHERE id = 2"))
        assert connected.scalar(sa.text("SELECT count(*) FROM resource WHERE dataset_id = 2")) == 0


def test_on_sqlite_a_table_that_another_tool_has_rebuilt_is_in_the_way(sqlite_sites: Sites) -> None:
    url = sqlite_sites.at(BASELINE)
    execute(
        url,
        "CREATE TABLE copy (path VARCHAR NOT NULL, id INTEGER NOT NULL PRIMARY KEY, "
        "dataset_id INTEGER NOT NULL REFERENCES dataset (id))",
        "INSERT INTO copy SELECT path, id, dataset_id FROM resource",
        "DROP TABLE resource",
        "ALTER TABLE copy RENAME TO resource",
    )

    assert "table resource: was rebuilt by another tool" in refusal(url)

"""The schema is compared with that of its revision: at each revision, on both engines, and while it changes."""

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import URL

from fractal_models.database import DatabaseState, inspect_database
from fractal_models.database.connection.engine import connect
from fractal_models.database.inspection.schema import differences, expected_facts, read_facts
from fractal_models.testing.databases import Databases
from tests.support.catalog import revisions
from tests.support.commandline import text_of
from tests.support.databases import alembic_config, upgrade
from tests.support.processes import Migrator
from tests.support.refusal import execute
from tests.support.server_2_9 import BASELINE
from tests.support.sites import Sites

REVISIONS = [script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()][::-1]


def differences_of(url: URL) -> list[str]:
    """Differences from the schema of the revision at which a database stands."""
    with connect(url) as connection:
        return list(differences(connection, revisions(url)[0]))


def test_there_is_no_difference_at_any_revision(all_sites: Sites) -> None:
    found = {revision: differences_of(all_sites.template(revision)) for revision in REVISIONS}

    assert found == {revision: [] for revision in REVISIONS}


def test_facts_are_the_same_on_both_engines(url: URL) -> None:
    with connect(url) as connection:
        assert read_facts(connection, names=True) == expected_facts(REVISIONS[-1])


@pytest.mark.parametrize("start", ["base", BASELINE])
def test_state_is_never_wrong_while_somebody_upgrades(databases: Databases, start: str) -> None:
    url = databases.create()
    upgrade(url, start)
    migrator = Migrator(text_of(url))
    seen = {inspect_database(url).state}

    migrator.go()
    while DatabaseState.AT_HEAD not in seen:
        seen.add(inspect_database(url).state)

    assert migrator.finish() is not None
    # On SQLite there may be a file without a table for a moment.
    assert seen <= {
        DatabaseState.FILE_NOT_FOUND,
        DatabaseState.EMPTY,
        DatabaseState.SERVER_2_9,
        DatabaseState.BEHIND,
        DatabaseState.AT_HEAD,
    }
    databases.drop(url)


@pytest.mark.parametrize(
    ("statements", "difference"),
    [
        (["DROP INDEX ix_jobv2_workflow_id"], "index jobv2.ix_jobv2_workflow_id is missing"),
        (["DROP INDEX ix_user_oauth_lower_email"], "index user_oauth.ix_user_oauth_lower_email is missing"),
        (
            [
                "DROP INDEX ix_user_oauth_lower_email",
                "CREATE UNIQUE INDEX ix_user_oauth_lower_email ON user_oauth (upper(email))",
            ],
            "index user_oauth.ix_user_oauth_lower_email is unique over (upper(email)), not unique over (lower(email))",
        ),
        (
            [
                "DROP INDEX ix_jobv2_one_submitted_per_dataset",
                "CREATE INDEX ix_jobv2_one_submitted_per_dataset ON jobv2 (dataset_id) WHERE status = 'done'",
            ],
            "index jobv2.ix_jobv2_one_submitted_per_dataset is over (dataset_id) where status = 'done', "
            "not unique over (dataset_id) where status = 'submitted'",
        ),
    ],
)
def test_index_that_is_missing_or_another_is_found(sites: Sites, statements: list[str], difference: str) -> None:
    url = sites.at("head")

    execute(url, *statements)

    assert differences_of(url) == [difference]


@pytest.mark.parametrize(
    ("statements", "difference"),
    [
        (
            ["UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_jobv2_workflow_id'::regclass"],
            "index jobv2.ix_jobv2_workflow_id is over (workflow_id), but invalid, not over (workflow_id)",
        ),
        (["ALTER TABLE jobv2 DROP CONSTRAINT ck_jobv2_status"], "check jobv2.ck_jobv2_status is missing"),
        (
            ["ALTER TABLE jobv2 ALTER id DROP DEFAULT"],
            "column jobv2.id is integer, not null, not generated, not integer, not null",
        ),
        (
            ["ALTER TABLE linkusergroup ALTER timestamp_created SET DEFAULT now()"],
            "column linkusergroup.timestamp_created is timestamp, not null, default now(), "
            "not timestamp, not null, default 2000-01-01 00:00:00+00:00",
        ),
        (
            ["ALTER TABLE jobv2 ALTER CONSTRAINT fk_jobv2_dataset_id_datasetv2 DEFERRABLE"],
            "foreign key jobv2(dataset_id) is to datasetv2(id), on delete SET NULL, "
            "named fk_jobv2_dataset_id_datasetv2, but deferrable, not to datasetv2(id), on delete SET NULL, "
            "named fk_jobv2_dataset_id_datasetv2",
        ),
        (
            ["DROP INDEX ix_jobv2_dataset_id", "CREATE INDEX ix_jobv2_dataset_id ON jobv2 USING hash (dataset_id)"],
            "index jobv2.ix_jobv2_dataset_id is over (dataset_id), using hash, not over (dataset_id)",
        ),
        (
            [
                "ALTER TABLE jobv2 DROP CONSTRAINT ck_jobv2_status",
                "ALTER TABLE jobv2 ADD CONSTRAINT ck_jobv2_status CHECK (status IN ('submitted', 'done')) NOT VALID",
            ],
            "check jobv2.ck_jobv2_status is status IN 'submitted', 'done', but not validated, "
            "not status IN 'submitted', 'done', 'failed'",
        ),
        (
            [
                "ALTER TABLE resource DROP CONSTRAINT fk_resource_dataset_id_dataset",
                "ALTER TABLE resource ADD CONSTRAINT fk_resource_dataset_id_dataset "
                "FOREIGN KEY (dataset_id) REFERENCES dataset (id)",
            ],
            "foreign key resource(dataset_id) is to dataset(id), on delete NO ACTION, "
            "named fk_resource_dataset_id_dataset, not to dataset(id), on delete CASCADE, "
            "named fk_resource_dataset_id_dataset",
        ),
    ],
)
def test_rule_that_is_missing_or_another_is_found(
    postgres_sites: Sites, statements: list[str], difference: str
) -> None:
    url = postgres_sites.at("head")

    execute(url, *statements)

    assert differences_of(url) == [difference]


def test_on_sqlite_a_rule_that_is_missing_is_found(sqlite_sites: Sites) -> None:
    url = sqlite_sites.at("head")

    execute(url, "DROP TABLE jobv2", "CREATE TABLE jobv2 (id INTEGER CONSTRAINT pk_jobv2 PRIMARY KEY)")

    assert "check jobv2.ck_jobv2_status is missing" in differences_of(url)
    assert "foreign key jobv2(dataset_id) is missing" in differences_of(url)

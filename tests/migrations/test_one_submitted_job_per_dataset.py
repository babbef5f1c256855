"""Two submitted jobs of one dataset stand in the way of the index that forbids them."""

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.util import CommandError
from sqlalchemy import URL

from fractal_models.database.connection.engine import maintenance_engine
from tests.support.catalog import catalog, differences
from tests.support.databases import alembic_config, upgrade
from tests.support.refusal import execute, refusal
from tests.support.server_2_9 import BASELINE
from tests.support.sites import Sites

BELOW, REVISION = "6a90f3d8142e", "7c4d1b65e0f9"

# Job 2 is submitted, on dataset 2.
SECOND_JOB = {
    "applyworkflow": "UPDATE applyworkflow SET status = 'submitted', output_dataset_id = 2 WHERE id = 3",
    "jobv2": "UPDATE jobv2 SET status = 'submitted', dataset_id = 2 WHERE id = 3",
}


@pytest.mark.parametrize(("table", "column"), [("applyworkflow", "output_dataset_id"), ("jobv2", "dataset_id")])
def test_several_submitted_jobs_of_a_dataset_are_in_the_way(sites: Sites, table: str, column: str) -> None:
    url = sites.at(BASELINE)
    execute(url, SECOND_JOB[table])

    message = refusal(url)

    assert f"{table} 2, 3: is one of several submitted jobs with the same {column}." in message
    assert message.count("several submitted jobs") == 1

    mend = f"UPDATE {table} SET status = 'failed', end_timestamp = CURRENT_TIMESTAMP WHERE id IN (…)"
    assert mend in message
    execute(url, mend.replace("…", "3"))
    upgrade(url)


def test_other_jobs_are_not_in_the_way(sites: Sites) -> None:
    url = sites.at(BASELINE)
    # Two that ended, and two submitted ones whose dataset is gone.
    for table, column in (("applyworkflow", "output_dataset_id"), ("jobv2", "dataset_id")):
        execute(url, f"UPDATE {table} SET {column} = 2, status = 'done'")
        execute(url, f"UPDATE {table} SET {column} = NULL, status = 'submitted' WHERE id > 1")

    upgrade(url)


def duplicate_when_the_revision_begins(url: URL) -> None:
    """Upgrade, and submit a second job between the check of the rows and the first statement of the revision."""
    engine, config = maintenance_engine(url), alembic_config()
    config.attributes["connection"] = engine

    @sa.event.listens_for(engine, "before_cursor_execute")
    def submit(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("CREATE UNIQUE INDEX") and "jobv2" in statement:
            execute(url, SECOND_JOB["jobv2"])

    command.upgrade(config, REVISION)


def test_job_that_comes_too_late_for_the_check_leaves_an_index_that_is_built_again(postgres_sites: Sites) -> None:
    url = postgres_sites.at(BELOW)
    with pytest.raises(CommandError, match="stopped at 6a90f3d8142e: jobv2 2, 3: is one of several"):
        duplicate_when_the_revision_begins(url)
    assert catalog(url)["indexes"]["ix_jobv2_one_submitted_per_dataset"][0].endswith("INVALID")

    assert "jobv2 2, 3: is one of several submitted jobs" in refusal(url)

    execute(url, "UPDATE jobv2 SET status = 'done' WHERE id = 2")
    upgrade(url, REVISION)
    assert differences(catalog(url), catalog(postgres_sites.template(REVISION))) == []

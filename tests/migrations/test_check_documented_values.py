"""Rows with values that the documentation does not know stand in the way of the checks."""

import pytest
import sqlalchemy as sa

from fractal_models.database.connection.engine import connect
from tests.support.databases import upgrade
from tests.support.refusal import execute, refusal
from tests.support.server_2_9 import BASELINE
from tests.support.sites import Sites


@pytest.mark.parametrize(
    ("table", "change", "mended"),
    [
        ("applyworkflow", "status = 'running'", "status = 'failed'"),
        ("applyworkflow", "first_task_index = -1", "first_task_index = 0"),
        ("applyworkflow", "last_task_index = -1", "last_task_index = 0"),
        ("jobv2", "status = 'Done'", "status = 'done'"),
        ("jobv2", "first_task_index = 3", "first_task_index = 1"),
        ("taskgroupactivityv2", "status = 'ok'", "status = 'OK'"),
        ("taskgroupactivityv2", "action = ''", "action = 'collect'"),
    ],
)
def test_undocumented_value_is_in_the_way(sites: Sites, table: str, change: str, mended: str) -> None:
    url = sites.at(BASELINE)
    execute(url, f"UPDATE {table} SET {change} WHERE id = 2")

    assert f"{table} 2: breaks the rule " in refusal(url)

    execute(url, f"UPDATE {table} SET {mended} WHERE id = 2")
    upgrade(url)


def test_on_sqlite_a_table_that_another_tool_has_rebuilt_is_in_the_way(sqlite_sites: Sites) -> None:
    url = sqlite_sites.at(BASELINE)
    with connect(url) as connection:
        sql = str(connection.scalar(sa.text("SELECT sql FROM sqlite_master WHERE name = 'taskgroupactivityv2'")))
    execute(
        url,
        sql.replace("taskgroupactivityv2 (", "copy (", 1).replace("PRIMARY KEY (id)", 'PRIMARY KEY ("id")'),
        "INSERT INTO copy SELECT * FROM taskgroupactivityv2",
        "DROP TABLE taskgroupactivityv2",
        "ALTER TABLE copy RENAME TO taskgroupactivityv2",
    )

    assert "table taskgroupactivityv2: was rebuilt by another tool, so that the place for a check" in refusal(url)

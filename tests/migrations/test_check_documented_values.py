"""Rows with values that the documentation does not know stand in the way of the checks."""

import re

import sqlalchemy as sa
from sqlalchemy import URL

from fractal_models.database.connection.engine import connect
from tests.support.databases import upgrade
from tests.support.refusal import execute, refusal
from tests.support.server_2_9 import BASELINE
from tests.support.sites import Sites

VALUES = [
    ("applyworkflow", "status = 'running'", "status = 'failed'"),
    ("applyworkflow", "first_task_index = -1", "first_task_index = 0"),
    ("applyworkflow", "last_task_index = -1", "last_task_index = 0"),
    ("jobv2", "status = 'Done'", "status = 'done'"),
    ("jobv2", "first_task_index = 3", "first_task_index = 1"),
    ("taskgroupactivityv2", "status = 'ok'", "status = 'OK'"),
    ("taskgroupactivityv2", "action = ''", "action = 'collect'"),
]
"""A table, a change that breaks one of its rules, and one that obeys it."""


def copy(url: URL, table: str, key: int) -> None:
    """Insert row 1 of a table again, under another key."""
    with connect(url) as connection:
        names = [f'"{column["name"]}"' for column in sa.inspect(connection).get_columns(table)]
    others = ", ".join(name for name in names if name != '"id"')
    execute(url, f"INSERT INTO {table} (id, {others}) SELECT {key}, {others} FROM {table} WHERE id = 1")


def test_undocumented_values_are_in_the_way(sites: Sites) -> None:
    url = sites.at(BASELINE)
    rows = [(table, key) for key, (table, *_) in enumerate(VALUES, 10)]
    for key, (table, change, _) in enumerate(VALUES, 10):
        copy(url, table, key)
        execute(url, f"UPDATE {table} SET {change} WHERE id = {key}")

    named = re.findall(r"(\w+) ([\d, ]+): breaks the rule", refusal(url))

    assert [(table, int(key)) for table, keys in named for key in keys.split(", ")] == rows
    for key, (table, _, mended) in enumerate(VALUES, 10):
        execute(url, f"UPDATE {table} SET {mended} WHERE id = {key}")
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

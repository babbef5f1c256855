"""Each access path of a server uses an index, whatever it reads or deletes.

The tables are empty, and PostgreSQL is told to avoid reading whole tables where it can: so its plan says whether there
is an index to use, not whether using it pays for that many rows.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import URL, Connection

from benchmarks.site.paths import PATHS, Deletion, Reading
from fractal_models.database import create_engine
from fractal_models.tables import METADATA
from fractal_models.testing.databases import Databases
from tests.support.databases import upgrade
from tests.support.server_2_9 import BASELINE

INDEXED_AT_2_9 = ["user by OAuth account"]

UNINDEXED_AT_2_9 = [name for name in PATHS if name not in INDEXED_AT_2_9 and not name.startswith("projects of a user")]
"""Memberships have an index that begins with the project: PostgreSQL 18 can make some use of it for users, too."""


@pytest.fixture(scope="module")
def connection_at_head(databases: Databases) -> Iterator[Connection]:
    url = databases.create_at_head()
    yield from _connect(databases, url)


@pytest.fixture(scope="module")
def connection_at_2_9(databases: Databases) -> Iterator[Connection]:
    url = databases.create()
    upgrade(url, BASELINE)
    yield from _connect(databases, url)


def _connect(databases: Databases, url: URL) -> Iterator[Connection]:
    engine = create_engine(url)
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.text("SET enable_seqscan = off"))
        yield connection
    engine.dispose()
    databases.drop(url)


def whole_tables(connection: Connection, statement: Any) -> list[str]:
    """The steps of a plan that read a table from its beginning to its end."""
    sql = statement.compile(connection, compile_kwargs={"literal_binds": True})
    if connection.dialect.name == "postgresql":
        (plan,) = connection.scalar(sa.text(f"EXPLAIN (FORMAT JSON) {sql}"))
        return [json.dumps(node) for node in nodes(plan["Plan"]) if reads_whole_table(node)]
    details = [row.detail for row in connection.execute(sa.text(f"EXPLAIN QUERY PLAN {sql}"))]
    return [detail for detail in details if detail.startswith("SCAN") and "one_submitted" not in detail]


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def reads_whole_table(node: dict[str, Any]) -> bool:
    """An index is of use if a condition chooses from it, or if it holds few of the rows."""
    kind: str = node["Node Type"]
    if kind in ("Index Scan", "Index Only Scan", "Bitmap Index Scan"):
        return "Index Cond" not in node and "one_submitted" not in node["Index Name"]
    return kind.endswith("Scan") and kind != "Bitmap Heap Scan"


def followed_keys(table: str) -> Iterator[sa.Column[Any]]:
    """The foreign keys that the database looks up when a row of a table is deleted."""
    for child in METADATA.sorted_tables:
        for key in child.foreign_keys:
            if key.column.table.name == table:
                yield key.parent
                if key.ondelete == "CASCADE":
                    yield from followed_keys(child.name)


def queries(path: Reading | Deletion) -> list[Any]:
    """What the database is asked, by others and by itself."""
    if isinstance(path, Reading):
        return [path.statement(1)]
    deletions = path.statements(1)
    followed = {key for deletion in deletions for key in followed_keys(deletion.entity_description["table"].name)}
    return [*deletions, *(sa.select(key).where(key == 1) for key in sorted(followed, key=str))]


@pytest.mark.parametrize("name", PATHS)
def test_path_uses_an_index_for_all_it_reads(connection_at_head: Connection, name: str) -> None:
    found = {str(query): whole_tables(connection_at_head, query) for query in queries(PATHS[name])}

    assert {query: scans for query, scans in found.items() if scans} == {}


@pytest.mark.parametrize("name", UNINDEXED_AT_2_9)
def test_path_read_a_whole_table_at_2_9(connection_at_2_9: Connection, name: str) -> None:
    assert any(whole_tables(connection_at_2_9, query) for query in queries(PATHS[name]))


@pytest.mark.parametrize("name", INDEXED_AT_2_9)
def test_path_had_its_index_at_2_9(connection_at_2_9: Connection, name: str) -> None:
    assert not any(whole_tables(connection_at_2_9, query) for query in queries(PATHS[name]))


def test_deleting_a_task_group_follows_the_keys_of_its_tasks_too() -> None:
    followed = [str(key) for key in followed_keys("taskgroupv2")]

    assert sorted(followed) == ["taskgroupactivityv2.taskgroupv2_id", "taskv2.taskgroupv2_id", "workflowtaskv2.task_id"]

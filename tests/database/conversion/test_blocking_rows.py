"""Rows that no conversion can take are refused with the SQL that mends them; then the same database is converted."""

import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from fractal_models.testing.databases import Databases
from tests.support.databases import databases_of
from tests.support.old_databases.conversions import conversion_errors, convert, create_old
from tests.support.old_databases.values import read
from tests.support.refusal import execute


@dataclass(frozen=True)
class Blocked:
    """A database with rows in the way."""

    number: int
    statements: tuple[str, ...]
    named: str


CASES = {
    "start": Blocked(8, ("UPDATE applyworkflow SET start_timestamp = NULL WHERE id IN (2, 5)",), "applyworkflow 2, 5"),
    "workflow of a step": Blocked(13, ("UPDATE workflowtask SET workflow_id = NULL WHERE id = 20",), "workflowtask 20"),
    "task of a step": Blocked(3, ("UPDATE workflowtask SET task_id = NULL WHERE id = 30",), "workflowtask 30"),
    "task of version 1": Blocked(
        17,
        ("UPDATE workflowtaskv2 SET is_legacy_task = true, task_legacy_id = 1, task_id = NULL WHERE id = 21",),
        "workflowtaskv2 21",
    ),
    "task of a step of version 2": Blocked(
        16, ("UPDATE workflowtaskv2 SET task_id = NULL WHERE id IN (31, 32)",), "workflowtaskv2 31, 32"
    ),
}

SQL = re.compile(r"`((?:UPDATE|DELETE) [^`]*)`")


PARAMETERS = [
    pytest.param(name, engine, id=f"{name}-{engine}", marks=[] if number % 2 == turn else [pytest.mark.thorough])
    for number, name in enumerate(CASES)
    for turn, engine in enumerate(["sqlite", "postgresql"])
]


@pytest.mark.parametrize(("case", "engine"), PARAMETERS)
def test_refusal_says_how_to_go_on(request: pytest.FixtureRequest, case: str, engine: str) -> None:
    databases: Databases = databases_of(request, engine)
    blocked = CASES[case]
    old = create_old(databases, blocked.number)
    execute(old.url, *blocked.statements)
    before = old.snapshot()

    refused = convert(old.url)

    assert refused.code == 4, refused.all
    assert blocked.named in refused.err
    assert old.snapshot() == before

    execute(old.url, *SQL.findall(refused.err))
    old.rows = read(old.url, old.schema)
    began = datetime.now(UTC)
    outcome = convert(old.url)
    assert outcome.code == 0, outcome.all
    assert conversion_errors(old, began) == []
    databases.drop(old.url)


def test_row_without_its_parent_is_named_once(fractal_sqlite_databases: Databases) -> None:
    old = create_old(fractal_sqlite_databases, 8)
    with closing(sqlite3.connect(str(old.url.database))) as connection:
        connection.execute("UPDATE resource SET dataset_id = 999 WHERE id = (SELECT min(id) FROM resource)")
        connection.commit()

    refused = convert(old.url)

    assert refused.code == 4, refused.all
    assert refused.err.count("refers, by dataset_id, to a row of dataset") == 1, refused.err
    fractal_sqlite_databases.drop(old.url)

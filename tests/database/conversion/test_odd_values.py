"""Values that servers could store, though few sites have them."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from fractal_models.testing.databases import Databases
from tests.support.databases import databases_of
from tests.support.old_databases.conversions import conversion_errors, convert, create_old
from tests.support.old_databases.rows import rows_of
from tests.support.old_databases.schemas import schema_of
from tests.support.old_databases.values import Json, Tables
from tests.support.refusal import execute

Change = Callable[[Tables], None]

NUL = Json('{"path": "a\\u0000b", "z": 1, "a": 2}')
DUPLICATES = Json('{"a": 1, "b": [1.0, 1e2, 10000000000000000000000, -0.0], "a": 2}')
SPACES = Json('{ "b" :\t1,\n"a":2 }')
NOT_FINITE = Json('{"b": NaN, "a": [Infinity, -Infinity]}')


def change_json(text: Json) -> Change:
    """Put a text into each JSON column that is copied, and into dumps that are changed."""

    def change(rows: Tables) -> None:
        for table, column in [("task", "meta"), ("workflowtask", "args"), ("dataset", "meta"), ("state", "data")]:
            for row in rows[table][:2]:
                row[column] = text
        for job in rows["applyworkflow"][:6]:
            for column in ("workflow_dump", "input_dataset_dump"):
                if job[column] not in (None, "{}", "null"):
                    job[column] = Json(job[column][:-1] + f', "meta": {text}}}')
        for row in rows.get("jobv2", []):
            if row["dataset_dump"] != "{}":
                row["dataset_dump"] = Json(row["dataset_dump"][:-1] + f', "history": [{text}]}}')

    return change


def no_rows(rows: Tables) -> None:
    for table in rows:
        rows[table] = []


def long_log(rows: Tables) -> None:
    rows["applyworkflow"][0]["log"] = "line\n" * 10**6


CASES = [
    ("nul", change_json(NUL), ["sqlite"]),
    ("duplicates", change_json(DUPLICATES), ["sqlite", "postgresql"]),
    ("spaces", change_json(SPACES), ["sqlite", "postgresql"]),
    ("not finite", change_json(NOT_FINITE), ["sqlite"]),
    ("no rows", no_rows, ["sqlite", "postgresql"]),
    ("long log", long_log, ["sqlite", "postgresql"]),
]


DEFAULT = {(17, "nul"), (10, "not finite"), (24, "no rows")}
"""Run without `--thorough`."""


@pytest.mark.parametrize(
    ("number", "change", "engine"),
    [
        pytest.param(
            number,
            change,
            engine,
            id=f"{name}-{engine}-{number}",
            marks=[]
            if (number, name) in {(17, "nul"), (10, "not finite"), (24, "no rows")}
            else [pytest.mark.thorough],
        )
        for name, change, engines in CASES
        for engine in engines
        for number in (10, 17, 24)
    ],
)
def test_rows_are_the_expected_ones(request: pytest.FixtureRequest, number: int, engine: str, change: Change) -> None:
    databases: Databases = databases_of(request, engine)
    rows = rows_of(schema_of(number), number)
    change(rows)
    old = create_old(databases, number, rows=rows)
    began = datetime.now(UTC)

    outcome = convert(old.url)

    assert outcome.code == 0, outcome.all
    assert conversion_errors(old, began) == []
    databases.drop(old.url)


def test_time_zone_of_the_database_is_irrelevant(fractal_postgresql_databases: Databases) -> None:
    old = create_old(fractal_postgresql_databases, 12)
    execute(old.url, f"ALTER DATABASE {old.url.database} SET timezone TO 'Asia/Kolkata'")
    began = datetime.now(UTC)

    assert convert(old.url).code == 0

    assert conversion_errors(old, began) == []
    fractal_postgresql_databases.drop(old.url)


def test_nul_characters_that_postgresql_cannot_read_are_named_and_mended(
    fractal_postgresql_databases: Databases,
) -> None:
    rows = rows_of(schema_of(17), 17)
    change_json(NUL)(rows)
    old = create_old(fractal_postgresql_databases, 17, rows=rows)

    refused = convert(old.url)
    assert refused.code == 4
    assert "applyworkflow" in refused.err
    for statement in re.findall(r"`(UPDATE [^`]*)`", refused.err):
        execute(old.url, statement)

    assert convert(old.url).code == 0
    fractal_postgresql_databases.drop(old.url)

"""Answers about the tables of Fractal depend neither on imports nor on the tables of a server."""

import json
import subprocess
import sys
from itertools import product

import pytest
from sqlalchemy import URL, text

from fractal_models.database.connection.engine import maintenance_engine
from fractal_models.testing.databases import Databases
from tests.support.databases import mainly_on

INSPECT = """
import json, sys
from fractal_models.database import inspect_database
print(json.dumps([(status := inspect_database(sys.argv[1])).state, status.message]))
"""

CREATE_ALL = """
import sys
from sqlmodel import SQLModel
from fractal_models import models
from fractal_models.database import create_engine
SQLModel.metadata.create_all(create_engine(sys.argv[1]))
"""

SERVER = """
import json, sys
from alembic import command
from sqlmodel import Field, SQLModel, UniqueConstraint
from fractal_models.database import alembic_config, check_database, create_engine, inspect_database
{first}

class Lab(SQLModel, table=True):
    __table_args__ = (UniqueConstraint("name", "user_id"),)
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(index=True)
    user_id: int | None = Field(default=None, foreign_key="user_oauth.id" if {related} else None)

from fractal_models.database.inspection.roles import role_statements
from sqlalchemy import inspect
url = sys.argv[1]
engine = create_engine(url)
engine.connect().close()
if not {related}:
    Lab.__table__.create(engine)
before = inspect_database(engine)
config = alembic_config(url)
config.attributes["report"] = lambda line: None
command.upgrade(config, "head")
check_database(engine)
command.check(config)
SQLModel.metadata.create_all(engine)
inspector = inspect(engine)
print(json.dumps({{
    "before": [before.state, before.message],
    "after": inspect_database(engine).state,
    "roles": any("lab" in statement for statement in role_statements()),
    "names": sorted(filter(None, [
        *(constraint["name"] for constraint in inspector.get_unique_constraints("lab")),
        *(index["name"] for index in inspector.get_indexes("lab") if "duplicates_constraint" not in index),
    ])),
    "convention": "pk" in SQLModel.metadata.naming_convention,
}}))
"""


def run_script(script: str, url: URL) -> str:
    """Output of a script in an interpreter of its own."""
    command = [sys.executable, "-c", script, url.render_as_string(hide_password=False)]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr
    return outcome.stdout.splitlines()[-1] if outcome.stdout else ""


@mainly_on("sqlite")
def test_missing_table_is_found_without_an_import_of_the_models(url: URL) -> None:
    with maintenance_engine(url).begin() as connection:
        connection.execute(text("DROP TABLE jobv2"))

    state, message = json.loads(run_script(INSPECT, url))

    assert state == "drifted"
    assert "table jobv2 is missing" in message


@mainly_on("postgresql")
def test_database_of_create_all_is_found_without_an_import_of_the_models(empty_url: URL) -> None:
    run_script(CREATE_ALL, empty_url)

    state, message = json.loads(run_script(INSPECT, empty_url))

    assert state == "unversioned"
    assert "23 tables of Fractal but no revision" in message


BEFORE, AFTER = "", "import fractal_models.models"


@pytest.mark.parametrize(
    ("fractal_backend", "first", "related"),
    [
        pytest.param(backend, first, related, marks=[] if chosen else [pytest.mark.thorough])
        for backend, first, related in product(["sqlite", "postgresql"], [BEFORE, AFTER], [False, True])
        for chosen in [(backend, first, related) in {("sqlite", AFTER, True), ("postgresql", BEFORE, False)}]
    ],
    scope="session",
)
def test_table_of_a_server_changes_no_answer(databases: Databases, first: str, related: bool) -> None:
    url = databases.create()

    found = json.loads(run_script(SERVER.format(first=first, related=related), url))

    beside = "" if related else " of Fractal, beside tables of another application"
    assert found == {
        "before": ["empty", f"the database is empty{beside}"],
        "after": "at_head",
        "roles": False,
        # SQLite has no names of its own for constraints, PostgreSQL and SQLModel have.
        "names": sorted(["ix_lab_name", *(["lab_name_user_id_key"] if databases.dialect == "postgresql" else [])]),
        "convention": False,
    }
    databases.drop(url)

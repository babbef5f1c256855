"""Who may convert a database, when, and what stays."""

import threading
import time
from argparse import Namespace
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy import URL

from fractal_models.database import DatabaseError, DatabaseState, inspect_database
from fractal_models.database.connection.engine import connect, maintenance_engine
from fractal_models.database.revisions.history import alembic_config
from fractal_models.testing.databases import Databases
from tests.support.catalog import catalog
from tests.support.commandline import converse, run
from tests.support.databases import mainly_on
from tests.support.dumps import snapshot
from tests.support.older import convert, create_older, execute, select
from tests.support.server_2_9 import BASELINE

USER = {"id": 1, "email": "a@example.org", "hashed_password": "x", "is_active": True, "is_superuser": True}
PROJECT = {"id": 1, "name": "p", "read_only": False, "timestamp_created": sa.func.now()}
WORKFLOW = {"id": 1, "name": "w", "project_id": 1, "timestamp_created": sa.func.now()}
ROWS = {"user_oauth": [USER | {"is_verified": True}], "project": [PROJECT], "workflow": [WORKFLOW]}

sqlite_mainly = mainly_on("sqlite")


@pytest.fixture
def older_url(databases: Databases) -> Iterator[URL]:
    url = create_older(databases, "2.4.2", ROWS)
    yield url
    databases.drop(url)


@sqlite_mainly
def test_consent_needs_more_than_yes(older_url: URL) -> None:
    before = snapshot(older_url)

    for options in ([], ["--yes"]):
        outcome = run("upgrade", "head", *options, url=older_url)
        assert outcome.code == 3
        assert "run `fractal-models upgrade head --convert`" in outcome.err
    declined = converse("upgrade", "head", url=older_url, answer="yes\n")
    assert (declined.code, "nothing was changed" in declined.out) == (9, True)
    assert "There is no way back but a backup" in declined.out
    assert "all tables are locked" in " ".join(declined.out.split())

    assert snapshot(older_url) == before


@sqlite_mainly
def test_name_of_the_database_is_consent(older_url: URL) -> None:
    name = (older_url.database or "").rpartition("/")[2]

    assert converse("upgrade", BASELINE, url=older_url, answer=f"{name}\n").code == 0

    assert inspect_database(older_url).state is DatabaseState.SERVER_2_9


def test_an_empty_answer_is_no_consent_where_the_url_names_no_database(
    fractal_postgresql_databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = create_older(fractal_postgresql_databases, "2.4.2", ROWS)
    monkeypatch.setenv("PGDATABASE", str(url.database))
    nameless = URL.create(url.drivername, url.username, url.password, url.host, url.port, query=url.query)

    declined = converse("upgrade", BASELINE, url=nameless, answer="\n")

    assert (declined.code, f"name of the database, {url.database}, to go on" in declined.out) == (9, True)
    assert inspect_database(url).state is DatabaseState.SERVER_OLDER
    fractal_postgresql_databases.drop(url)


@sqlite_mainly
def test_alembic_takes_the_same_flags(older_url: URL) -> None:
    config = alembic_config(older_url)
    config.cmd_opts = Namespace(x=["convert=yes", "task-owner=a@example.org"])

    command.upgrade(config, BASELINE)

    assert inspect_database(older_url).state is DatabaseState.SERVER_2_9


@sqlite_mainly
def test_transaction_of_a_caller_is_refused(older_url: URL) -> None:
    config: Config = alembic_config()
    config.attributes["convert"] = True
    engine = maintenance_engine(older_url)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys = OFF"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        with pytest.raises(Exception, match="converted in a transaction of its own") as raised:
            command.upgrade(config, "head")
    engine.dispose()

    assert isinstance(raised.value.__cause__, DatabaseError)
    assert inspect_database(older_url).state is DatabaseState.SERVER_OLDER


@pytest.mark.parametrize("fractal_backend", ["postgresql"], scope="session")
def test_other_sessions_are_waited_for(older_url: URL) -> None:
    other = maintenance_engine(older_url).connect()
    other.exec_driver_sql("SET application_name = 'old server'")
    other.commit()
    refused = convert(older_url, "--wait", "0")
    assert refused.code == 8
    assert "(old server, user" in refused.err
    assert "nothing was changed" in refused.err

    def leave() -> None:
        time.sleep(0.3)
        other.close()

    thread = threading.Thread(target=leave)
    thread.start()
    outcome = run("upgrade", BASELINE, "--convert", url=older_url)
    thread.join()

    assert outcome.code == 0
    assert "waiting for the end of other sessions: process" in outcome.out


MENDED = {
    "steps without a key": (
        "INSERT INTO workflowtask (id, workflow_id) VALUES (7, 1)",
        "workflowtask 7: is a step without workflow or task",
    ),
    "jobs without a start": (
        "INSERT INTO applyworkflow (id, status, workflow_dump, input_dataset_dump, output_dataset_dump, project_dump, "
        "user_email, first_task_index, last_task_index) VALUES (8, 'done', '{}', '{}', '{}', '{}', 'x', 0, 0)",
        "applyworkflow 8: is a job whose start is not known",
    ),
    "steps of version 2 on tasks of version 1": (
        "INSERT INTO workflowtaskv2 (id, task_type, task_legacy_id, workflow_id) VALUES (9, 'parallel', 1, 1)",
        "workflowtaskv2 9: is a step of version 2 with a task of version 1",
    ),
}


@sqlite_mainly
def test_rows_that_cannot_be_converted_are_named_with_the_sql_that_mends_them(older_url: URL) -> None:
    task = "(id, source, name, command, input_type, output_type) VALUES (1, 's', 'n', 'c', 'i', 'o')"
    execute(
        older_url,
        f"INSERT INTO task {task}",
        "INSERT INTO projectv2 (id, name, timestamp_created) VALUES (1, 'p', '2024-01-01 00:00:00')",
        "INSERT INTO workflowv2 (id, name, project_id, timestamp_created) VALUES (1, 'w', 1, '2024-01-01 00:00:00')",
        *(statement for statement, _ in MENDED.values()),
    )
    before = snapshot(older_url)

    outcome = convert(older_url)

    assert (outcome.code, snapshot(older_url)) == (4, before)
    for _, message in MENDED.values():
        assert message in outcome.err
    statements = [part for part in outcome.err.split("`") if part.startswith(("DELETE", "UPDATE"))]
    execute(older_url, *statements)
    assert run("upgrade", BASELINE, "--convert", url=older_url).code == 0


OWN = [
    "ALTER TABLE project ADD COLUMN cost_centre VARCHAR DEFAULT 'x,(y)'",
    "CREATE VIEW names AS SELECT id, name FROM project",
    "CREATE TABLE lab (id INTEGER PRIMARY KEY, project_id INTEGER REFERENCES project (id), done INTEGER)",
    "CREATE INDEX ix_project_name ON project (name)",
    "INSERT INTO lab VALUES (1, 1, 0)",
    "UPDATE project SET cost_centre = 'CC 7'",
]
TRIGGER = {
    "sqlite": ["CREATE TRIGGER noticed AFTER UPDATE ON project BEGIN UPDATE lab SET done = done + 1; END"],
    "postgresql": [
        "CREATE FUNCTION notice() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN UPDATE lab SET done = done + 1; RETURN new; END'",
        "CREATE TRIGGER noticed AFTER UPDATE ON project FOR EACH ROW EXECUTE FUNCTION notice()",
    ],
}


def test_what_a_site_has_added_is_kept(older_url: URL) -> None:
    execute(older_url, *OWN, *TRIGGER[older_url.get_backend_name()])
    before = catalog(older_url)

    outcome = convert(older_url)

    assert outcome.code == 0, outcome.err
    assert select(older_url, "SELECT cost_centre FROM project") == [("CC 7",)]
    assert select(older_url, "SELECT * FROM names") == [(1, "p")]
    assert select(older_url, "SELECT done FROM lab") == [(0,)]
    execute(older_url, "UPDATE project SET name = 'q'")
    assert select(older_url, "SELECT done FROM lab") == [(1,)]
    after = catalog(older_url)
    assert after["tables"]["lab"] == before["tables"]["lab"]
    assert "ix_project_name" in after["indexes"]
    with connect(older_url) as connection:
        keys = sa.inspect(connection).get_foreign_keys("lab")
    assert [key["referred_table"] for key in keys] == ["project"]

    # The values without a column stay through both directions, and are no difference of any schema.
    execute(older_url, "INSERT INTO fractal_legacy (table_name, column_name, note) VALUES ('t', 'c', 'mine')")
    assert run("downgrade", BASELINE, "--yes", url=older_url).code == 0
    assert inspect_database(older_url).state is DatabaseState.SERVER_2_9
    assert run("upgrade", "head", url=older_url).code == 0
    assert "fractal_legacy" not in run("check", url=older_url).all
    assert select(older_url, "SELECT column_name FROM fractal_legacy WHERE note = 'mine'") == [("c",)]


REFUSED = {
    "view": ("CREATE VIEW owners AS SELECT owner FROM taskv2", "view owners"),
    "foreign key": (
        "CREATE TABLE lab (id INTEGER PRIMARY KEY, state_id INTEGER REFERENCES collectionstatev2 (id))",
        "table lab",
    ),
    "table": ("CREATE TABLE fractal_legacy (id INTEGER)", "table fractal_legacy of another application"),
}


@pytest.mark.parametrize(("statement", "named"), REFUSED.values(), ids=REFUSED.keys())
def test_what_would_be_lost_is_named(statement: str, named: str, older_url: URL) -> None:
    execute(older_url, statement)
    before = catalog(older_url)

    outcome = convert(older_url)

    assert outcome.code == 10
    assert named in outcome.err
    assert catalog(older_url) == before


@pytest.mark.parametrize("fractal_backend", ["sqlite"], scope="session")
@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("ALTER TABLE project ADD COLUMN cost INTEGER CHECK (cost > 0)", "column project.cost"),
        (
            "CREATE TRIGGER audit AFTER UPDATE ON taskv2 BEGIN UPDATE project SET name = new.owner; END",
            "trigger audit of taskv2",
        ),
    ],
)
def test_what_sqlite_cannot_move_is_named(statement: str, named: str, older_url: URL) -> None:
    execute(older_url, statement)
    before = catalog(older_url)

    outcome = convert(older_url)

    assert (outcome.code, catalog(older_url)) == (10, before)
    assert named in outcome.err


def test_there_is_no_way_back(sqlite_url: URL) -> None:
    for verb in (["downgrade", "091b01f51f88", "--yes"], ["upgrade", "091b01f51f88"]):
        outcome = run(*verb, url=sqlite_url)

        assert outcome.code == 5
        assert "a revision of fractal-server 2.4.0 to 2.4.2: there is no way back to it but a backup" in outcome.err

"""What a database is, in one line, with an exit code, and what to do about it; found out without writing."""

import json
import re
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, Engine, event, text

from fractal_models.database import DatabaseError, DatabaseState, inspect_database
from fractal_models.database.connection.driver_errors import LOCK_NOT_AVAILABLE
from fractal_models.database.connection.engine import connect
from fractal_models.database.connection.redaction import sqlstate
from fractal_models.database.migration.interruption import ENDS_A_RUN
from fractal_models.database.revisions.history import head
from fractal_models.testing.databases import Databases
from tests.support.commandline import Outcome, run
from tests.support.databases import databases_of, upgrade
from tests.support.dumps import snapshot
from tests.support.pooler import pooler, refusing
from tests.support.server_2_9 import BASELINE
from tests.support.servers import PASSWORD, Guarded, administer
from tests.support.sites import SitesOf

ONE_NAME = "4b8f0d6a91c3"
V1_JOBS = ["applyworkflow", "workflowtask", "workflow", "task"]
V1_TABLES = [*V1_JOBS, "resource", "dataset", "linkuserproject", "project", "state"]
EMPTY, EARLY, HEAD = "empty", "early", "head"
POSTGRESQL, SQLITE = "postgresql", "sqlite"


@dataclass(frozen=True)
class Case:
    """A database, made from another one by statements, and what is said of it."""

    name: str
    state: DatabaseState
    code: int
    message: str
    start: str = HEAD
    """`empty`, `early`, `head`, or a revision."""
    statements: tuple[str, ...] = ()
    engine: str = ""
    """The one engine on which there is such a thing."""
    remedy: str = ""


def stamped(revision: str) -> str:
    return f"UPDATE alembic_version SET version_num = '{revision}'"


UNVERSIONED = "DELETE FROM alembic_version"
NEW_PROJECT = "CREATE TABLE project (id INTEGER NOT NULL CONSTRAINT pk_project PRIMARY KEY, name VARCHAR, {rest})"
REST = "read_only BOOLEAN NOT NULL, timestamp_created DATETIME NOT NULL"

CASES = [
    Case("empty", DatabaseState.EMPTY, 3, "^the database is empty$", EMPTY, remedy="run `fractal-models upgrade head`"),
    Case(
        "beside others",
        DatabaseState.EMPTY,
        3,
        "beside tables of another application",
        EMPTY,
        ("CREATE TABLE lab (id INTEGER)",),
    ),
    Case("at head", DatabaseState.AT_HEAD, 0, f"^the database is at head, {head()}$"),
    Case("behind", DatabaseState.BEHIND, 3, rf"at revision {ONE_NAME}, \d behind {head()}$", ONE_NAME),
    Case("server 2.9", DatabaseState.SERVER_2_9, 3, r"\(fractal-server 2\.9\.0 to 2\.9\.1\), \d behind", BASELINE),
    Case("server 2.9, early names", DatabaseState.SERVER_2_9, 3, r"fractal-server 2\.9", EARLY, engine=POSTGRESQL),
    Case(
        "server 2.3",
        DatabaseState.SERVER_OLDER,
        3,
        r"revision 5bf02391cfef of .* 2\.0\.0 to 2\.3\.11; its columns are those of fractal-server 2\.9\.0 to",
        BASELINE,
        (stamped("5bf02391cfef"),),
        remedy=r"stop its server, back it up, and run `fractal-models upgrade head --convert`",
    ),
    Case(
        "pre-release",
        DatabaseState.SERVER_OLDER,
        3,
        r"unknown revision 3082479ac4ea; its columns are between those of fractal-server 2\.8\.1 and 2\.9\.0",
        BASELINE,
        ("ALTER TABLE taskgroupv2 DROP COLUMN timestamp_last_used", stamped("3082479ac4ea")),
    ),
    Case(
        "server 2.8 with a missing column",
        DatabaseState.DRIFTED,
        6,
        r"19eca0dd47a9 of .*; .* nearest to that of .* 2\.9\.0 to 2\.9\.1, but column project\.name is missing$",
        BASELINE,
        ("ALTER TABLE project DROP COLUMN name", stamped("19eca0dd47a9")),
    ),
    Case(
        "server 2.11",
        DatabaseState.SERVER_NEWER,
        5,
        r"fractal-server 2\.11\.1, newer than 2\.9$",
        BASELINE,
        ("ALTER TABLE datasetv2 DROP COLUMN filters", stamped("af8673379a5c")),
        remedy="^keep using that; `read_session` reads 23 of its tables$",
    ),
    Case(
        "server 2.12",
        DatabaseState.SERVER_NEWER,
        5,
        r"fractal-server 2\.12\.0 to 2\.13\.0, newer than 2\.9$",
        BASELINE,
        (*(f"DROP TABLE {table}" for table in V1_TABLES), stamped("1eac13a26c83")),
    ),
    Case(
        "newer package",
        DatabaseState.UNKNOWN_REVISION,
        5,
        "has 23 tables of Fractal, but its revision 0123456789ab is unknown here$",
        statements=(stamped("0123456789ab"),),
        remedy="pip install --upgrade fractal-models",
    ),
    Case(
        "two revisions",
        DatabaseState.UNKNOWN_REVISION,
        5,
        f"its revision {ONE_NAME}, {BASELINE} is unknown",
        BASELINE,
        (f"INSERT INTO alembic_version VALUES ('{ONE_NAME}')",),
    ),
    Case(
        "another application",
        DatabaseState.FOREIGN,
        5,
        "belongs to another application: it is at revision 1a2b3c4d and has no table of Fractal$",
        EMPTY,
        (
            "CREATE TABLE lab (id INTEGER)",
            "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)",
            "INSERT INTO alembic_version VALUES ('1a2b3c4d')",
        ),
        remedy="give the URL of a database of Fractal, or of an empty one",
    ),
    *(
        Case(
            f"another application with a table of the same name{named}",
            DatabaseState.FOREIGN,
            5,
            message,
            EMPTY,
            ("CREATE TABLE project (id INTEGER PRIMARY KEY, name VARCHAR, owner INTEGER)", *statements),
            remedy="give the URL of a database of Fractal, or of an empty one",
        )
        for named, message, statements in [
            (", no revision", "its table project has other columns than those of Fractal$", ()),
            (
                ", a revision",
                "it is at revision 1a2b3c4d and has no table of Fractal$",
                (
                    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)",
                    "INSERT INTO alembic_version VALUES ('1a2b3c4d')",
                ),
            ),
        ]
    ),
    Case(
        "head without revision",
        DatabaseState.UNVERSIONED,
        5,
        f"has 23 tables of Fractal but no revision in alembic_version; its schema is that of {head()}$",
        statements=(UNVERSIONED,),
        remedy=f"fractal-models stamp {head()}",
    ),
    Case(
        "server 2.9 without alembic_version",
        DatabaseState.UNVERSIONED,
        5,
        f"its schema is that of {BASELINE}$",
        BASELINE,
        ("DROP TABLE alembic_version",),
        remedy=f"fractal-models stamp {BASELINE}",
    ),
    Case(
        "server 2.9, early names, without revision",
        DatabaseState.UNVERSIONED,
        5,
        f"its schema is that of {BASELINE}$",
        EARLY,
        (UNVERSIONED,),
        POSTGRESQL,
    ),
    Case(
        "something else without revision",
        DatabaseState.UNVERSIONED,
        5,
        "its schema is neither that of fractal-server 2.9 nor that of",
        statements=("ALTER TABLE state DROP COLUMN data", UNVERSIONED),
        remedy="restore alembic_version from a backup",
    ),
    Case("without a table", DatabaseState.DRIFTED, 6, "table state is missing$", statements=("DROP TABLE state",)),
    Case(
        "without a column",
        DatabaseState.DRIFTED,
        6,
        f"differs from revision {head()}: column state.data is missing$",
        statements=("ALTER TABLE state DROP COLUMN data",),
        remedy="undo the manual changes",
    ),
    Case(
        "without an index",
        DatabaseState.DRIFTED,
        6,
        "index user_oauth.ix_user_oauth_email is missing$",
        statements=("DROP INDEX ix_user_oauth_email",),
    ),
    Case(
        "with an index that is not unique",
        DatabaseState.DRIFTED,
        6,
        r"ix_user_oauth_email is over \(email\), not unique over \(email\)$",
        statements=("DROP INDEX ix_user_oauth_email", "CREATE INDEX ix_user_oauth_email ON user_oauth (email)"),
    ),
    Case(
        "drifted at 2.9",
        DatabaseState.DRIFTED,
        6,
        f"differs from revision {BASELINE}: column state.timestamp is missing$",
        BASELINE,
        ("ALTER TABLE state DROP COLUMN timestamp",),
    ),
    Case(
        "rebuilt so that NULL is allowed",
        DatabaseState.DRIFTED,
        6,
        "column project.name is varchar, null, not varchar, not null$",
        statements=("DROP TABLE project", NEW_PROJECT.format(rest=REST)),
        engine=SQLITE,
    ),
    Case(
        "rebuilt without a key",
        DatabaseState.DRIFTED,
        6,
        r"foreign key resource\(dataset_id\) is missing; index resource.ix_resource_dataset_id is missing$",
        statements=(
            "DROP TABLE resource",
            "CREATE TABLE resource (id INTEGER NOT NULL CONSTRAINT pk_resource PRIMARY KEY, path VARCHAR NOT NULL, "
            "dataset_id INTEGER NOT NULL)",
        ),
        engine=SQLITE,
    ),
    *(
        Case(name, DatabaseState.DRIFTED, 6, message, statements=(statement,), engine=POSTGRESQL)
        for name, statement, message in [
            (
                "with jsonb",
                "ALTER TABLE state ALTER data TYPE jsonb",
                "column state.data is jsonb, null, not json, null$",
            ),
            ("with a length", "ALTER TABLE project ALTER name TYPE varchar(80)", r"project.name is varchar\(80\), not"),
            (
                "with moments in no time zone",
                "ALTER TABLE state ALTER timestamp TYPE timestamp",
                "is timestamp without time zone, null, not timestamp, null$",
            ),
            (
                "with another text",
                "ALTER TABLE project ALTER name TYPE text",
                "is text, not null, not varchar, not null$",
            ),
            ("with integers that are long", "ALTER TABLE jobv2 ALTER first_task_index TYPE bigint", "is bigint, not"),
            (
                "with NULL allowed",
                "ALTER TABLE project ALTER name DROP NOT NULL",
                "name is varchar, null, not varchar, not",
            ),
            ("with another default", "ALTER TABLE taskv2 ALTER tags SET DEFAULT '{}'", r"default \{\}, not json"),
            ("without a default", "ALTER TABLE taskv2 ALTER tags DROP DEFAULT", "is json, not null, not json"),
            (
                "without a primary key",
                "ALTER TABLE oauthaccount DROP CONSTRAINT pk_oauthaccount",
                r"primary key oauthaccount\(id\) is missing$",
            ),
            (
                "without a foreign key",
                "ALTER TABLE resource DROP CONSTRAINT fk_resource_dataset_id_dataset",
                r"foreign key resource\(dataset_id\) is missing$",
            ),
            (
                "without a unique constraint",
                "ALTER TABLE task DROP CONSTRAINT uq_task_source",
                r"unique constraint task\(source\) is missing$",
            ),
            (
                "with another name",
                "ALTER TABLE task RENAME CONSTRAINT pk_task TO task_pkey",
                r"primary key task\(id\) is there, named task_pkey, not there, named pk_task$",
            ),
            (
                "with an index whose build was cut short",
                "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_user_oauth_email'::regclass",
                "over \\(email\\), but invalid, not unique over",
            ),
        ]
    ),
    Case(
        "with more than we know",
        DatabaseState.AT_HEAD,
        0,
        "at head",
        statements=(
            "CREATE TABLE lab (id INTEGER)",
            "ALTER TABLE project ADD COLUMN colour VARCHAR",
            "CREATE INDEX ours ON project (name)",
        ),
    ),
    Case(
        "with a key that is there twice",
        DatabaseState.AT_HEAD,
        0,
        "at head",
        statements=("ALTER TABLE resource ADD CONSTRAINT again FOREIGN KEY (dataset_id) REFERENCES dataset (id)",),
        engine=POSTGRESQL,
    ),
    Case(
        "half-way to the next revision",
        DatabaseState.BEHIND,
        3,
        "at revision 5e17c02b9d64",
        "5e17c02b9d64",
        (
            "ALTER TABLE resource DROP CONSTRAINT fk_resource_dataset_id_dataset",
            "ALTER TABLE resource ADD CONSTRAINT fk_resource_dataset_id_dataset FOREIGN KEY (dataset_id)"
            " REFERENCES dataset (id) ON DELETE CASCADE",
        ),
        POSTGRESQL,
    ),
]


SHOWN: dict[str, str] = {}
"""JSON of `status` by state, one line each."""


def shown(outcome: Outcome) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(outcome.out)
    SHOWN.setdefault(facts["state"], json.dumps(facts, ensure_ascii=False))
    return facts


def build(databases: Databases, sites_of: SitesOf, case: Case) -> URL:
    if case.start == HEAD:
        url = databases.create_at_head()
    elif case.start == EMPTY:
        url = databases.create()
    elif case.start == EARLY:
        url = databases.create(sites_of("early", rows=False).template(BASELINE))
    else:
        kind = "sqlite" if databases.dialect == SQLITE else "young"
        url = databases.create(sites_of(kind, rows=False).template(case.start))
    with connect(url) as connection:
        for statement in case.statements:
            connection.exec_driver_sql(statement)
        connection.commit()
    return url


BY_ENGINE = [
    pytest.param(case, engine, id=f"{case.name}-{engine}")
    for engine in (SQLITE, POSTGRESQL)
    for case in CASES
    if case.engine in {"", engine}
]


@pytest.mark.parametrize(("case", "engine"), BY_ENGINE)
def test_database_is_told_apart_without_writing(
    case: Case, engine: str, sites_of: SitesOf, request: pytest.FixtureRequest
) -> None:
    databases = databases_of(request, engine)
    url = build(databases, sites_of, case)
    before = snapshot(url)

    status = inspect_database(url)
    printed, as_json, diagnosis = run("status", url=url), run("status", "--json", url=url), run("doctor", url=url)

    assert snapshot(url) == before
    assert status.state is case.state
    assert re.search(case.message, status.message)
    assert re.search(case.remedy, status.remedy)
    assert bool(status.remedy) == (case.code != 0)
    assert (printed.code, as_json.code, printed.err) == (case.code, case.code, "")
    assert printed.out.splitlines()[0] == status.message
    assert shown(as_json)["state"] == case.state.name.lower()
    assert diagnosis.code == (0 if case.state in {DatabaseState.BEHIND, DatabaseState.SERVER_2_9} else case.code)
    databases.drop(url)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


SECRET = "the-wrong-password"


def named(url: URL, role: str, password: str | None = SECRET) -> URL:
    return url.set(username=role, password=password)


def listening(stack: ExitStack) -> int:
    """A port where nobody answers."""
    return int(stack.enter_context(closing(socket.create_server(("127.0.0.1", 0)))).getsockname()[1])


def closed_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return int(listener.getsockname()[1])


def tcp(host: str, port: int) -> URL:
    return URL.create("postgresql", "someone", SECRET, host, port, "fractal", query={"connect_timeout": "2"})


def with_statement(guarded: Guarded, template: str, statement: str, role: str) -> URL:
    url = guarded.create_at_head() if template == HEAD else guarded.create()
    administer(url, statement.format(database=url.database))
    return named(url, role)


RECOVERING, TOO_MANY = "the database system is in recovery mode", "sorry, too many clients already"

Unreachable = tuple[DatabaseState, str, Callable[[Guarded, ExitStack], URL]]

SERVERS: dict[str, Unreachable] = {
    "unknown host": (
        DatabaseState.HOST_NOT_FOUND,
        "check the host name",
        lambda _guarded, _stack: tcp("nowhere.invalid", 5432),
    ),
    "closed port": (
        DatabaseState.REFUSED,
        "start the server",
        lambda _guarded, _stack: tcp("127.0.0.1", closed_port()),
    ),
    "no socket": (
        DatabaseState.REFUSED,
        "folder of its socket",
        lambda guarded, _stack: named(guarded.url.set(query={"host": "/nowhere"}), "postgres"),
    ),
    "server that does not answer": (
        DatabaseState.NOT_RESPONDING,
        "network and firewall",
        lambda _guarded, stack: tcp("127.0.0.1", listening(stack)),
    ),
    "server that starts": (
        DatabaseState.STARTING,
        "fractal-models wait",
        lambda guarded, _stack: named(guarded.closed_standby, "postgres"),
    ),
    "server that recovers from a crash": (
        DatabaseState.STARTING,
        "fractal-models wait",
        lambda guarded, stack: stack.enter_context(refusing(guarded.url, 9, "57P03", RECOVERING)),
    ),
    "server with too many clients": (
        DatabaseState.TOO_MANY_CONNECTIONS,
        "fractal-models wait",
        lambda guarded, stack: stack.enter_context(refusing(guarded.url, 9, "53300", TOO_MANY)),
    ),
    "role with too many connections": (
        DatabaseState.TOO_MANY_CONNECTIONS,
        "raise the limit",
        lambda guarded, _: with_statement(guarded, EMPTY, "ALTER ROLE limited CONNECTION LIMIT 0", "limited"),
    ),
    "database with too many connections": (
        DatabaseState.TOO_MANY_CONNECTIONS,
        "raise the limit",
        lambda guarded, _: with_statement(guarded, EMPTY, "ALTER DATABASE {database} CONNECTION LIMIT 0", "other"),
    ),
    "wrong password": (
        DatabaseState.AUTHENTICATION,
        "check user and password",
        lambda guarded, _: named(guarded.url, "guarded"),
    ),
    "no password": (
        DatabaseState.AUTHENTICATION,
        "check user and",
        lambda guarded, _: named(guarded.url, "guarded", None),
    ),
    "unknown role": (DatabaseState.AUTHENTICATION, "check user and", lambda guarded, _: named(guarded.url, "nobody")),
    "role that is not let in": (
        DatabaseState.AUTHENTICATION,
        "pg_hba",
        lambda guarded, _: named(guarded.url, "banned"),
    ),
    "role that may not connect": (
        DatabaseState.AUTHENTICATION,
        "check user and",
        lambda guarded, _: with_statement(guarded, EMPTY, "REVOKE CONNECT ON DATABASE {database} FROM PUBLIC", "other"),
    ),
    "no such database": (
        DatabaseState.NO_DATABASE,
        "createdb NAME",
        lambda guarded, _: named(guarded.url.set(database="nothing"), "postgres"),
    ),
    "role without rights": (
        DatabaseState.NO_PERMISSION,
        "fractal-models roles",
        lambda guarded, _: with_statement(guarded, HEAD, "SELECT 1", "other"),
    ),
    "role without a schema": (
        DatabaseState.NO_PERMISSION,
        "fractal-models roles",
        lambda guarded, _: with_statement(guarded, HEAD, "REVOKE USAGE ON SCHEMA public FROM PUBLIC", "other"),
    ),
    "role that only reads": (
        DatabaseState.READ_ONLY,
        "whose default_transaction_read_only is off",
        lambda guarded, _: with_statement(
            guarded, EMPTY, "ALTER DATABASE {database} SET default_transaction_read_only = on", "other"
        ),
    ),
    "standby": (
        DatabaseState.STANDBY,
        "URL of the primary",
        lambda guarded, _stack: named(guarded.standby.set(database="postgres"), "postgres"),
    ),
    "pooler": (
        DatabaseState.POOLER,
        "URL of the PostgreSQL server itself",
        lambda guarded, stack: named(stack.enter_context(pooler(guarded.create())), "postgres"),
    ),
    "server that is not PostgreSQL": (
        DatabaseState.UNSUPPORTED,
        "use PostgreSQL or SQLite",
        lambda guarded, _: with_statement(
            guarded,
            EMPTY,
            "CREATE FUNCTION public.version() RETURNS text LANGUAGE sql AS $$ SELECT 'CockroachDB CCL v25.2'::text $$; "
            "ALTER DATABASE {database} SET search_path = public, pg_catalog",
            "other",
        ),
    ),
}


@pytest.mark.parametrize("driver", ["psycopg2", "psycopg"])
@pytest.mark.parametrize(("state", "remedy", "made"), SERVERS.values(), ids=SERVERS.keys())
def test_server_that_does_not_serve_is_told_apart(
    state: DatabaseState,
    remedy: str,
    made: Callable[[Guarded, ExitStack], URL],
    driver: str,
    guarded: Guarded,
    stack: ExitStack,
) -> None:
    url = made(guarded, stack).set(drivername=f"postgresql+{driver}")
    if state is DatabaseState.STANDBY:
        assert run("wait", url=url).code == 0

    status, printed, as_json = inspect_database(url), run("status", url=url), run("status", "--json", url=url)

    assert (status.state, status.exit_code, printed.code) == (state, 7, 7)
    assert shown(as_json)["state"] == state.value
    assert remedy in status.remedy
    assert printed.out.splitlines()[0] == status.message
    assert SECRET not in printed.all
    with pytest.raises(DatabaseError) as raised:
        status.raise_for_state()
    assert raised.value.status is status
    assert "\n" not in str(raised.value)


def test_right_password_lets_in(guarded: Guarded) -> None:
    assert "role guarded may not create" in inspect_database(named(guarded.url, "guarded", PASSWORD)).message


def test_standby_at_head_is_fine_to_read(guarded: Guarded) -> None:
    assert run("wait", url=guarded.standby).code == 0
    assert inspect_database(guarded.standby).state is DatabaseState.AT_HEAD
    assert run("upgrade", "head", url=guarded.standby).code == 0


FILES: dict[str, tuple[DatabaseState, int, str, Callable[[Path], str]]] = {
    "no file": (DatabaseState.FILE_NOT_FOUND, 7, "does not exist$", lambda folder: f"sqlite:///{folder}/new.db"),
    "no folder": (
        DatabaseState.FILE_NOT_FOUND,
        7,
        "the folder .*/nowhere does not exist$",
        lambda folder: f"sqlite:///{folder}/nowhere/new.db",
    ),
    "folder": (DatabaseState.NOT_A_DATABASE, 7, "is a folder$", lambda folder: f"sqlite:///{folder}"),
    "text": (DatabaseState.NOT_A_DATABASE, 7, "file is not a database", lambda folder: f"sqlite:///{folder}/text"),
    "damaged": (DatabaseState.NOT_A_DATABASE, 7, "malformed", lambda folder: f"sqlite:///{folder}/damaged.db"),
    "read-only": (
        DatabaseState.READ_ONLY,
        7,
        "behind.db is read-only$",
        lambda folder: f"sqlite:///file:{folder}/behind.db?mode=ro&uri=true",
    ),
    "locked": (
        DatabaseState.LOCKED,
        8,
        "database is locked",
        lambda folder: f"sqlite:///{folder}/locked.db?timeout=0.1",
    ),
    "no URL": (DatabaseState.UNREACHABLE, 7, "not a database URL", lambda folder: f"{folder}/new.db"),
    "MySQL": (
        DatabaseState.UNREACHABLE,
        7,
        "are not supported",
        lambda _folder: f"mysql://me:{SECRET}@server/name",
    ),
}


@pytest.fixture
def folder(fractal_sqlite_databases: Databases, tmp_path: Path, stack: ExitStack) -> Path:
    """Files that can be no database, or not now."""
    (tmp_path / "text").write_text("This is no database, though it is long enough to be one.\n" * 50)
    upgrade(f"sqlite:///{tmp_path}/behind.db", BASELINE)
    whole = (tmp_path / "behind.db").read_bytes()
    (tmp_path / "damaged.db").write_bytes(whole[:100] + b"\xff" * (len(whole) - 100))
    (tmp_path / "locked.db").write_bytes(whole)
    locking = stack.enter_context(closing(sqlite3.connect(tmp_path / "locked.db", isolation_level=None)))
    locking.execute("BEGIN EXCLUSIVE")
    return tmp_path


@pytest.mark.parametrize(("state", "code", "message", "address"), FILES.values(), ids=FILES.keys())
def test_file_that_does_not_serve_is_told_apart(
    state: DatabaseState, code: int, message: str, address: Callable[[Path], str], folder: Path
) -> None:
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    url = address(folder)

    status, printed, as_json = inspect_database(url), run("status", url=url), run("status", "--json", url=url)

    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    assert (status.state, status.exit_code, printed.code, as_json.code) == (state, code, code, code)
    assert shown(as_json)["state"] == state.value
    assert re.search(message, status.message) or re.search(message, status.message.removesuffix(")"))
    assert SECRET not in printed.all


@pytest.mark.parametrize(("code", "message"), [("57P03", RECOVERING), ("53300", TOO_MANY)])
@pytest.mark.parametrize("driver", ["psycopg2", "psycopg"])
def test_server_that_will_have_room_is_waited_for(code: str, message: str, driver: str, guarded: Guarded) -> None:
    with refusing(guarded.url.set(drivername=f"postgresql+{driver}"), 2, code, message) as url:
        outcome = run("wait", "--timeout", "60", url=url)

    assert (outcome.code, outcome.err) == (0, "")


@pytest.mark.parametrize("locked", ["alembic_version", "jobv2"])
@pytest.mark.parametrize("verb", ["status", "doctor"])
def test_table_that_is_locked_is_a_state_with_its_holder(
    locked: str, verb: str, postgres_url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fractal_models.database.connection.engine.READ_LOCK_TIMEOUT", 0.5)
    waits = 0
    with connect(postgres_url) as connection:
        connection.exec_driver_sql(f"LOCK TABLE {locked} IN ACCESS EXCLUSIVE MODE")
        process = connection.scalar(text("SELECT pg_backend_pid()"))

        def count(context: Any) -> None:
            nonlocal waits
            waits += sqlstate(context.original_exception) == LOCK_NOT_AVAILABLE

        event.listen(Engine, "handle_error", count)
        outcome = run(verb, "--json", url=postgres_url)
        event.remove(Engine, "handle_error", count)

    facts = shown(outcome) if verb == "status" else json.loads(outcome.out)
    assert (outcome.code, facts["state"], waits) == (8, "locked", 1)
    assert f"waiting for process {process} (unnamed, user " in facts["message"]
    assert "idle in transaction since " in facts["message"]
    if verb == "status":
        assert f"SELECT pg_terminate_backend({process});" in facts["remedy"]
        assert facts["rows"] == {}


@pytest.mark.parametrize("url", ["no URL", "mysql://me@server/name", "postgresql://me@server:port/name"])
@pytest.mark.parametrize("verb", ["status", "doctor"])
def test_url_that_is_none_is_told_in_json_too(verb: str, url: str) -> None:
    outcome = run(verb, "--json", url=url)

    assert outcome.code == 7
    assert json.loads(outcome.out)["state"] == "unreachable"
    assert json.loads(outcome.out)["message"] == outcome.err.removeprefix("fractal-models: ").strip()


def test_doctor_reads_on_a_standby_and_by_a_pooler(guarded: Guarded, stack: ExitStack) -> None:
    url = guarded.create()
    upgrade(url, BASELINE)
    standby = guarded.standby.set(database=url.database)
    while inspect_database(standby).revisions != (BASELINE,):
        time.sleep(0.05)

    for read_only, state in ((standby, "standby"), (stack.enter_context(pooler(url)), "pooler")):
        assert shown(run("status", "--json", url=read_only))["state"] == state
        outcome = run("doctor", url=read_only)
        assert (outcome.code, outcome.err) == (0, "")
        assert "keeps from an upgrade: " in outcome.out
        assert json.loads(run("doctor", "--json", url=read_only).out)["obstacles"][0]["state"] == state


@pytest.mark.thorough
def test_every_state_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print("\n" + "\n".join(SHOWN[state] for state in DatabaseState if state in SHOWN))


MET_ELSEWHERE = {DatabaseState.DISK_FULL}
"""Tests of the environment meet these."""


def test_every_state_has_been_met() -> None:
    met = [case.state for case in CASES] + [state for state, *_ in [*SERVERS.values(), *FILES.values()]]

    assert set(met) | MET_ELSEWHERE | ENDS_A_RUN == set(DatabaseState)

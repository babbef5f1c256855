"""The roles that `fractal-models roles` makes may do what their users need, and nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from subprocess import CalledProcessError

import pytest
import sqlalchemy as sa
from sqlalchemy import URL
from sqlalchemy.exc import ProgrammingError

from fractal_models.archive import copy_database, verify_archive
from fractal_models.database import DatabaseState, UnreachableError, inspect_database
from fractal_models.database.connection.engine import connect
from fractal_models.database.inspection.roles import secret_columns
from fractal_models.testing.databases import PostgreSQLDatabases
from tests.support.catalog import catalog, revisions
from tests.support.commandline import run
from tests.support.dumps import dump, psql
from tests.support.rows import SECRETS, rows
from tests.support.server_2_9 import BASELINE
from tests.support.servers import administer
from tests.support.sites import SitesOf

_numbers = count(1)


@dataclass
class Roles:
    """Three roles, and a database that they share."""

    url: URL
    prefix: str

    def make(self) -> None:
        """Run what the command prints, as its help shows."""
        psql(self.url, run("roles", "--prefix", self.prefix).out)

    def login(self, role: str) -> URL:
        return self.url.set(username=f"{self.prefix}_{role}", password="role-password")


def made(databases: PostgreSQLDatabases, url: URL) -> Iterator[Roles]:
    roles = Roles(url, f"{url.database} 'x' {next(_numbers)}")
    roles.make()
    names = [f'"{roles.prefix}_{role}"' for role in ("migrator", "server", "analyst")]
    administer(url, *(f"ALTER ROLE {name} PASSWORD 'role-password'" for name in names))
    yield roles
    administer(url, *(f"DROP OWNED BY {name} CASCADE" for name in names))
    databases.drop(url)
    administer(databases.server_url, *(f"DROP ROLE {name}" for name in names))


@pytest.fixture(scope="module")
def roles(fractal_postgresql_databases: PostgreSQLDatabases, sites_of: SitesOf) -> Iterator[Roles]:
    """Roles for a database with rows, at head."""
    url = fractal_postgresql_databases.create(sites_of("early").template("head"))
    yield from made(fractal_postgresql_databases, url)


@pytest.fixture
def early_roles(fractal_postgresql_databases: PostgreSQLDatabases, sites_of: SitesOf) -> Iterator[Roles]:
    """Roles for a database of fractal-server 2.9, with rows."""
    yield from made(
        fractal_postgresql_databases, fractal_postgresql_databases.create(sites_of("early").template(BASELINE))
    )


@pytest.fixture
def empty_roles(fractal_postgresql_databases: PostgreSQLDatabases) -> Iterator[Roles]:
    yield from made(fractal_postgresql_databases, fractal_postgresql_databases.create())


def denied(url: URL, statement: str) -> None:
    """Fail unless the server forbids a statement."""
    with connect(url) as connection:
        connection.exec_driver_sql("SET default_transaction_read_only = off")
        connection.commit()
        with pytest.raises(ProgrammingError) as raised:
            connection.exec_driver_sql(statement)
    assert getattr(raised.value.orig, "pgcode", None) == "42501"


def test_running_it_again_changes_nothing(roles: Roles) -> None:
    before = dump(roles.url)
    assert roles.prefix in before

    roles.make()

    assert dump(roles.url) == before


# Owner of before


@pytest.fixture
def owned(early_roles: Roles) -> Iterator[URL]:
    """The login of a server that owns the tables, as before roles are made, and the rest of the database."""
    owner = f"owner of {early_roles.url.database}"
    administer(early_roles.url, f"""CREATE ROLE "{owner}" LOGIN PASSWORD 'role-password'""")
    administer(early_roles.url, f'REASSIGN OWNED BY "{early_roles.prefix}_migrator" TO "{owner}"')
    yield early_roles.url.set(username=owner, password="role-password")
    administer(early_roles.url, f'DROP OWNED BY "{owner}" CASCADE', f'DROP ROLE "{owner}"')


ADD_STATE = "INSERT INTO state (data) VALUES ('{}')"


def test_server_that_owns_the_tables_is_not_cut_off(early_roles: Roles, owned: URL) -> None:
    script = run("roles", "--prefix", early_roles.prefix).out
    with connect(owned) as server:
        server.exec_driver_sql(ADD_STATE)
        server.commit()
        psql(early_roles.url, script)
        server.exec_driver_sql(ADD_STATE)
        server.commit()

    assert "-- A role that owns the tables now keeps its rights" in script
    assert run("upgrade", "head", url=owned).code == 0
    early_roles.make()
    with connect(owned) as server:
        server.exec_driver_sql(ADD_STATE)
        server.commit()
    with connect(early_roles.login("migrator")) as migrator:
        assert migrator.scalar(sa.text("SELECT tableowner FROM pg_tables WHERE tablename = 'state'")) == (
            f"{early_roles.prefix}_migrator"
        )


@pytest.mark.parametrize("first", ["kept", "taken at once"])
def test_rights_of_the_owner_end_when_it_is_named(first: str, early_roles: Roles, owned: URL) -> None:
    if first == "kept":
        early_roles.make()

    script = run("roles", "--prefix", early_roles.prefix, "--revoke", str(owned.username)).out
    psql(early_roles.url, script)

    assert f"-- {owned.username} loses the rights" in script
    denied(owned, ADD_STATE)
    denied(owned, "SELECT * FROM state")
    with connect(early_roles.login("server")) as server:
        server.exec_driver_sql(ADD_STATE)


def test_owner_that_would_not_inherit_the_rights_stops_it(early_roles: Roles, owned: URL) -> None:
    administer(early_roles.url, f'ALTER ROLE "{owned.username}" NOINHERIT')
    before = dump(early_roles.url)

    with pytest.raises(CalledProcessError) as failed:
        early_roles.make()

    assert "has NOINHERIT, so it would lose its rights; nothing was changed" in failed.value.stderr
    assert dump(early_roles.url) == before


# Migrator


def test_migrator_upgrades_and_downgrades(early_roles: Roles, postgres_url: URL) -> None:
    before = catalog(early_roles.url)

    assert run("upgrade", "head", url=early_roles.login("migrator")).code == 0
    assert catalog(early_roles.url)["indexes"] == catalog(postgres_url)["indexes"]
    assert inspect_database(early_roles.login("migrator")).state is DatabaseState.AT_HEAD

    assert run("downgrade", BASELINE, "--yes", url=early_roles.login("migrator")).code == 0
    assert catalog(early_roles.url) == before


def test_migrator_builds_an_empty_database_for_the_others(empty_roles: Roles) -> None:
    assert run("upgrade", "head", url=empty_roles.login("migrator")).code == 0
    empty_roles.make()

    with connect(empty_roles.login("server")) as connection:
        connection.execute(sa.text("INSERT INTO state (data) VALUES ('{}')"))
        connection.commit()
    with connect(empty_roles.login("analyst")) as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM state")) == 1


@pytest.mark.parametrize(
    "statement",
    ["CREATE ROLE somebody", "SELECT pg_read_file('postgresql.conf')", "CREATE SCHEMA x"],
)
def test_migrator_may_nothing_beyond_the_schema(roles: Roles, statement: str) -> None:
    denied(roles.login("migrator"), statement)


def test_migrator_who_waits_for_others_tells_what_it_may_see(early_roles: Roles) -> None:
    with connect(early_roles.url) as reader:
        process = reader.scalar(sa.text("SELECT pg_backend_pid()"))
        for table in rows(1):
            reader.execute(sa.text(f"SELECT 1 FROM {table}"))
        outcome = run("upgrade", "head", "--wait", "0.2", url=early_roles.login("migrator"))

    assert outcome.code == 8
    assert f"process {process} (unnamed, user {reader.engine.url.username}, its state is hidden" in outcome.err


# Server


def test_server_writes_and_reads_all_tables(roles: Roles) -> None:
    with connect(roles.login("server")) as connection:
        for table, row in rows(1).items():
            key = next(column for column in row if column == "id" or column.endswith("_id"))
            assert connection.scalar(sa.text(f"SELECT count(*) FROM {table}")) == 3
            connection.execute(sa.text(f"UPDATE {table} SET {key} = {key}"))
        connection.execute(sa.text("INSERT INTO resource (path, dataset_id) VALUES ('/new', 1)"))
        connection.execute(sa.text("DELETE FROM project WHERE id = 0"))
        connection.rollback()


def test_server_may_check_and_examine_the_database(roles: Roles) -> None:
    assert run("status", url=roles.login("server")).code == 0
    assert run("doctor", url=roles.login("server")).code == 0


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE lab (id integer)",
        "ALTER TABLE project ADD COLUMN colour varchar",
        "DROP TABLE state",
        "TRUNCATE state",
        "CREATE INDEX here ON project (name)",
        "COMMENT ON TABLE project IS 'ours'",
        "UPDATE alembic_version SET version_num = 'x'",
        "DELETE FROM alembic_version",
        "GRANT SELECT ON user_oauth TO PUBLIC",
    ],
)
def test_server_may_not_change_the_schema(roles: Roles, statement: str) -> None:
    if statement.startswith("GRANT"):
        # PostgreSQL grants what one may grant, which is nothing, and warns.
        with connect(roles.login("server")) as connection:
            connection.exec_driver_sql(statement)
            connection.commit()
            granted = "SELECT count(*) FROM information_schema.table_privileges WHERE grantee = 'PUBLIC'"
            assert connection.scalar(sa.text(f"{granted} AND table_name = 'user_oauth'")) == 0
    else:
        denied(roles.login("server"), statement)


def test_server_cannot_upgrade_and_is_told_so(early_roles: Roles) -> None:
    outcome = run("upgrade", "head", url=early_roles.login("server"))

    assert outcome.code == 7
    assert "does not own applyworkflow, dataset, " in outcome.err
    assert outcome.err.count("\n") == 1
    assert revisions(early_roles.url) == [BASELINE]


# Analyst


def test_analyst_reads_everything_but_secrets(roles: Roles) -> None:
    seen = ""
    with connect(roles.login("analyst")) as connection:
        for table, row in rows(1).items():
            columns = [column for column in row if column not in secret_columns().get(table, set())]
            names = ", ".join(f'"{column}"' for column in columns)
            found = connection.execute(sa.text(f"SELECT {names} FROM {table}")).all()
            assert len(found) == 3
            seen += repr(found)

    assert "user1@example.org" in seen
    assert not [secret for secret in SECRETS if secret in seen]


@pytest.mark.parametrize(
    ("table", "column"), sorted((table, column) for table, columns in secret_columns().items() for column in columns)
)
def test_analyst_may_not_read_a_secret(roles: Roles, table: str, column: str) -> None:
    denied(roles.login("analyst"), f"SELECT {column} FROM {table}")
    denied(roles.login("analyst"), f"SELECT * FROM {table}")
    denied(roles.login("analyst"), f"SELECT count(*) FROM {table} WHERE {column} LIKE 'a%%'")
    denied(roles.login("analyst"), f"COPY {table} TO STDOUT")


def test_secrets_are_password_hashes_tokens_and_paths_of_keys() -> None:
    assert secret_columns() == {
        "user_oauth": {"hashed_password"},
        "oauthaccount": {"access_token", "refresh_token"},
        "user_settings": {"ssh_private_key_path"},
    }


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO state (data) VALUES ('{}')",
        "UPDATE project SET name = 'x'",
        "DELETE FROM resource",
        "TRUNCATE state",
        "CREATE TABLE lab (id integer)",
        "DROP TABLE state",
        "SELECT nextval('state_id_seq')",
        "UPDATE alembic_version SET version_num = 'x'",
    ],
)
def test_analyst_may_not_write(roles: Roles, statement: str) -> None:
    denied(roles.login("analyst"), statement)


def test_analyst_may_examine_the_database(roles: Roles) -> None:
    status = run("status", url=roles.login("analyst"))

    assert (status.code, status.err) == (0, "")
    assert "user_oauth" in status.out
    assert run("doctor", url=roles.login("analyst")).code == 0


def test_analyst_of_a_database_that_is_behind_is_not_told_to_upgrade_it(early_roles: Roles) -> None:
    assert inspect_database(early_roles.login("analyst")).state is DatabaseState.READ_ONLY


def test_rights_that_somebody_has_given_too_many_are_taken_back(early_roles: Roles) -> None:
    analyst = f'"{early_roles.prefix}_analyst"'
    administer(early_roles.url, f"GRANT ALL ON user_oauth TO {analyst}")

    early_roles.make()

    denied(early_roles.login("analyst"), "SELECT hashed_password FROM user_oauth")


def test_analyst_can_copy_everything_but_the_secrets(roles: Roles, tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match="permission denied"):
        copy_database(roles.login("analyst"), tmp_path / "archive.db")

    manifest = copy_database(roles.login("analyst"), tmp_path / "archive.db", without_secrets=True)

    assert verify_archive(tmp_path / "archive.db", roles.url).manifest.sha256 == manifest.sha256
    assert manifest.rows == 3 * len(manifest.tables)

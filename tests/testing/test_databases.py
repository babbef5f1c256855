"""Databases for tests: copied from a template of the current migrations, dropped when unused."""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import URL

from fractal_models.database import DatabaseState, create_engine, inspect_database
from fractal_models.database.revisions.history import migrations_folder
from fractal_models.testing import databases as module
from fractal_models.testing.databases import Databases, PostgreSQLDatabases, SQLiteDatabases, digest

Make = Callable[[], PostgreSQLDatabases]


@pytest.fixture
def make(fractal_postgresql_databases: PostgreSQLDatabases) -> Iterator[Make]:
    """Databases on the server of these tests, used like a shared server."""
    made = []

    def make_databases() -> PostgreSQLDatabases:
        databases = PostgreSQLDatabases(fractal_postgresql_databases.server_url)
        made.append(databases)
        return databases

    yield make_databases
    for databases in made:
        databases.close()


@pytest.fixture
def other_migrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A changed copy of the migrations in place of the real ones."""
    folder = shutil.copytree(migrations_folder(), tmp_path / "migrations")
    (folder / "env.py").write_text((folder / "env.py").read_text() + "# changed\n")
    monkeypatch.setattr(module, "migrations_folder", lambda: folder)
    return folder


def names(databases: PostgreSQLDatabases) -> set[str]:
    with create_engine(databases.server_url, poolclass=sa.NullPool).connect() as connection:
        return set(connection.execute(sa.text("SELECT datname FROM pg_database")).scalars())


def name(url: URL) -> str:
    assert url.database is not None
    return url.database


def crash(databases: PostgreSQLDatabases) -> None:
    """Leave all databases behind, like a killed process."""
    databases._worker.shutdown()
    databases._engine.dispose()


def template(databases: PostgreSQLDatabases) -> str:
    return f"fractal_test_template_{databases.digest}"


def test_database_is_at_head(fractal_databases: Databases) -> None:
    url = fractal_databases.create_at_head()

    assert inspect_database(url).exit_code == 0
    fractal_databases.drop(url)


def test_database_may_be_empty_or_a_copy_of_another_one(fractal_databases: Databases) -> None:
    original = fractal_databases.create()
    with create_engine(original, poolclass=sa.NullPool).begin() as connection:
        connection.execute(sa.text("CREATE TABLE marker (id integer)"))

    copy = fractal_databases.create(original)

    with create_engine(copy, poolclass=sa.NullPool).connect() as connection:
        assert sa.inspect(connection).get_table_names() == ["marker"]
    fractal_databases.drop(original)
    fractal_databases.drop(copy)


def test_files_of_sqlite_are_removed_with_what_is_beside_them(tmp_path: Path) -> None:
    databases = SQLiteDatabases(tmp_path)
    url = databases.create_at_head()
    with create_engine(url, poolclass=sa.NullPool).begin() as connection:
        connection.execute(sa.text("DELETE FROM project"))
        assert len(list(tmp_path.iterdir())) == 4  # the template, the database, its log and the index of that

        databases.drop(url)
    databases.close()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("version", [(18, 0), (12, 0)], ids=["18", "12"])
def test_databases_are_dropped_at_the_end_whoever_is_connected(make: Make, version: tuple[int, ...]) -> None:
    databases = make()
    databases._version = version  # the way that servers before 13 know works on later ones as well
    connections = []
    for _ in range(12):
        url = databases.create_at_head()
        connections.append(create_engine(url, poolclass=sa.NullPool).connect())
        databases.drop(url)
    while_working = {made for made in names(databases) if databases.run_id in made}
    databases.close()

    assert 0 < len(while_working) < 12
    assert [made for made in names(databases) if databases.run_id in made] == []
    for connection in connections:
        connection.invalidate()
        connection.close()


def test_database_is_dropped_at_once_if_it_must_be(fractal_databases: Databases) -> None:
    url = fractal_databases.create_at_head()
    fractal_databases.drop(url, at_once=True)

    assert inspect_database(url).state in {DatabaseState.NO_DATABASE, DatabaseState.FILE_NOT_FOUND}


def test_what_a_killed_run_has_left_is_dropped_by_the_next_one(make: Make) -> None:
    killed, living = make(), make()
    left, used = name(killed.create()), name(living.create())
    crash(killed)

    databases = make()

    assert left not in names(databases)
    assert used in names(databases)


def test_databases_of_others_are_left_alone(make: Make) -> None:
    databases = make()
    engine = create_engine(databases.server_url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        for other in ("fractal_test", "fractal_test_site", "fractal_test_0123456", "my_fractal_test_01234567_1"):
            connection.execute(sa.text(f"CREATE DATABASE {other}"))
        make()
        for other in ("fractal_test", "fractal_test_site", "fractal_test_0123456", "my_fractal_test_01234567_1"):
            connection.execute(sa.text(f"DROP DATABASE {other}"))


def test_template_is_made_once(make: Make) -> None:
    one, other = make(), make()
    one.create_at_head()
    key = sa.text("SELECT oid FROM pg_database WHERE datname = :name").bindparams(name=template(one))
    with create_engine(one.server_url, poolclass=sa.NullPool).connect() as connection:
        before = connection.scalar(key)
        other.create_at_head()
        assert connection.scalar(key) == before is not None


@pytest.mark.usefixtures("other_migrations")
def test_template_is_made_once_by_several_at_the_same_time(make: Make) -> None:
    several = [make() for _ in range(3)]

    with ThreadPoolExecutor() as threads:
        urls = list(threads.map(PostgreSQLDatabases.create_at_head, several))

    assert all(inspect_database(url).exit_code == 0 for url in urls)


def test_template_is_made_anew_when_a_migration_changes(make: Make, other_migrations: Path) -> None:
    before = make()
    before.create_at_head()
    env = other_migrations / "env.py"
    env.write_text(env.read_text() + "# changed again\n")

    while_the_old_one_is_used = make()
    while_the_old_one_is_used.create_at_head()
    assert {template(before), template(while_the_old_one_is_used)} <= names(before)

    before.close()
    assert template(before) not in names(make())


def test_digest_is_another_one_with_another_name_or_role(other_migrations: Path) -> None:
    seen = {digest(), digest("role")}
    (other_migrations / "versions" / "later.py").write_text("")
    seen.add(digest())
    (other_migrations / "versions" / "later.py").rename(other_migrations / "versions" / "latest.py")
    seen.add(digest())

    assert len(seen) == 4
    assert digest() == digest()

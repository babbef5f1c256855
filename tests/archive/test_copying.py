"""Copies are equal to their source, whatever it holds, or there is none."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from sqlalchemy import URL

from fractal_models.archive import Progress, copy_database, verify_archive
from fractal_models.database import (
    BlockedByDataError,
    BusyError,
    DatabaseError,
    DatabaseState,
    DriftError,
    UnreachableError,
    WrongDatabaseError,
    inspect_database,
)
from fractal_models.database.connection.engine import connect
from fractal_models.testing.databases import Databases, PostgreSQLDatabases
from tests.support.any_rows import cells, every_row, sites, values, write
from tests.support.dumps import snapshot
from tests.support.server_2_9 import BASELINE
from tests.support.sites import SitesOf

ROUNDS = 1000
"""Databases of the thorough run."""


@pytest.fixture
def target(databases: Databases) -> Iterator[URL]:
    """An empty database of the engine of the test."""
    url = databases.create()
    yield url
    databases.drop(url)


@pytest.fixture(scope="module")
def site(sites_of: SitesOf) -> URL:
    """A database at head, with rows, on PostgreSQL; only read."""
    return sites_of("young").template("head")


def execute(url: URL, *statements: str) -> None:
    with connect(url) as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
        connection.commit()


def files(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_any_rows_are_equal_in_sqlite_and_back(
    fractal_postgresql_databases: PostgreSQLDatabases, tmp_path: Path, thorough: bool
) -> None:
    source = fractal_postgresql_databases.create_at_head()

    @settings(max_examples=ROUNDS if thorough else 10)
    @given(site=sites())
    def check(site: dict[str, list[dict[str, Any]]]) -> None:
        write(source, site, 100)
        archive, back = tmp_path / "archive.db", fractal_postgresql_databases.create()

        copy_database(source, archive)
        copy_database(archive, back)

        assert every_row(back) == every_row(source)
        with closing(sqlite3.connect(archive)) as connection:
            for table, row, column, value in cells(site):
                found = connection.execute(f'SELECT "{column}" FROM {table} WHERE id = ?', (row,)).fetchone()
                assert found == (value,) or str(found[0]) == value, (table, column)
        archive.unlink()
        fractal_postgresql_databases.drop(back)

    check()
    fractal_postgresql_databases.drop(source)


def test_copy_is_a_database_at_head_with_the_rows_of_its_source(
    site: URL, target: URL, fractal_postgresql_databases: Databases
) -> None:
    manifest = copy_database(site, target)

    assert inspect_database(target).state is DatabaseState.AT_HEAD
    assert values(target) == values(site)
    assert manifest.rows == 3 * len(manifest.tables)
    assert verify_archive(target, site).differences == ()


@pytest.mark.parametrize("kind", ["early", "sqlite"])
def test_source_at_2_9_is_upgraded_in_the_copy_and_stays_as_it_was(
    kind: str, sites_of: SitesOf, tmp_path: Path
) -> None:
    source = sites_of(kind).at(BASELINE)
    before = snapshot(source)

    manifest = copy_database(source, tmp_path / "archive.db")

    url = URL.create("sqlite", database=str(tmp_path / "archive.db"))
    assert snapshot(source) == before
    assert inspect_database(url).state is DatabaseState.AT_HEAD
    assert values(url) == values(source)
    assert manifest.source["revision"] == BASELINE
    assert manifest.source["release"] == "fractal-server 2.9.0 to 2.9.1"
    assert files(tmp_path) == ["archive.db"]
    sites_of(kind).drop_copies()


def test_rows_that_block_an_upgrade_block_the_copy(sites_of: SitesOf, empty_url: URL, databases: Databases) -> None:
    source = sites_of("sqlite").at(BASELINE)
    execute(source, "UPDATE user_oauth SET email = 'USER1@example.org' WHERE id = 2")

    with pytest.raises(BlockedByDataError, match="user_oauth 1, 2: has the e-mail address of another user"):
        copy_database(source, empty_url)

    assert inspect_database(empty_url).state in {DatabaseState.EMPTY, DatabaseState.FILE_NOT_FOUND}
    sites_of("sqlite").drop_copies()


def test_next_ids_survive_a_copy_in_between(fractal_postgresql_databases: PostgreSQLDatabases, tmp_path: Path) -> None:
    source, back = (fractal_postgresql_databases.create_at_head(), fractal_postgresql_databases.create())
    execute(source, "SELECT setval('project_id_seq', 41)", "SELECT setval('task_id_seq', 2147483647)")

    copy_database(source, tmp_path / "archive.db")
    manifest = copy_database(tmp_path / "archive.db", back)

    assert manifest.tables["project"].next_id == 42
    assert every_row(back)["sequences"] == every_row(source)["sequences"]
    with connect(back) as connection:
        insert = "INSERT INTO project (name, read_only, timestamp_created) VALUES ('p', false, now()) RETURNING id"
        assert connection.scalar(sa.text(insert)) == 42
    for url in (source, back):
        fractal_postgresql_databases.drop(url)


def test_rows_that_are_written_meanwhile_are_of_another_moment(databases: Databases, tmp_path: Path) -> None:
    source = databases.create_at_head()
    # With a write-ahead log.
    with sa.create_engine(source, poolclass=sa.NullPool).connect() as connection:
        if databases.dialect == "sqlite":
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
    steps: list[Progress] = []

    def insert(progress: Progress) -> None:
        execute(
            source,
            "INSERT INTO task (source, name, command, input_type, output_type, meta)"
            f" VALUES ('s{len(steps)}', 'n', 'c', 'i', 'o', '{{}}')",
        )
        steps.append(progress)

    manifest = copy_database(source, tmp_path / "archive.db", progress=insert)

    assert len(steps) > 40
    assert manifest.tables["task"].rows == 0
    databases.drop(source)


def test_times_of_sqlite_in_other_forms_are_the_same_moments(
    sqlite_url: URL, fractal_postgresql_databases: Databases
) -> None:
    forms = ["2000-01-01 00:00:00+00", "2024-03-05T16:21:07.5+02:00", "2024-03-05 14:21:07", "2024-03-05"]
    execute(
        sqlite_url,
        *(f"INSERT INTO projectv2 (name, timestamp_created) VALUES ('p', '{form}')" for form in forms),
    )
    back = fractal_postgresql_databases.create()

    copy_database(sqlite_url, back)

    with connect(back) as connection:
        connection.exec_driver_sql("SET TIME ZONE 'UTC'")
        found = connection.scalars(sa.text("SELECT CAST(timestamp_created AS text) FROM projectv2 ORDER BY id")).all()
    assert found == [
        "2000-01-01 00:00:00+00",
        "2024-03-05 14:21:07.5+00",
        "2024-03-05 14:21:07+00",
        "2024-03-05 00:00:00+00",
    ]
    fractal_postgresql_databases.drop(back)


TASK = (
    "INSERT INTO task (id, source, name, command, input_type, output_type, meta) VALUES (7, 's', {}, 'c', 'i', 'o', {})"
)
PROJECT = "INSERT INTO project (id, name, read_only, timestamp_created) VALUES (7, 'p', {}, {})"
NOW = "'2024-03-05 00:00:00'"


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (TASK.format("'a' || char(0) || 'b'", "'{}'"), "table task, id 7, column name: contains a NUL character"),
        (TASK.format("CAST(x'ff' AS TEXT)", "'{}'"), "table task: text is not valid UTF-8"),
        (TASK.format("CAST(x'c3' AS TEXT)", "'{}'"), "table task, id 7, column name: .* not valid UTF-8"),
        (TASK.format("'n'", "'{\"a\": NaN}'"), "table task, id 7, column meta: is not a valid JSON in PostgreSQL"),
        (PROJECT.format("2", NOW), "table project, id 7, column read_only: is not a valid boolean"),
        (PROJECT.format("0", "'soon'"), "table project, id 7, column timestamp_created: is not a valid timestamp"),
        (
            f"INSERT INTO dataset (id, project_id, name, read_only, timestamp_created) VALUES (7, 99, 'd', 0, {NOW})",
            r"table dataset: Key \(project_id\)=\(99\) is not present in table \"project\"",
        ),
        (
            "INSERT INTO oauthaccount (user_id, oauth_name, access_token, account_id, account_email, expires_at)"
            " VALUES (1, 'n', 'very-secret', 'i', 'e', 3000000000)",
            "table oauthaccount, id 1, column expires_at: is not a valid integer",
        ),
    ],
)
def test_what_postgresql_cannot_store_is_named(
    statement: str, message: str, sqlite_url: URL, fractal_postgresql_databases: Databases
) -> None:
    with closing(sqlite3.connect(str(sqlite_url.database))) as connection:
        connection.execute(statement)
        connection.commit()
    target = fractal_postgresql_databases.create()

    with pytest.raises(BlockedByDataError, match=message) as caught:
        copy_database(sqlite_url, target)

    assert "correct it in" in str(caught.value)
    assert "very-secret" not in str(caught.value)
    assert inspect_database(target).state is DatabaseState.EMPTY
    fractal_postgresql_databases.drop(target)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (TASK.format("'n'", "'1.0'"), "table task, id 7, column meta: is a JSON number, which SQLite would write"),
        (TASK.format("'n'", "' 12 '"), "table task, id 7, column meta: is a JSON number, which SQLite would write"),
        (
            PROJECT.format("false", "'infinity'"),
            "project, id 7, column timestamp_created: is not within the years",
        ),
        (PROJECT.format("false", "'0044-03-15 BC'"), "column timestamp_created: is not within the years 1 to 9999"),
        (
            "INSERT INTO usergroup (id, name, timestamp_created) VALUES (7, 'g', now());"
            "INSERT INTO user_oauth (id, email, hashed_password, is_active, is_superuser, is_verified)"
            " VALUES (8, 'e', 'h', true, true, true);"
            "INSERT INTO linkusergroup VALUES (7, 8, '-infinity')",
            "table linkusergroup, group_id 7, user_id 8, column timestamp_created",
        ),
    ],
)
def test_what_sqlite_cannot_store_is_named(statement: str, message: str, postgres_url: URL, tmp_path: Path) -> None:
    execute(postgres_url, statement)

    with pytest.raises(BlockedByDataError, match=message):
        copy_database(postgres_url, tmp_path / "archive.db")

    assert files(tmp_path) == []


def test_values_that_only_postgresql_stores_go_to_postgresql(
    postgres_url: URL, fractal_postgresql_databases: Databases
) -> None:
    execute(postgres_url, PROJECT.format("false", "'infinity'"), TASK.format("'n'", "'1.0'"))
    target = fractal_postgresql_databases.create()

    copy_database(postgres_url, target)

    assert every_row(target) | {"sequences": []} == every_row(postgres_url) | {"sequences": []}
    fractal_postgresql_databases.drop(target)


# Targets and sources that are refused


def test_target_that_is_not_empty_stays_as_it_was(site: URL, url: URL) -> None:
    before = snapshot(url)

    with pytest.raises(BlockedByDataError, match="is not empty, it has alembic_version, applyworkflow, dataset"):
        copy_database(site, url)

    assert snapshot(url) == before


def test_target_with_tables_of_another_application_is_refused(site: URL, target: URL) -> None:
    execute(target, "CREATE TABLE notes (id integer)")

    with pytest.raises(BlockedByDataError, match="is not empty, it has notes"):
        copy_database(site, target)


def test_file_without_tables_is_taken(site: URL, tmp_path: Path) -> None:
    (tmp_path / "archive.db").touch()

    copy_database(site, str(tmp_path / "archive.db"))

    assert verify_archive(tmp_path / "archive.db").differences == ()


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("sqlite://", "should be the path of a file"),
        ("sqlite:///file:archive.db?uri=true", "should be the path of a file"),
        ("{}/missing/archive.db", "the folder .*missing does not exist"),
        ("{}", "is a folder"),
        ("mysql://host/name", "not supported"),
    ],
)
def test_target_that_is_no_path_is_refused(target: str, message: str, site: URL, tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match=message):
        copy_database(site, target.format(tmp_path))

    assert files(tmp_path) == []


def test_target_of_another_copy_is_left_to_it(site: URL, tmp_path: Path) -> None:
    refused: list[BusyError] = []

    def copy_too(progress: Progress) -> None:
        if progress.step == "copy" and not refused:
            with pytest.raises(BusyError, match="another copy writes to") as caught:
                copy_database(site, tmp_path / "archive.db")
            refused.append(caught.value)

    copy_database(site, tmp_path / "archive.db", progress=copy_too)

    assert refused
    assert verify_archive(tmp_path / "archive.db").differences == ()


def test_database_of_another_copy_is_left_to_it(site: URL, fractal_postgresql_databases: PostgreSQLDatabases) -> None:
    target = fractal_postgresql_databases.create()
    refused: list[BusyError] = []

    def copy_too(progress: Progress) -> None:
        if progress.step == "copy" and not refused:
            with pytest.raises(BusyError, match="another copy or upgrade is at work") as caught:
                copy_database(site, target)
            refused.append(caught.value)

    copy_database(site, target, progress=copy_too)

    assert refused
    fractal_postgresql_databases.drop(target)


def test_source_that_is_no_database_of_fractal_is_refused(empty_url: URL, tmp_path: Path) -> None:
    execute(empty_url, "CREATE TABLE notes (id integer)")

    with pytest.raises(DatabaseError, match="has no tables of Fractal") as caught:
        copy_database(empty_url, tmp_path / "archive.db")

    assert caught.value.exit_code == 5
    assert files(tmp_path) == []


def test_source_that_lacks_a_column_is_refused(url: URL, tmp_path: Path) -> None:
    execute(url, "DROP INDEX ix_oauthaccount_oauth_name", "ALTER TABLE jobv2 DROP COLUMN log")

    with pytest.raises(DriftError, match=r"the source lacks jobv2\.log"):
        copy_database(url, tmp_path / "archive.db")


def test_objects_of_others_are_left_out_and_listed(url: URL, databases: Databases, target: URL) -> None:
    execute(url, "CREATE TABLE notes (id integer)", "ALTER TABLE project ADD COLUMN color text")

    manifest = copy_database(url, target)

    assert manifest.left_out == ("notes", "project.color")


def later_server(url: URL) -> None:
    """Change a database as fractal-server 2.11.0 does."""
    execute(
        url,
        "ALTER TABLE user_settings DROP COLUMN cache_dir",
        "ALTER TABLE jobv2 ADD COLUMN type_filters json",
        "ALTER TABLE workflowtaskv2 DROP COLUMN input_filters",
        "UPDATE alembic_version SET version_num = 'db09233ad13a'",
    )


def test_version_1_of_a_newer_server_can_be_copied(sites_of: SitesOf, tmp_path: Path) -> None:
    source = sites_of("young").at(BASELINE)
    later_server(source)

    with pytest.raises(WrongDatabaseError, match=r"newer than 2\.9"):
        copy_database(source, tmp_path / "archive.db")
    manifest = copy_database(source, tmp_path / "archive.db", only="v1")

    assert manifest.source["release"] == "fractal-server 2.11.0"
    assert {manifest.tables[name].rows for name in ("applyworkflow", "resource", "user_settings")} == {3}
    assert "cache_dir" not in manifest.tables["user_settings"].columns
    assert manifest.tables["jobv2"].rows == 0
    assert verify_archive(tmp_path / "archive.db", source).differences == ()
    sites_of("young").drop_copies()


def test_version_1_that_a_newer_server_has_dropped_is_missed(sites_of: SitesOf, tmp_path: Path) -> None:
    source = sites_of("young").at(BASELINE)
    later_server(source)
    execute(source, "DROP TABLE applyworkflow")

    with pytest.raises(DriftError, match=r"the source lacks applyworkflow\.id"):
        copy_database(source, tmp_path / "archive.db", only="v1")
    sites_of("young").drop_copies()


def test_copy_of_a_copy_keeps_its_manifest(site: URL, tmp_path: Path) -> None:
    first = copy_database(site, tmp_path / "first.db", without_secrets=True)

    second = copy_database(tmp_path / "first.db", tmp_path / "second.db")

    assert second.sha256 == first.sha256
    assert second.left_out == ()
    assert second.copied_from is not None
    assert second.copied_from["options"]["without_secrets"]


def test_large_rows_come_in_blocks(sqlite_url: URL, tmp_path: Path) -> None:
    with closing(sqlite3.connect(str(sqlite_url.database))) as connection:
        rows = [(number, f"p{number}" + "x" * 1000, 0, "2024-03-05") for number in range(1, 2001)]
        connection.executemany("INSERT INTO project (id, name, read_only, timestamp_created) VALUES (?, ?, ?, ?)", rows)
        connection.commit()
    steps: list[Progress] = []

    copy_database(sqlite_url, tmp_path / "archive.db", progress=steps.append)

    copied = [step.rows for step in steps if (step.step, step.table) == ("copy", "project")]
    assert copied[0] == 0
    assert copied[-1] == 2000
    assert len(copied) > 5
    assert {step.total for step in steps if step.table == "project"} == {2000}


def test_content_of_a_site_goes_from_file_to_file(sites_of: SitesOf, tmp_path: Path) -> None:
    source = sites_of("sqlite").template("head")

    copy_database(str(source.database), tmp_path / "größe 100%?.db")

    assert values(URL.create("sqlite", database=str(tmp_path / "größe 100%?.db"))) == values(source)
    assert verify_archive(tmp_path / "größe 100%?.db", source).differences == ()

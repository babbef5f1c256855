"""Parts of a database: versions and projects with all that they need, and copies without secrets."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import URL
from sqlmodel import Session

from fractal_models.archive import Manifest, copy_database, verify_archive
from fractal_models.archive.selection import PARTS, TABLES, Selection
from fractal_models.database import BlockedByDataError, create_engine
from fractal_models.database.inspection.roles import secret_columns
from fractal_models.tables import METADATA
from fractal_models.testing.databases import Databases
from fractal_models.testing.demo_site import seed
from fractal_models.testing.factories import (
    ApplyWorkflowFactory,
    DatasetFactory,
    JobV2Factory,
    LinkUserGroupFactory,
    LinkUserProjectFactory,
    LinkUserProjectV2Factory,
    ResourceFactory,
    TaskGroupV2Factory,
    TaskV2Factory,
    UserGroupFactory,
    UserOAuthFactory,
    UserSettingsFactory,
    WorkflowTaskFactory,
    WorkflowTaskV2Factory,
)
from tests.support.databases import mainly_on
from tests.support.rows import SECRETS
from tests.support.sites import SitesOf


def counts(manifest: Manifest) -> dict[str, int]:
    return {name: contents.rows for name, contents in manifest.tables.items() if contents.rows}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "archive.db"


@pytest.fixture
def two_projects(databases: Databases) -> Iterator[URL]:
    """A project of each version, with parts, and others with parts of their own."""
    url = databases.create_at_head()
    engine = create_engine(url)
    with Session(engine) as session:
        for _ in range(2):
            settings = UserSettingsFactory.create(session, ssh_host="secret-host", ssh_username="secret-user")
            user = UserOAuthFactory.create(session, user_settings_id=settings.id, hashed_password="secret-hash")
            other = UserOAuthFactory.create(session)
            group = UserGroupFactory.create(session)
            for member in (user, other):
                LinkUserGroupFactory.create(session, user_id=member.id, group_id=group.id)
            job = ApplyWorkflowFactory.create(session)
            LinkUserProjectFactory.create(session, project_id=job.project_id, user_id=user.id)
            ResourceFactory.create(session, dataset_id=job.input_dataset_id)
            WorkflowTaskFactory.create(session, workflow_id=job.workflow_id)
            job_v2 = JobV2Factory.create(session)
            LinkUserProjectV2Factory.create(session, project_id=job_v2.project_id, user_id=user.id)
            task_group = TaskGroupV2Factory.create(session, user_id=other.id, user_group_id=group.id)
            task = TaskV2Factory.create(session, taskgroupv2_id=task_group.id)
            TaskV2Factory.create(session, taskgroupv2_id=task_group.id)  # not used
            WorkflowTaskV2Factory.create(session, workflow_id=job_v2.workflow_id, task=task)
        session.commit()
    engine.dispose()
    yield url
    databases.drop(url)


PARENTS = ["project_id", "workflow_id", "input_dataset_id", "output_dataset_id"]

V1 = {
    "project": 1,
    "linkuserproject": 1,
    "user_oauth": 1,
    "user_settings": 1,
    "dataset": 2,
    "resource": 1,
    "workflow": 1,
    "workflowtask": 1,
    "task": 1,
    "applyworkflow": 1,
}
V2 = {
    "projectv2": 1,
    "linkuserprojectv2": 1,
    "user_oauth": 2,
    "user_settings": 1,
    "usergroup": 1,
    "linkusergroup": 2,
    "datasetv2": 1,
    "workflowv2": 1,
    "workflowtaskv2": 1,
    "taskv2": 1,
    "taskgroupv2": 1,
    "jobv2": 1,
}


@mainly_on("postgresql")
def test_project_comes_with_what_belongs_to_it_and_what_that_needs(two_projects: URL, archive: Path) -> None:
    assert counts(copy_database(two_projects, archive, projects=["v1:2"])) == V1
    assert verify_archive(archive, two_projects).differences == ()
    archive.unlink()
    assert counts(copy_database(two_projects, archive, only="v2", projects=[1])) == V2
    archive.unlink()
    both = counts(copy_database(two_projects, archive, projects=["v1:1", "v2:2", "v2:1"]))
    assert both["projectv2"] == 2 * both["project"] == 2
    assert verify_archive(archive, two_projects).differences == ()


@mainly_on("sqlite")
def test_version_comes_with_the_users_that_it_refers_to(two_projects: URL, archive: Path) -> None:
    assert counts(copy_database(two_projects, archive, only="v1")) == {name: 2 * number for name, number in V1.items()}
    archive.unlink()
    everything = {name: 2 * number for name, number in V2.items()} | {"taskv2": 4}
    assert counts(copy_database(two_projects, archive, only="v2")) == everything


def test_row_of_another_project_that_is_referred_to_comes_along(sqlite_url: URL, archive: Path) -> None:
    with Session(create_engine(sqlite_url)) as session:
        mine, elsewhere = DatasetFactory.create(session), DatasetFactory.create(session)
        ResourceFactory.create(session, dataset_id=elsewhere.id)
        keys = {"workflow_id": None, "input_dataset_id": mine.id, "output_dataset_id": elsewhere.id}
        ApplyWorkflowFactory.create(session, project_id=mine.project_id, **keys)
        project = mine.project_id

    found = counts(copy_database(sqlite_url, archive, only="v1", projects=[project]))

    assert found == {"project": 2, "dataset": 2, "applyworkflow": 1}


def test_job_of_a_deleted_project_belongs_to_none(sqlite_url: URL, archive: Path) -> None:
    with Session(create_engine(sqlite_url)) as session:
        ApplyWorkflowFactory.create(session, **dict.fromkeys(PARENTS))
        DatasetFactory.create(session)

    assert "applyworkflow" not in counts(copy_database(sqlite_url, archive, projects=["v1:1"]))


def test_project_that_is_not_there_is_refused(sqlite_url: URL, archive: Path) -> None:
    with pytest.raises(BlockedByDataError, match="the source has no project v1:3, v1:5"):
        copy_database(sqlite_url, archive, projects=["v1:5", "v1:3"])


@pytest.mark.parametrize(
    ("only", "projects", "message"),
    [
        (None, ["3"], "project 3 should be written as v1:ID or v2:ID"),
        ("v1", ["v2:3"], "project v2:3 should be written as v1:ID"),
        ("v1", ["-3"], "project -3 should be"),
        ("v3", [], "only should be v1 or v2, not v3"),
    ],
)
def test_options_that_make_no_sense_are_an_error(only: str | None, projects: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Selection.of(only, projects, without_secrets=False)


def test_options_are_read_from_the_manifest_as_they_were() -> None:
    selection = Selection.of("v2", ["v2:7", 3, 3], without_secrets=True)

    assert selection.as_json()["projects"] == ["v2:3", "v2:7"]
    assert Selection.from_json(selection.as_json()) == selection


def test_every_table_is_of_a_version_or_of_users() -> None:
    assert METADATA.tables.keys() - {*TABLES["v1"], *TABLES["v2"]} == {
        "linkusergroup",
        "oauthaccount",
        "user_oauth",
        "user_settings",
        "usergroup",
    }
    for table, key in PARTS.items():
        assert METADATA.tables[table].c[key].foreign_keys


@pytest.mark.parametrize("kind", ["young", "sqlite"])
def test_secrets_are_not_in_the_bytes_of_the_file(kind: str, sites_of: SitesOf, archive: Path) -> None:
    source = sites_of(kind).template("head")

    copy_database(source, archive)
    found = archive.read_bytes()
    assert [secret for secret in SECRETS if secret.encode() in found] == SECRETS
    assert b"cluster.example.org" in found
    archive.unlink()

    manifest = copy_database(source, archive, without_secrets=True)
    found = archive.read_bytes()
    assert not [secret for secret in [*SECRETS, "cluster.example.org"] if secret.encode() in found]
    assert verify_archive(archive, source).differences == ()
    assert manifest.as_json()["options"]["without_secrets"]
    with closing(sqlite3.connect(archive)) as connection:
        assert connection.execute("SELECT DISTINCT hashed_password FROM user_oauth").fetchall() == [("removed",)]
        tokens = connection.execute("SELECT DISTINCT access_token, refresh_token FROM oauthaccount").fetchall()
        assert tokens == [("removed", None)]


def test_secrets_are_replaced_in_every_secret_column(sqlite_url: URL, archive: Path) -> None:
    with Session(create_engine(sqlite_url)) as session:
        seed(session, 3)
    copy_database(sqlite_url, archive, without_secrets=True)

    with closing(sqlite3.connect(archive)) as connection:
        for table, columns in secret_columns().items():
            for column in columns:
                found = {value for (value,) in connection.execute(f"SELECT {column} FROM {table}")}
                assert found <= {"removed", None}, (table, column)

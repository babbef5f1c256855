"""The demo site: the same rows each time, in every table."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi_users.password import PasswordHelper
from sqlalchemy import URL
from sqlalchemy.orm import Session

from fractal_models.database import create_engine, sessionmaker
from fractal_models.models import JobV2, TaskV2, UserGroup, UserOAuth, Workflow, WorkflowV2
from fractal_models.tables import METADATA
from fractal_models.testing import seed
from fractal_models.testing.databases import Databases
from fractal_models.testing.demo_site import PASSWORD
from tests.support.commandline import finish, run, start

Rows = dict[str, Sequence[Any]]


def rows(session: Session) -> Rows:
    """All rows of a database as text, because JSON has an order."""
    tables = METADATA.sorted_tables
    return {
        table.name: [str(row) for row in session.execute(sa.select(table).order_by(*table.primary_key.columns))]
        for table in tables
    }


@pytest.fixture(scope="module")
def expected(fractal_sqlite_databases: Databases) -> Iterator[Rows]:
    """The rows that another process makes."""
    url = fractal_sqlite_databases.create_at_head()
    assert finish(start("seed", "--size", "3", url=url)).code == 0
    engine = create_engine(url)
    with sessionmaker(engine)() as session:
        yield rows(session)
    engine.dispose()
    fractal_sqlite_databases.drop(url)


def test_site_is_the_same_on_every_engine_and_in_every_process(session: Session, expected: Rows) -> None:
    seed(session, size=3)

    assert rows(session) == expected


@pytest.mark.parametrize("size", [1, 2, 7])
def test_site_of_any_size_has_rows_in_every_table(size: int, session: Session) -> None:
    seed(session, size=size)
    session.rollback()

    assert {name for name, found in rows(session).items() if not found} == set()
    assert len(session.scalars(sa.select(UserOAuth)).all()) == size


def test_site_has_at_least_one_user(session: Session) -> None:
    with pytest.raises(ValueError, match="at least 1 user, not 0"):
        seed(session, size=0)


def test_everybody_can_log_in(session: Session) -> None:
    seed(session, size=2)
    users = session.scalars(sa.select(UserOAuth).order_by(sa.text("id"))).all()

    assert [(user.email, user.is_superuser) for user in users] == [
        ("admin@example.org", True),
        ("user1@example.org", False),
    ]
    for user in users:
        assert PasswordHelper().verify_and_update(PASSWORD, user.hashed_password) == (True, None)


def test_everybody_is_in_the_group_of_all_and_in_a_lab(session: Session) -> None:
    seed(session, size=7)
    names = sa.text("SELECT g.name, count(*) FROM linkusergroup JOIN usergroup g ON g.id = group_id GROUP BY g.name")

    assert dict(map(tuple, session.execute(names))) == {"All": 7, "Lab 1": 5, "Lab 2": 2}
    assert len(session.scalars(sa.select(UserGroup)).all()) == 3


def test_steps_are_in_order_and_have_the_types_of_their_tasks(session: Session) -> None:
    seed(session, size=4)

    for workflow in [*session.scalars(sa.select(Workflow)), *session.scalars(sa.select(WorkflowV2))]:
        assert [step.order for step in workflow.task_list] == list(range(len(workflow.task_list)))
    for workflow in session.scalars(sa.select(WorkflowV2)):
        assert all(step.task_type == step.task.type for step in workflow.task_list)
    for task in session.scalars(sa.select(TaskV2)):
        parts = (task.command_non_parallel, task.command_parallel)
        assert (None in parts) == (task.type != "compound")


def test_jobs_keep_copies_of_what_they_ran_on(session: Session) -> None:
    seed(session, size=2)

    for job in session.scalars(sa.select(JobV2)):
        assert job.dataset_dump["id"] == job.dataset_id
        assert job.workflow_dump["id"] == job.workflow_id
        assert job.project_dump["id"] == job.project_id
        assert (job.end_timestamp is None) == (job.status == "submitted")


def test_command_fills_a_database_once(url: URL) -> None:
    first, second = run("seed", "--size", "2", url=url), run("seed", url=url)

    assert (first.code, first.err) == (0, "")
    assert "2 users" in first.out
    assert second.code == 4
    assert second.err == "fractal-models: the database has 2 users; a demo site needs an empty one\n"


def test_command_refuses_a_database_that_is_not_at_head(databases: Databases) -> None:
    url = databases.create()
    create_engine(url, poolclass=sa.NullPool).connect().close()

    refused = run("seed", url=url)

    assert refused.code == 3
    assert refused.err == "fractal-models: the database is empty; run `fractal-models upgrade head`\n"
    databases.drop(url)


def test_command_refuses_a_site_without_users() -> None:
    refused = run("seed", "--size", "0")

    assert refused.code == 2
    assert "at least 1" in refused.err

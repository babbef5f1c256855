"""Documented rules that the database enforces."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from fractal_models.base import Base
from fractal_models.models import TaskGroupActivityV2, UserOAuth
from fractal_models.schemas.v1 import JobStatusTypeV1
from fractal_models.schemas.v2 import JobStatusTypeV2, TaskGroupActivityActionV2, TaskGroupActivityStatusV2
from fractal_models.testing.factories import (
    ApplyWorkflowFactory,
    DatasetFactory,
    DatasetV2Factory,
    JobV2Factory,
    OAuthAccountFactory,
    UserOAuthFactory,
)
from tests.support.databases import saved

SUBMITTED: dict[str, Any] = {"status": "submitted", "end_timestamp": None}

JOBS: list[Any] = [
    pytest.param(
        partial(ApplyWorkflowFactory.build, **SUBMITTED), "output_dataset_id", DatasetFactory.build, id="version 1"
    ),
    pytest.param(partial(JobV2Factory.build, **SUBMITTED), "dataset_id", DatasetV2Factory.build, id="version 2"),
]
"""Factory of a submitted job, key of its output dataset, factory of that dataset."""

# SQLite reports the columns of an index, unless it has an expression.
NAMES = {
    "output_dataset_id": {
        "applyworkflow.output_dataset_id",
        "ix_applyworkflow_one_submitted_per_output_dataset",
    },
    "dataset_id": {"jobv2.dataset_id", "ix_jobv2_one_submitted_per_dataset"},
    "lower(email)": {"index 'ix_user_oauth_lower_email'", "ix_user_oauth_lower_email"},
    "identity": {"oauthaccount.oauth_name, oauthaccount.account_id", "ix_oauthaccount_oauth_name_account_id"},
}
"""Names in the error of the driver, on SQLite and on PostgreSQL."""

Make = Callable[..., Any]


def broken_rule(error: IntegrityError) -> str:
    """Name in the error of the driver: a constraint or an index on PostgreSQL."""
    diagnostics = getattr(error.orig, "diag", None)
    return str(diagnostics.constraint_name) if diagnostics else str(error.orig).partition(" failed: ")[2]


def refuse(session: Session, *rows: Base) -> str:
    """Fail to save rows; return the violated rule."""
    session.add_all(rows)
    with pytest.raises(IntegrityError) as refused:
        session.commit()
    session.rollback()
    return broken_rule(refused.value)


def activity(session: Session, **values: Any) -> TaskGroupActivityV2:
    facts = {"pkg_name": "package", "version": "1", "status": "OK", "action": "collect"}
    return TaskGroupActivityV2(**{"user_id": UserOAuthFactory.create(session).id, **facts, **values})


# Documented values


@pytest.mark.parametrize("status", JobStatusTypeV1)
def test_job_has_any_documented_status(session: Session, status: str) -> None:
    assert saved(session, ApplyWorkflowFactory.build(status=status)).status == status


@pytest.mark.parametrize("status", JobStatusTypeV2)
def test_job_of_version_2_has_any_documented_status(session: Session, status: str) -> None:
    assert saved(session, JobV2Factory.build(status=status)).status == status


@pytest.mark.parametrize("status", TaskGroupActivityStatusV2)
def test_activity_has_any_documented_status(session: Session, status: str) -> None:
    assert saved(session, activity(session, status=status)).status == status


@pytest.mark.parametrize("action", TaskGroupActivityActionV2)
def test_activity_has_any_documented_action(session: Session, action: str) -> None:
    assert saved(session, activity(session, action=action)).action == action


@pytest.mark.parametrize("value", ["", "unknown", "Submitted", "ok", "submitted "])
def test_no_other_value_is_stored(session: Session, value: str) -> None:
    assert refuse(session, ApplyWorkflowFactory.build(status=value)) == "ck_applyworkflow_status"
    assert refuse(session, JobV2Factory.build(status=value)) == "ck_jobv2_status"
    assert refuse(session, activity(session, status=value)) == "ck_taskgroupactivityv2_status"
    assert refuse(session, activity(session, action=value)) == "ck_taskgroupactivityv2_action"


@pytest.mark.parametrize("make", [ApplyWorkflowFactory.build, JobV2Factory.build])
@pytest.mark.parametrize(("first", "last"), [(0, 0), (0, 7), (7, 7)])
def test_job_runs_steps_from_the_first_to_the_last(session: Session, make: Make, first: int, last: int) -> None:
    job = saved(session, make(first_task_index=first, last_task_index=last))

    assert (job.first_task_index, job.last_task_index) == (first, last)


@pytest.mark.parametrize(
    ("make", "table"), [(ApplyWorkflowFactory.build, "applyworkflow"), (JobV2Factory.build, "jobv2")]
)
@pytest.mark.parametrize(("first", "last"), [(-1, 0), (1, 0), (-2, -1)])
def test_job_runs_at_least_one_step(session: Session, make: Make, table: str, first: int, last: int) -> None:
    job = make(first_task_index=first, last_task_index=last)

    assert refuse(session, job) == f"ck_{table}_task_index_range"


# One submitted job per dataset


@pytest.mark.parametrize(("make", "key", "make_dataset"), JOBS)
def test_dataset_has_one_submitted_job(session: Session, make: Make, key: str, make_dataset: Make) -> None:
    dataset = saved(session, make_dataset())
    saved(session, make(**{key: dataset.id}))

    assert refuse(session, make(**{key: dataset.id})) in NAMES[key]


@pytest.mark.parametrize(("make", "key", "make_dataset"), JOBS)
def test_job_that_ended_is_not_submitted_again_beside_another(
    session: Session, make: Make, key: str, make_dataset: Make
) -> None:
    dataset = saved(session, make_dataset())
    ended = saved(session, make(**{key: dataset.id}, status="failed"))
    saved(session, make(**{key: dataset.id}))

    ended.status = "submitted"

    assert refuse(session, ended) in NAMES[key]


@pytest.mark.parametrize(("make", "key", "make_dataset"), JOBS)
def test_dataset_has_any_number_of_jobs_that_ended(session: Session, make: Make, key: str, make_dataset: Make) -> None:
    dataset = saved(session, make_dataset())

    for status in ("done", "done", "failed", "failed", "submitted"):
        saved(session, make(**{key: dataset.id}, status=status))


@pytest.mark.parametrize(("make", "key", "make_dataset"), JOBS)
def test_submitted_jobs_whose_dataset_is_gone_do_not_count(
    session: Session, make: Make, key: str, make_dataset: Make
) -> None:
    for dataset in [saved(session, make_dataset()), saved(session, make_dataset())]:
        saved(session, make(**{key: dataset.id}))
        session.delete(dataset)
        session.commit()

    assert session.scalar(select(sa.func.count()).select_from(type(make()))) == 2


def test_dataset_may_be_the_input_of_several_submitted_jobs(session: Session) -> None:
    dataset = DatasetFactory.create(session)

    saved(session, ApplyWorkflowFactory.build(input_dataset_id=dataset.id, **SUBMITTED))
    saved(session, ApplyWorkflowFactory.build(input_dataset_id=dataset.id, **SUBMITTED))


@pytest.mark.parametrize(("make", "key", "make_dataset"), JOBS)
def test_of_two_racing_submissions_one_wins(
    engine: Engine, session: Session, make: Make, key: str, make_dataset: Make, thorough: bool
) -> None:
    model = type(make())
    barrier = threading.Barrier(2)

    def submit(dataset_id: int) -> str | None:
        """Save a job if no submitted one exists, as the server does."""
        with Session(engine) as own_session:
            submitted = select(model).where(getattr(model, key) == dataset_id, model.status == "submitted")
            assert own_session.exec(submitted).first() is None
            barrier.wait()
            own_session.add(make(**{key: dataset_id}))
            try:
                own_session.commit()
            except IntegrityError as error:
                return broken_rule(error)
            return None

    with ThreadPoolExecutor(2) as threads:
        for _ in range(200 if thorough else 3):
            dataset = saved(session, make_dataset())
            broken = list(threads.map(submit, [dataset.id, dataset.id]))

            assert broken.count(None) == 1
            assert set(broken) - {None} <= NAMES[key]
            jobs = session.exec(select(model).where(getattr(model, key) == dataset.id)).all()
            assert [job.status for job in jobs] == ["submitted"]
            session.commit()


# Identities


def test_email_is_unique_in_any_case(session: Session) -> None:
    UserOAuthFactory.create(session, email="Ada@example.org")

    assert refuse(session, UserOAuthFactory.build(email="ada@Example.org")) in NAMES["lower(email)"]


def test_user_is_found_by_email_in_any_case(session: Session) -> None:
    user = UserOAuthFactory.create(session, email="Ada@example.org")

    found = session.exec(select(UserOAuth).where(sa.func.lower(UserOAuth.email) == "ada@example.org")).one()

    assert found is user
    assert found.email == "Ada@example.org"


def test_external_identity_has_one_user(session: Session) -> None:
    identity = {"oauth_name": "google", "account_id": "7"}
    UserOAuthFactory.create(session, oauth_accounts=[OAuthAccountFactory.build(**identity)])

    other = UserOAuthFactory.build(oauth_accounts=[OAuthAccountFactory.build(**identity)])

    assert refuse(session, other) in NAMES["identity"]


def test_user_has_identities_at_several_providers_and_of_several_ids(session: Session) -> None:
    identities = [("google", "7"), ("google", "8"), ("github", "7")]
    accounts = [OAuthAccountFactory.build(oauth_name=name, account_id=id_) for name, id_ in identities]

    UserOAuthFactory.create(session, oauth_accounts=accounts)

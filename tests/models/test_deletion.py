"""What happens to others when a row is deleted, by the ORM as by plain SQL, and in how many statements."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import lazyload
from sqlmodel import Session, select

from fractal_models.base import Base
from fractal_models.models import (
    LinkUserGroup,
    LinkUserProject,
    LinkUserProjectV2,
    OAuthAccount,
    Project,
    ProjectV2,
    Resource,
    TaskGroupActivityV2,
    TaskGroupV2,
    TaskV2,
    UserGroup,
    UserOAuth,
    UserSettings,
    WorkflowTask,
    WorkflowTaskV2,
)
from tests import factories
from tests.databases import statement_count
from tests.factories import saved

Row = Any
Delete = Callable[[Session, Row], None]


def by_sql(session: Session, row: Row) -> None:
    session.execute(sa.delete(type(row)).where(type(row).id == row.id))
    session.commit()


def by_orm(session: Session, row: Row) -> None:
    """With all in memory that is loaded beside the row."""
    session.refresh(row)
    session.delete(row)
    session.commit()


def by_orm_unloaded(session: Session, row: Row) -> None:
    """With nothing in memory but the row itself."""
    with Session(session.get_bind()) as other:
        other.delete(other.get_one(type(row), row.id, options=[lazyload("*")]))
        other.commit()


@pytest.fixture(params=[by_sql, by_orm, by_orm_unloaded])
def delete(request: pytest.FixtureRequest) -> Delete:
    chosen: Delete = request.param

    def run(session: Session, row: Row) -> None:
        session.commit()
        chosen(session, row)
        session.expire_all()

    return run


def activity(owner: UserOAuth, **values: Any) -> TaskGroupActivityV2:
    facts = {"pkg_name": "package", "version": "1", "status": "OK", "action": "collect"}
    return TaskGroupActivityV2(**{"user_id": owner.id, **facts, **values})


def membership(group: Row, user: Row) -> LinkUserGroup:
    return LinkUserGroup(group_id=group.id, user_id=user.id)


def number_of(session: Session, model: type[Base]) -> int:
    return session.scalar(select(sa.func.count()).select_from(model)) or 0


# Jobs and activities outlive what they ran on


@pytest.mark.parametrize(
    ("key", "make", "job"),
    [
        ("project_id", factories.project, factories.job),
        ("workflow_id", factories.workflow, factories.job),
        ("input_dataset_id", factories.dataset, factories.job),
        ("output_dataset_id", factories.dataset, factories.job),
        ("project_id", factories.project_v2, factories.job_v2),
        ("workflow_id", factories.workflow_v2, factories.job_v2),
        ("dataset_id", factories.dataset_v2, factories.job_v2),
    ],
)
def test_job_loses_the_key_of_what_is_deleted(
    session: Session, delete: Delete, key: str, make: Callable[[], Row], job: Callable[..., Row]
) -> None:
    doomed, kept = saved(session, make()), saved(session, make())
    orphan = saved(session, job(**{key: doomed.id}, workflow_dump={"name": "as it was"}, status="done"))
    other = saved(session, job(**{key: kept.id}))

    delete(session, doomed)

    assert getattr(orphan, key) is None
    assert orphan.workflow_dump == {"name": "as it was"}
    assert getattr(other, key) == kept.id


def test_activity_loses_the_key_of_a_deleted_task_group(session: Session, delete: Delete) -> None:
    owner = saved(session, factories.user())
    group = saved(session, factories.task_group(owner))
    row = saved(session, activity(owner, taskgroupv2_id=group.id))

    delete(session, group)

    assert row.taskgroupv2_id is None


# What has no meaning without its owner goes with it


def test_resources_go_with_their_dataset(session: Session, delete: Delete) -> None:
    dataset = saved(session, factories.dataset(resource_list=[factories.resource(), factories.resource()]))
    saved(session, factories.dataset(resource_list=[factories.resource()]))

    delete(session, dataset)

    assert number_of(session, Resource) == 1


def test_steps_go_with_their_workflow_and_tasks_stay(session: Session, delete: Delete) -> None:
    workflow = saved(session, factories.workflow(task_list=[factories.step(), factories.step()]))
    tasks = [step.task for step in workflow.task_list]

    delete(session, workflow)

    assert number_of(session, WorkflowTask) == 0
    assert all(task.id for task in tasks)


def test_steps_of_version_2_go_with_their_workflow_and_tasks_stay(session: Session, delete: Delete) -> None:
    owner = saved(session, factories.user())
    group = saved(session, factories.task_group(owner, task_list=[factories.task_v2()]))
    steps = [factories.step_v2(task=group.task_list[0]) for _ in range(2)]
    workflow = saved(session, factories.workflow_v2(task_list=steps))

    delete(session, workflow)

    assert number_of(session, WorkflowTaskV2) == 0
    assert number_of(session, TaskV2) == 1


def test_tasks_go_with_their_group(session: Session, delete: Delete) -> None:
    owner = saved(session, factories.user())
    group = saved(session, factories.task_group(owner, task_list=[factories.task_v2(), factories.task_v2()]))

    delete(session, group)

    assert number_of(session, TaskV2) == 0


@pytest.mark.parametrize(
    ("make", "link"), [(factories.project, LinkUserProject), (factories.project_v2, LinkUserProjectV2)]
)
def test_memberships_go_with_their_project(
    session: Session, delete: Delete, make: Callable[..., Row], link: type[Base]
) -> None:
    project = saved(session, make(user_list=[factories.user(), factories.user()]))

    delete(session, project)

    assert number_of(session, link) == 0
    assert number_of(session, UserOAuth) == 2


def test_accounts_and_memberships_go_with_their_user(session: Session, delete: Delete) -> None:
    user = saved(session, factories.user(oauth_accounts=[factories.oauth_account(), factories.oauth_account()]))
    saved(session, factories.project(user_list=[user]))
    saved(session, factories.project_v2(user_list=[user]))
    saved(session, membership(saved(session, factories.group()), user))
    # The projects, and the link, would be saved with the user.
    session.expunge_all()

    delete(session, session.get_one(UserOAuth, 1))

    for gone in (UserOAuth, OAuthAccount, LinkUserProject, LinkUserProjectV2, LinkUserGroup):
        assert number_of(session, gone) == 0
    for kept in (Project, ProjectV2, UserGroup):
        assert number_of(session, kept) == 1


def test_memberships_go_with_their_group(session: Session, delete: Delete) -> None:
    user, group = saved(session, factories.user()), saved(session, factories.group())
    link = saved(session, membership(group, user))
    session.expunge(link)

    delete(session, group)

    assert number_of(session, LinkUserGroup) == 0
    assert number_of(session, UserOAuth) == 1


@pytest.mark.parametrize("delete", [by_orm, by_orm_unloaded])
def test_settings_go_with_their_user(session: Session, delete: Delete) -> None:
    user = saved(session, factories.user(settings=UserSettings()))

    delete(session, user)

    assert number_of(session, UserSettings) == 0


# What is in use cannot be deleted


def project_with_dataset(session: Session) -> Row:
    return saved(session, factories.dataset()).project


def project_with_workflow(session: Session) -> Row:
    return saved(session, factories.workflow()).project


def project_v2_with_dataset(session: Session) -> Row:
    return saved(session, factories.dataset_v2()).project


def project_v2_with_workflow(session: Session) -> Row:
    return saved(session, factories.workflow_v2()).project


def task_in_use(session: Session) -> Row:
    return saved(session, factories.workflow(task_list=[factories.step()])).task_list[0].task


def task_v2_in_use(session: Session) -> Row:
    group = saved(session, factories.task_group(saved(session, factories.user()), task_list=[factories.task_v2()]))
    step = factories.step_v2(task=group.task_list[0])
    return saved(session, factories.workflow_v2(task_list=[step])).task_list[0].task


def group_of_a_task_in_use(session: Session) -> Row:
    return session.get_one(TaskGroupV2, task_v2_in_use(session).taskgroupv2_id)


def owner_of_a_task_group(session: Session) -> Row:
    owner = saved(session, factories.user())
    saved(session, factories.task_group(owner))
    return owner


def user_with_an_activity(session: Session) -> Row:
    user = saved(session, factories.user())
    saved(session, activity(user))
    return user


def group_that_may_use_tasks(session: Session) -> Row:
    group = saved(session, factories.group())
    saved(session, factories.task_group(saved(session, factories.user()), user_group_id=group.id))
    return group


def settings_of_a_user(session: Session) -> Row:
    return saved(session, factories.user(settings=UserSettings())).settings


@pytest.mark.parametrize("delete", [by_sql, by_orm])
@pytest.mark.parametrize(
    "make",
    [
        project_with_dataset,
        project_with_workflow,
        project_v2_with_dataset,
        project_v2_with_workflow,
        task_in_use,
        task_v2_in_use,
        group_of_a_task_in_use,
        owner_of_a_task_group,
        user_with_an_activity,
        group_that_may_use_tasks,
        settings_of_a_user,
    ],
)
def test_what_is_in_use_cannot_be_deleted(session: Session, delete: Delete, make: Callable[[Session], Row]) -> None:
    row = make(session)
    session.commit()
    before = numbers(session)

    with pytest.raises(IntegrityError, match=r"(?i)foreign key constraint"):
        delete(session, row)
    session.rollback()

    assert numbers(session) == before


def numbers(session: Session) -> dict[str, int]:
    """How many rows there are, by table."""
    tables = Base.metadata.sorted_tables
    return {table.name: session.scalar(sa.select(sa.func.count()).select_from(table)) or 0 for table in tables}


# The number of statements does not depend on the number of rows


def jobs(session: Session, number: int, **keys: Any) -> None:
    session.bulk_save_objects([factories.job(**keys, status="done") for _ in range(number)])


def jobs_v2(session: Session, number: int, **keys: Any) -> None:
    session.bulk_save_objects([factories.job_v2(**keys, status="done") for _ in range(number)])


def project_with_jobs(session: Session, number: int) -> Row:
    project = saved(session, factories.project())
    jobs(session, number, project_id=project.id)
    return project


def dataset_with_jobs(session: Session, number: int) -> Row:
    dataset = saved(session, factories.dataset())
    jobs(session, number, input_dataset_id=dataset.id, output_dataset_id=dataset.id)
    return dataset


def workflow_with_jobs(session: Session, number: int) -> Row:
    workflow = saved(session, factories.workflow())
    jobs(session, number, workflow_id=workflow.id)
    return workflow


def project_v2_with_jobs(session: Session, number: int) -> Row:
    project = saved(session, factories.project_v2())
    jobs_v2(session, number, project_id=project.id)
    return project


def dataset_v2_with_jobs(session: Session, number: int) -> Row:
    dataset = saved(session, factories.dataset_v2())
    jobs_v2(session, number, dataset_id=dataset.id)
    return dataset


def workflow_v2_with_jobs(session: Session, number: int) -> Row:
    workflow = saved(session, factories.workflow_v2())
    jobs_v2(session, number, workflow_id=workflow.id)
    return workflow


def dataset_with_resources(session: Session, number: int) -> Row:
    dataset = saved(session, factories.dataset())
    session.bulk_save_objects([factories.resource(dataset_id=dataset.id) for _ in range(number)])
    return dataset


def workflow_with_steps(session: Session, number: int) -> Row:
    workflow: Row = saved(session, factories.workflow())
    task: Row = saved(session, factories.task())
    session.bulk_save_objects([WorkflowTask(workflow_id=workflow.id, task_id=task.id) for _ in range(number)])
    return workflow


def task_group_with_tasks(session: Session, number: int) -> Row:
    group = saved(session, factories.task_group(saved(session, factories.user())))
    session.bulk_save_objects([factories.task_v2(taskgroupv2_id=group.id) for _ in range(number)])
    return group


def user_with_accounts(session: Session, number: int) -> Row:
    user = saved(session, factories.user())
    session.bulk_save_objects([factories.oauth_account(user_id=user.id) for _ in range(number)])
    return user


@pytest.mark.parametrize("chosen", [by_orm, by_orm_unloaded])
@pytest.mark.parametrize(
    "make",
    [
        project_with_jobs,
        dataset_with_jobs,
        workflow_with_jobs,
        project_v2_with_jobs,
        dataset_v2_with_jobs,
        workflow_v2_with_jobs,
        dataset_with_resources,
        workflow_with_steps,
        task_group_with_tasks,
        user_with_accounts,
    ],
)
def test_a_handful_of_statements_deletes_whatever_there_is(
    session: Session, engine: Engine, make: Callable[[Session, int], Row], chosen: Delete
) -> None:
    sent = []
    for number in 10, 1000:
        row = make(session, number)
        session.commit()
        statements = statement_count(engine)
        chosen(session, row)
        sent.append(len(statements))
        session.expunge_all()  # SQLite gives the id to the next row

    assert sent[0] == sent[1] <= 8

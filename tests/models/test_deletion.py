"""Effects of a deletion on related rows, through the ORM and in SQL, and its number of statements."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
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
from fractal_models.tables import METADATA
from fractal_models.testing.factories import (
    ApplyWorkflowFactory,
    DatasetFactory,
    DatasetV2Factory,
    JobV2Factory,
    OAuthAccountFactory,
    ProjectFactory,
    ProjectV2Factory,
    ResourceFactory,
    TaskFactory,
    TaskGroupV2Factory,
    TaskV2Factory,
    UserGroupFactory,
    UserOAuthFactory,
    WorkflowFactory,
    WorkflowTaskFactory,
    WorkflowTaskV2Factory,
    WorkflowV2Factory,
)
from tests.support.databases import saved, statement_count

Row = Any
Delete = Callable[[Session, Row], None]


def by_sql(session: Session, row: Row) -> None:
    session.execute(sa.delete(type(row)).where(type(row).id == row.id))
    session.commit()


def by_orm(session: Session, row: Row) -> None:
    """Delete with all relationships loaded."""
    session.refresh(row)
    session.delete(row)
    session.commit()


def by_orm_unloaded(session: Session, row: Row) -> None:
    """Delete with no relationships loaded."""
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


# Jobs and activities are kept


@pytest.mark.parametrize(
    ("key", "make", "job"),
    [
        ("project_id", ProjectFactory.build, ApplyWorkflowFactory.build),
        ("workflow_id", WorkflowFactory.build, ApplyWorkflowFactory.build),
        ("input_dataset_id", DatasetFactory.build, ApplyWorkflowFactory.build),
        ("output_dataset_id", DatasetFactory.build, ApplyWorkflowFactory.build),
        ("project_id", ProjectV2Factory.build, JobV2Factory.build),
        ("workflow_id", WorkflowV2Factory.build, JobV2Factory.build),
        ("dataset_id", DatasetV2Factory.build, JobV2Factory.build),
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
    owner = UserOAuthFactory.create(session)
    group = TaskGroupV2Factory.create(session, user_id=owner.id)
    row = saved(session, activity(owner, taskgroupv2_id=group.id))

    delete(session, group)

    assert row.taskgroupv2_id is None


# Parts are deleted with their owner


def test_resources_go_with_their_dataset(session: Session, delete: Delete) -> None:
    dataset = DatasetFactory.create(session, resource_list=[ResourceFactory.build(), ResourceFactory.build()])
    DatasetFactory.create(session, resource_list=[ResourceFactory.build()])

    delete(session, dataset)

    assert number_of(session, Resource) == 1


def test_steps_go_with_their_workflow_and_tasks_stay(session: Session, delete: Delete) -> None:
    workflow = WorkflowFactory.create(session, task_list=[WorkflowTaskFactory.build(), WorkflowTaskFactory.build()])
    tasks = [step.task for step in workflow.task_list]

    delete(session, workflow)

    assert number_of(session, WorkflowTask) == 0
    assert all(task.id for task in tasks)


def test_steps_of_version_2_go_with_their_workflow_and_tasks_stay(session: Session, delete: Delete) -> None:
    owner = UserOAuthFactory.create(session)
    group = TaskGroupV2Factory.create(session, user_id=owner.id, task_list=[TaskV2Factory.build()])
    steps = [WorkflowTaskV2Factory.build(task=group.task_list[0]) for _ in range(2)]
    workflow = WorkflowV2Factory.create(session, task_list=steps)

    delete(session, workflow)

    assert number_of(session, WorkflowTaskV2) == 0
    assert number_of(session, TaskV2) == 1


def test_tasks_go_with_their_group(session: Session, delete: Delete) -> None:
    owner = UserOAuthFactory.create(session)
    group = TaskGroupV2Factory.create(
        session, user_id=owner.id, task_list=[TaskV2Factory.build(), TaskV2Factory.build()]
    )

    delete(session, group)

    assert number_of(session, TaskV2) == 0


@pytest.mark.parametrize(
    ("make", "link"), [(ProjectFactory.build, LinkUserProject), (ProjectV2Factory.build, LinkUserProjectV2)]
)
def test_memberships_go_with_their_project(
    session: Session, delete: Delete, make: Callable[..., Row], link: type[Base]
) -> None:
    project = saved(session, make(user_list=[UserOAuthFactory.build(), UserOAuthFactory.build()]))

    delete(session, project)

    assert number_of(session, link) == 0
    assert number_of(session, UserOAuth) == 2


def test_accounts_and_memberships_go_with_their_user(session: Session, delete: Delete) -> None:
    user = UserOAuthFactory.create(session, oauth_accounts=[OAuthAccountFactory.build(), OAuthAccountFactory.build()])
    ProjectFactory.create(session, user_list=[user])
    ProjectV2Factory.create(session, user_list=[user])
    saved(session, membership(UserGroupFactory.create(session), user))
    # The projects, and the link, would be saved with the user.
    session.expunge_all()

    delete(session, session.get_one(UserOAuth, 1))

    for gone in (UserOAuth, OAuthAccount, LinkUserProject, LinkUserProjectV2, LinkUserGroup):
        assert number_of(session, gone) == 0
    for kept in (Project, ProjectV2, UserGroup):
        assert number_of(session, kept) == 1


def test_memberships_go_with_their_group(session: Session, delete: Delete) -> None:
    user, group = UserOAuthFactory.create(session), UserGroupFactory.create(session)
    link = saved(session, membership(group, user))
    session.expunge(link)

    delete(session, group)

    assert number_of(session, LinkUserGroup) == 0
    assert number_of(session, UserOAuth) == 1


@pytest.mark.parametrize("delete", [by_orm, by_orm_unloaded])
def test_settings_go_with_their_user(session: Session, delete: Delete) -> None:
    user = UserOAuthFactory.create(session, settings=UserSettings())

    delete(session, user)

    assert number_of(session, UserSettings) == 0


# Rows in use cannot be deleted


def project_with_dataset(session: Session) -> Row:
    return DatasetFactory.create(session).project


def project_with_workflow(session: Session) -> Row:
    return WorkflowFactory.create(session).project


def project_v2_with_dataset(session: Session) -> Row:
    return DatasetV2Factory.create(session).project


def project_v2_with_workflow(session: Session) -> Row:
    return WorkflowV2Factory.create(session).project


def task_in_use(session: Session) -> Row:
    return WorkflowFactory.create(session, task_list=[WorkflowTaskFactory.build()]).task_list[0].task


def task_v2_in_use(session: Session) -> Row:
    group = TaskGroupV2Factory.create(session, task_list=[TaskV2Factory.build()])
    step = WorkflowTaskV2Factory.build(task=group.task_list[0])
    return WorkflowV2Factory.create(session, task_list=[step]).task_list[0].task


def group_of_a_task_in_use(session: Session) -> Row:
    return session.get_one(TaskGroupV2, task_v2_in_use(session).taskgroupv2_id)


def owner_of_a_task_group(session: Session) -> Row:
    owner = UserOAuthFactory.create(session)
    TaskGroupV2Factory.create(session, user_id=owner.id)
    return owner


def user_with_an_activity(session: Session) -> Row:
    user = UserOAuthFactory.create(session)
    saved(session, activity(user))
    return user


def group_that_may_use_tasks(session: Session) -> Row:
    group = UserGroupFactory.create(session)
    TaskGroupV2Factory.create(session, user_group_id=group.id)
    return group


def settings_of_a_user(session: Session) -> Row:
    return UserOAuthFactory.create(session, settings=UserSettings()).settings


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
    """Number of rows, by table."""
    tables = METADATA.sorted_tables
    return {table.name: session.scalar(sa.select(sa.func.count()).select_from(table)) or 0 for table in tables}


# The number of statements does not depend on the number of rows


def jobs(session: Session, number: int, **keys: Any) -> None:
    session.bulk_save_objects([ApplyWorkflowFactory.build(**keys, status="done") for _ in range(number)])


def jobs_v2(session: Session, number: int, **keys: Any) -> None:
    session.bulk_save_objects([JobV2Factory.build(**keys, status="done") for _ in range(number)])


def project_with_jobs(session: Session, number: int) -> Row:
    project = ProjectFactory.create(session)
    jobs(session, number, project_id=project.id)
    return project


def dataset_with_jobs(session: Session, number: int) -> Row:
    dataset = DatasetFactory.create(session)
    jobs(session, number, input_dataset_id=dataset.id, output_dataset_id=dataset.id)
    return dataset


def workflow_with_jobs(session: Session, number: int) -> Row:
    workflow = WorkflowFactory.create(session)
    jobs(session, number, workflow_id=workflow.id)
    return workflow


def project_v2_with_jobs(session: Session, number: int) -> Row:
    project = ProjectV2Factory.create(session)
    jobs_v2(session, number, project_id=project.id)
    return project


def dataset_v2_with_jobs(session: Session, number: int) -> Row:
    dataset = DatasetV2Factory.create(session)
    jobs_v2(session, number, dataset_id=dataset.id)
    return dataset


def workflow_v2_with_jobs(session: Session, number: int) -> Row:
    workflow = WorkflowV2Factory.create(session)
    jobs_v2(session, number, workflow_id=workflow.id)
    return workflow


def dataset_with_resources(session: Session, number: int) -> Row:
    dataset = DatasetFactory.create(session)
    session.bulk_save_objects([ResourceFactory.build(dataset_id=dataset.id) for _ in range(number)])
    return dataset


def workflow_with_steps(session: Session, number: int) -> Row:
    workflow: Row = WorkflowFactory.create(session)
    task: Row = TaskFactory.create(session)
    session.bulk_save_objects([WorkflowTask(workflow_id=workflow.id, task_id=task.id) for _ in range(number)])
    return workflow


def task_group_with_tasks(session: Session, number: int) -> Row:
    group = TaskGroupV2Factory.create(session)
    session.bulk_save_objects([TaskV2Factory.build(taskgroupv2_id=group.id) for _ in range(number)])
    return group


def user_with_accounts(session: Session, number: int) -> Row:
    user = UserOAuthFactory.create(session)
    session.bulk_save_objects([OAuthAccountFactory.build(user_id=user.id) for _ in range(number)])
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
    session: Session, make: Callable[[Session, int], Row], chosen: Delete, thorough: bool
) -> None:
    sent = []
    for number in 10, 1000 if thorough else 60:
        row = make(session, number)
        session.commit()
        statements = statement_count(session.get_bind())
        chosen(session, row)
        sent.append(len(statements))
        session.expunge_all()  # SQLite reuses the id.

    assert 0 < sent[0] == sent[1] <= 8

"""Factories: rows that both engines take, with the parents that they need."""

from typing import Any

import pytest
from polyfactory.factories.sqlalchemy_factory import SQLAlchemyFactory
from sqlalchemy import ForeignKey, inspect, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from fractal_models.base import Base
from fractal_models.models import Dataset, JobV2, Project, TaskV2, UserOAuth, WorkflowV2
from fractal_models.testing.factories import (
    FACTORIES,
    ApplyWorkflowFactory,
    DatasetFactory,
    DatasetV2Factory,
    JobV2Factory,
    LinkUserProjectV2Factory,
    OAuthAccountFactory,
    ProjectFactory,
    ProjectV2Factory,
    ResourceFactory,
    TableFactory,
    TaskGroupV2Factory,
    TaskV2Factory,
    UserOAuthFactory,
    WorkflowFactory,
    WorkflowTaskFactory,
    WorkflowTaskV2Factory,
    WorkflowV2Factory,
)

every_table = pytest.mark.parametrize("factory", FACTORIES.values(), ids=FACTORIES.keys())


def columns_of(row: Base) -> dict[str, Any]:
    return {key: inspect(row).dict.get(key) for key in type(row).model_fields}


def test_every_table_has_a_factory() -> None:
    assert FACTORIES.keys() == Base.metadata.tables.keys()


@every_table
def test_created_rows_are_in_the_database(factory: type[TableFactory[Any]], session: Session) -> None:
    created = [columns_of(factory.create(session)) for _ in range(3)]
    session.expunge_all()

    found = session.scalars(select(factory.__model__)).all()

    assert sorted(map(repr, map(columns_of, found))) == sorted(map(repr, created))


@every_table
def test_built_rows_need_no_database(factory: type[TableFactory[Any]]) -> None:
    for row in factory.batch(3):
        assert isinstance(row, factory.__model__)
        assert inspect(row).transient


@every_table
def test_same_rows_are_made_from_the_same_seed(factory: type[TableFactory[Any]]) -> None:
    made = []
    for _ in range(2):
        TableFactory.seed_random(1)
        made.append([columns_of(row) for row in factory.batch(3)])

    assert made[0] == made[1]


@pytest.mark.parametrize(
    "factory",
    [DatasetFactory, DatasetV2Factory, WorkflowV2Factory, OAuthAccountFactory, ProjectFactory, UserOAuthFactory],
)
def test_built_row_brings_the_parents_that_it_refers_to(factory: type[TableFactory[Any]], session: Session) -> None:
    session.add(factory.build())
    session.commit()

    assert len(session.scalars(select(factory.__model__)).all()) == 1


def test_parent_is_given_as_a_row_or_by_key_or_by_its_values(session: Session) -> None:
    project = ProjectV2Factory.create(session)

    by_row = DatasetV2Factory.create(session, project=project)
    by_key = DatasetV2Factory.create(session, project_id=project.id)
    by_values = DatasetV2Factory.create(session, project={"name": "another one"})

    assert by_row.project is by_key.project is project
    assert by_values.project.name == "another one"
    assert DatasetV2Factory.build(project={"name": "not saved"}).project.name == "not saved"
    assert len(session.scalars(select(type(project))).all()) == 2


def test_parent_that_only_a_key_leads_to_is_created(session: Session) -> None:
    resource = ResourceFactory.create(session)
    dataset = DatasetFactory.create(session)
    other = ResourceFactory.create(session, dataset_id=dataset.id)
    session.refresh(dataset)

    assert resource.dataset_id != dataset.id
    assert dataset.resource_list == [other]


def test_link_joins_what_is_given(session: Session) -> None:
    user = UserOAuthFactory.create(session)

    link = LinkUserProjectV2Factory.create(session, user_id=user.id)

    assert link.user_id == user.id
    assert session.scalars(select(UserOAuth)).all() == [user]


def test_children_are_given_as_lists(session: Session) -> None:
    group = TaskGroupV2Factory.create(session, task_list=TaskV2Factory.batch(2))
    steps = [WorkflowTaskV2Factory.build(task=task) for task in group.task_list]
    workflow = WorkflowV2Factory.create(session, task_list=steps)

    assert [step.order for step in workflow.task_list] == [0, 1]
    assert [step.task for step in workflow.task_list] == group.task_list


@pytest.mark.parametrize(
    ("kind", "commands"),
    [("parallel", (False, True)), ("non_parallel", (True, False)), ("compound", (True, True))],
)
def test_task_has_the_commands_of_its_type_and_a_step_the_type_of_its_task(
    kind: str, commands: tuple[bool, bool], session: Session
) -> None:
    task = TaskV2Factory.create(session, type=kind)

    assert (task.command_non_parallel is not None, task.command_parallel is not None) == commands
    assert WorkflowTaskV2Factory.create(session, task=task).task_type == kind
    assert WorkflowTaskV2Factory.create(session, task_id=task.id).task_type == kind
    assert WorkflowTaskV2Factory.create(session, task={"type": kind}).task_type == kind
    assert WorkflowTaskV2Factory.build(task=TaskV2Factory.build(type=kind)).task_type == kind


@pytest.mark.parametrize(
    ("workflows", "steps"), [(WorkflowFactory, WorkflowTaskFactory), (WorkflowV2Factory, WorkflowTaskV2Factory)]
)
def test_steps_of_a_workflow_come_one_after_the_other(workflows: Any, steps: Any, session: Session) -> None:
    workflow = workflows.create(session)

    made = [steps.create(session, workflow_id=workflow.id) for _ in range(3)]

    assert [step.order for step in made] == [0, 1, 2]
    assert steps.create(session, workflow_id=workflow.id, order=7).order == 7


def test_job_runs_in_one_project(session: Session) -> None:
    dataset = DatasetV2Factory.create(session)
    project = ProjectFactory.create(session)

    job = JobV2Factory.create(session, dataset_id=dataset.id)
    old_job = ApplyWorkflowFactory.create(session, project_id=project.id)

    assert job.project_id == dataset.project_id
    assert session.get_one(WorkflowV2, job.workflow_id).project_id == dataset.project_id
    assert session.get_one(Dataset, old_job.output_dataset_id).project_id == project.id
    assert session.scalars(select(Project)).all() == [project]


def test_job_outlives_what_it_ran_on(session: Session) -> None:
    job = JobV2Factory.create(session, project_id=None)
    other = JobV2Factory.create(session, dataset_id=None)

    assert (job.project_id, job.workflow_id, job.dataset_id) == (None, None, None)
    assert (other.project_id, other.workflow_id, other.dataset_id) == (1, 1, None)


def test_dataset_takes_any_number_of_jobs_but_one_that_is_submitted(session: Session) -> None:
    dataset = DatasetV2Factory.create(session)
    for status in ("submitted", "done", "failed", "done"):
        JobV2Factory.create(session, dataset_id=dataset.id, status=status)

    assert len(session.scalars(select(JobV2).filter_by(dataset_id=dataset.id)).all()) == 4


async def test_rows_are_created_in_asynchronous_sessions(async_session: AsyncSession) -> None:
    task = await async_session.run_sync(TaskV2Factory.create, name="asynchronous")
    step = await async_session.run_sync(WorkflowTaskV2Factory.create, task=task)

    assert step.task.name == "asynchronous"
    assert (await async_session.scalars(select(TaskV2))).all() == [task]


class Model(DeclarativeBase):
    metadata = Base.metadata.__class__()


class Author(Model):
    __tablename__ = "author"
    id: Mapped[int] = mapped_column(primary_key=True)


class Book(Model):
    __tablename__ = "book"
    id: Mapped[int] = mapped_column(primary_key=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"))
    author: Mapped[Author] = relationship()


def test_factories_of_others_are_left_alone() -> None:
    class BookFactory(SQLAlchemyFactory[Book]):
        """A factory that also makes authors."""

    author = BookFactory.build().author

    assert isinstance(author, Author)
    assert isinstance(author.id, int)

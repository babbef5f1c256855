"""Factories of valid rows, one for each table: no more in a row than the database asks for.

    DatasetV2Factory.build(name="plate")                       # an object, with a project that is yet to be saved
    DatasetV2Factory.create(session, name="plate")             # a saved row, with its project
    DatasetV2Factory.create(session, project=project)          # in a given project; `project_id=1` will do as well
    await session.run_sync(DatasetV2Factory.create, name="plate")
    DatasetV2Factory.batch(3)

Keyword arguments set columns and relationships. What must be unique is numbered, moments follow one another: the same
calls after `TableFactory.seed_random(0)` make the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Any, ClassVar, TypeGuard, TypeVar

from sqlalchemy import Column, func, inspect, select
from sqlalchemy.orm import Session
from sqlmodel import UTCDateTime, col

try:
    from polyfactory import PostGenerated, Use
    from polyfactory.factories.sqlalchemy_factory import SQLAlchemyFactory
    from polyfactory.field_meta import FieldMeta
except ImportError:
    message = "fractal_models.testing.factories needs polyfactory: pip install 'fractal-models[testing]'"
    raise ImportError(message) from None

from fractal_models.base import Base
from fractal_models.enums import (
    JobStatusTypeV1,
    JobStatusTypeV2,
    TaskGroupActivityActionV2,
    TaskGroupActivityStatusV2,
    TaskGroupV2OriginEnum,
)
from fractal_models.models import (
    ApplyWorkflow,
    Dataset,
    DatasetV2,
    JobV2,
    LinkUserGroup,
    LinkUserProject,
    LinkUserProjectV2,
    OAuthAccount,
    Project,
    ProjectV2,
    Resource,
    State,
    Task,
    TaskGroupActivityV2,
    TaskGroupV2,
    TaskV2,
    UserGroup,
    UserOAuth,
    UserSettings,
    Workflow,
    WorkflowTask,
    WorkflowTaskV2,
    WorkflowV2,
)
from fractal_models.testing.demo_site import EPOCH, HASHED_PASSWORD
from fractal_models.types import JSONArray, JSONObject

Row = TypeVar("Row", bound=Base)


def number() -> int:
    """Count what has been made."""
    return next(TableFactory._numbers)


def moment() -> datetime:
    """Give the next minute."""
    return EPOCH + timedelta(minutes=number())


def numbered(text: str) -> Use[[], str]:
    """Make a text with a number in it."""
    return Use(lambda: text.format(number()))


class TableFactory(SQLAlchemyFactory[Row]):
    """Base of the factories: sets what a subclass declares, and what a column must have and has no default for."""

    __is_base_factory__ = True
    __set_primary_key__ = False
    __set_foreign_keys__ = False
    __set_association_proxy__ = False
    __random__ = Random(0)

    _numbers: ClassVar[Iterator[int]] = count(1)

    @classmethod
    def seed_random(cls, seed: int) -> None:
        """Start again: with random numbers from `seed`, and to count from 1."""
        super().seed_random(seed)
        TableFactory._numbers = count(1)

    @classmethod
    def table_name(cls) -> str:
        """Name the table that the rows are of."""
        return str(cls.__model__.__tablename__)

    @classmethod
    def is_supported_type(cls, value: Any) -> TypeGuard[type[Row]]:
        """Leave the tables of others to others."""
        return isinstance(value, type) and issubclass(value, Base) and super().is_supported_type(value)

    @classmethod
    def get_sqlalchemy_types(cls) -> dict[Any, Callable[[], Any]]:
        """Leave JSON empty."""
        return {**super().get_sqlalchemy_types(), JSONObject: dict, JSONArray: list}

    @classmethod
    def get_provider_map(cls) -> dict[Any, Callable[[], Any]]:
        """Let moments follow one another."""
        return {**super().get_provider_map(), datetime: moment}

    @classmethod
    def should_set_field_value(cls, field_meta: FieldMeta, **kwargs: Any) -> bool:
        """Leave the rest to the defaults of the model."""
        if not super().should_set_field_value(field_meta, **kwargs):
            return False
        mapper = inspect(cls.__model__)
        if (relationship := mapper.relationships.get(field_meta.name)) is not None:
            keys = {column.name for column in relationship.local_columns}
            return hasattr(cls, field_meta.name) and not keys & kwargs.keys()
        column = mapper.columns[field_meta.name]
        return hasattr(cls, field_meta.name) or (
            not column.nullable and (column.default is None or isinstance(column.type, UTCDateTime))
        )

    @classmethod
    def create(cls, session: Session, /, **values: Any) -> Row:
        """Add a row, and each parent that it must have and that is not given; commit, and load what belongs to it."""
        for column in inspect(cls.__model__).columns:
            if column.foreign_keys and not column.nullable:
                cls._give_parent(session, column, values)
        row = cls.build(**values)
        session.add(row)
        session.commit()
        session.refresh(row)
        return row

    @classmethod
    def _give_parent(cls, session: Session, column: Column[Any], values: dict[str, Any]) -> None:
        """Set a foreign key, by its relationship if there is one."""
        relationships = inspect(cls.__model__).relationships
        name = next((r.key for r in relationships if r.local_columns == {column} and not r.uselist), None)
        given = values.get(name) if name else None
        if column.name in values or (given is not None and not isinstance(given, Mapping)):
            return
        (key,) = column.foreign_keys
        parent = FACTORIES[key.column.table.name].create(session, **(given or {}))
        if name:
            values[name] = parent
        else:
            values[column.name] = parent.id


class UserSettingsFactory(TableFactory[UserSettings]):
    """Settings without any."""


class UserOAuthFactory(TableFactory[UserOAuth]):
    """A user who may log in, with the password of `seeding.PASSWORD`."""

    email = numbered("user-{}@example.org")
    hashed_password = HASHED_PASSWORD


class OAuthAccountFactory(TableFactory[OAuthAccount]):
    """An identity of a user at GitHub."""

    user = UserOAuthFactory
    oauth_name = "github"
    access_token = numbered("token-{}")
    account_id = numbered("{}")
    account_email = "someone@example.org"


class UserGroupFactory(TableFactory[UserGroup]):
    """A group without members."""

    name = numbered("group-{}")


class LinkUserGroupFactory(TableFactory[LinkUserGroup]):
    """A membership."""


class ProjectFactory(TableFactory[Project]):
    """A project that nobody works on."""

    name = numbered("project-{}")


class LinkUserProjectFactory(TableFactory[LinkUserProject]):
    """A share in a project."""


class DatasetFactory(TableFactory[Dataset]):
    """A dataset without resources."""

    project = ProjectFactory
    name = numbered("dataset-{}")


class ResourceFactory(TableFactory[Resource]):
    """A folder."""

    path = numbered("/data/{}")


class TaskFactory(TableFactory[Task]):
    """A task of the whole site."""

    source = numbered("package:1.0.0:task-{}")
    name = numbered("task-{}")
    command = "python task.py"
    input_type = "zarr"
    output_type = "zarr"


class WorkflowFactory(TableFactory[Workflow]):
    """A workflow without steps."""

    project = ProjectFactory
    name = numbered("workflow-{}")


class WorkflowTaskFactory(TableFactory[WorkflowTask]):
    """A step with a task of its own; if created, the last one of its workflow."""

    task = TaskFactory
    order = 0

    @classmethod
    def create(cls, session: Session, /, **values: Any) -> WorkflowTask:
        """Add a step at the end."""
        return super().create(session, **_at_the_end(session, WorkflowTask, values))


class ApplyWorkflowFactory(TableFactory[ApplyWorkflow]):
    """A job that has ended well; if created, with datasets and a workflow in one project."""

    user_email = "user@example.org"
    first_task_index = 0
    last_task_index = 0
    status = JobStatusTypeV1.DONE.value
    end_timestamp = Use(moment)

    @classmethod
    def create(cls, session: Session, /, **values: Any) -> ApplyWorkflow:
        """Add a job, and what it ran on as far as that is not given, None for what was deleted."""
        parents: dict[str, type[TableFactory[Any]]] = {
            "workflow_id": WorkflowFactory,
            "input_dataset_id": DatasetFactory,
            "output_dataset_id": DatasetFactory,
        }
        return super().create(session, **_in_one_project(session, ProjectFactory, parents, values))


class StateFactory(TableFactory[State]):
    """A state that says nothing."""

    timestamp = Use(moment)


class ProjectV2Factory(TableFactory[ProjectV2]):
    """A project that nobody works on."""

    name = numbered("project-{}")


class LinkUserProjectV2Factory(TableFactory[LinkUserProjectV2]):
    """A share in a project."""


class DatasetV2Factory(TableFactory[DatasetV2]):
    """A dataset without images."""

    project = ProjectV2Factory
    name = numbered("dataset-{}")
    zarr_dir = numbered("/zarr/{}")


class TaskGroupV2Factory(TableFactory[TaskGroupV2]):
    """A package from PyPI without tasks, of a user."""

    origin = TaskGroupV2OriginEnum.PYPI.value
    pkg_name = numbered("package-{}")
    version = "1.0.0"


class TaskV2Factory(TableFactory[TaskV2]):
    """A parallel task; the type says which commands it has."""

    name = numbered("task-{}")
    type = "parallel"
    command_non_parallel = PostGenerated(lambda _, task: None if task["type"] == "parallel" else "python plan.py")
    command_parallel = PostGenerated(lambda _, task: None if task["type"] == "non_parallel" else "python task.py")


class WorkflowV2Factory(TableFactory[WorkflowV2]):
    """A workflow without steps."""

    project = ProjectV2Factory
    name = numbered("workflow-{}")


class WorkflowTaskV2Factory(TableFactory[WorkflowTaskV2]):
    """A step with a task of its own; if created, the last one of its workflow."""

    task = TaskV2Factory
    task_type = PostGenerated(lambda _, step: step["task"].type if "task" in step else TaskV2Factory.type)
    order = 0

    @classmethod
    def create(cls, session: Session, /, **values: Any) -> WorkflowTaskV2:
        """Add a step of the type of its task, at the end."""
        if "task_id" in values:
            values["task"] = session.get_one(TaskV2, values.pop("task_id"))
        return super().create(session, **_at_the_end(session, WorkflowTaskV2, values))


class JobV2Factory(TableFactory[JobV2]):
    """A job that has ended well; if created, with dataset and workflow in one project."""

    user_email = "user@example.org"
    first_task_index = 0
    last_task_index = 0
    status = JobStatusTypeV2.DONE.value
    end_timestamp = Use(moment)

    @classmethod
    def create(cls, session: Session, /, **values: Any) -> JobV2:
        """Add a job, and what it ran on as far as that is not given, None for what was deleted."""
        parents: dict[str, type[TableFactory[Any]]] = {"workflow_id": WorkflowV2Factory, "dataset_id": DatasetV2Factory}
        return super().create(session, **_in_one_project(session, ProjectV2Factory, parents, values))


class TaskGroupActivityV2Factory(TableFactory[TaskGroupActivityV2]):
    """A collection that has ended well."""

    pkg_name = numbered("package-{}")
    version = "1.0.0"
    status = TaskGroupActivityStatusV2.OK.value
    action = TaskGroupActivityActionV2.COLLECT.value
    timestamp_ended = Use(moment)


def _at_the_end(
    session: Session, model: type[WorkflowTask] | type[WorkflowTaskV2], values: dict[str, Any]
) -> dict[str, Any]:
    """Give a step of a given workflow the place after the others."""
    if "workflow_id" not in values:
        return values
    steps = select(func.count()).select_from(model).where(col(model.workflow_id) == values["workflow_id"])
    return {"order": session.scalar(steps), **values}


def _in_one_project(
    session: Session,
    project: type[TableFactory[Any]],
    parents: Mapping[str, type[TableFactory[Any]]],
    values: dict[str, Any],
) -> dict[str, Any]:
    """Give a job a project, the one of what is given if anything is, and in it what is not given."""
    if "project_id" not in values:
        given = (session.get_one(parents[name].__model__, values[name]) for name in parents if values.get(name))
        first = next(given, None)
        values["project_id"] = first.project_id if first else project.create(session).id
    for name, factory in parents.items():
        if name not in values and values["project_id"] is not None:
            values[name] = factory.create(session, project_id=values["project_id"]).id
    return values


FACTORIES: dict[str, type[TableFactory[Any]]] = {
    factory.table_name(): factory
    for factory in (
        ApplyWorkflowFactory,
        DatasetFactory,
        DatasetV2Factory,
        JobV2Factory,
        LinkUserGroupFactory,
        LinkUserProjectFactory,
        LinkUserProjectV2Factory,
        OAuthAccountFactory,
        ProjectFactory,
        ProjectV2Factory,
        ResourceFactory,
        StateFactory,
        TaskFactory,
        TaskGroupActivityV2Factory,
        TaskGroupV2Factory,
        TaskV2Factory,
        UserGroupFactory,
        UserOAuthFactory,
        UserSettingsFactory,
        WorkflowFactory,
        WorkflowTaskFactory,
        WorkflowTaskV2Factory,
        WorkflowV2Factory,
    )
}
"""Each factory, by the name of its table."""

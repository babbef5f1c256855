import re
from collections.abc import Sequence
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, insert
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session as AnySession
from sqlalchemy.orm import aliased, selectinload, undefer
from sqlmodel import Session, col, select

from fractal_models.base import Base
from fractal_models.loading import heavy_columns, without_heavy, without_relationships
from fractal_models.models import (
    ApplyWorkflow,
    Dataset,
    DatasetV2,
    JobV2,
    LinkUserProject,
    LinkUserProjectV2,
    OAuthAccount,
    Project,
    ProjectV2,
    Resource,
    Task,
    TaskGroupV2,
    TaskV2,
    UserOAuth,
    UserSettings,
    Workflow,
    WorkflowTask,
    WorkflowTaskV2,
    WorkflowV2,
)
from fractal_models.tables import METADATA
from fractal_models.testing.factories import DatasetV2Factory
from tests.support.databases import mainly_on, statement_count

HEAVY: dict[type[Base], list[str]] = {
    ApplyWorkflow: ["input_dataset_dump", "log", "output_dataset_dump", "project_dump", "workflow_dump"],
    Dataset: ["history", "meta"],
    DatasetV2: ["history", "images"],
    JobV2: ["dataset_dump", "log", "project_dump", "workflow_dump"],
    Task: ["args_schema", "docs_info"],
    TaskV2: ["args_schema_non_parallel", "args_schema_parallel", "docs_info"],
}

EAGER: list[type[Base]] = [Dataset, DatasetV2, Project, ProjectV2, TaskGroupV2, UserOAuth, Workflow, WorkflowV2]

BATCH = 500
"""Number of rows per statement of SQLAlchemy's `selectin`."""

IMAGES = [{"zarr_url": "/zarr/plate.zarr/A/01/0", "types": {"is_3D": True}}]
HISTORY = [{"workflowtask": {"id": 1}, "status": "done", "parallelization": None}]


def site(number: int) -> list[tuple[type[Base], list[dict[str, Any]]]]:
    """Equal numbers of rows in each table; related rows have the same number."""
    task_types = {"input_type": "image", "output_type": "zarr"}
    dumps: dict[str, Any] = {f"{name}_dump": {"id": 1} for name in ("dataset", "workflow", "project")}
    dumps |= {f"{name}_dataset_dump": {"id": 1} for name in ("input", "output")}
    job = {"user_email": "user@example.org", "first_task_index": 0, "last_task_index": 0, "log": "done", **dumps}
    job_columns = {model: set(sa.inspect(model).columns.keys()) for model in (ApplyWorkflow, JobV2)}

    def rows(**values: Any) -> list[dict[str, Any]]:
        return [
            {name: value(row) if callable(value) else value for name, value in values.items()}
            for row in range(1, number + 1)
        ]

    def same(row: int) -> int:
        return row

    return [
        (UserSettings, rows(id=same)),
        (UserOAuth, rows(id=same, email="user{}@example.org".format, hashed_password="hash", user_settings_id=same)),
        (
            OAuthAccount,
            rows(user_id=same, oauth_name="github", access_token="token", account_id=str, account_email="@"),
        ),
        (Project, rows(id=same, name="project")),
        (ProjectV2, rows(id=same, name="project")),
        (LinkUserProject, rows(project_id=same, user_id=same)),
        (LinkUserProjectV2, rows(project_id=same, user_id=same)),
        (Dataset, rows(id=same, name="dataset", project_id=same, meta={"channels": ["DAPI"]}, history=HISTORY)),
        (Resource, rows(dataset_id=same, path="/data")),
        (
            DatasetV2,
            rows(id=same, name="dataset", project_id=same, zarr_dir="/zarr", images=IMAGES, history=HISTORY),
        ),
        (Task, rows(id=same, name="task", source=str, command="run", args_schema={}, docs_info="# Task", **task_types)),
        (TaskGroupV2, rows(id=same, user_id=same, origin="pypi", pkg_name="package")),
        (
            TaskV2,
            rows(
                id=same,
                taskgroupv2_id=same,
                name="task",
                type="compound",
                args_schema_parallel={},
                args_schema_non_parallel={},
                docs_info="# Task",
            ),
        ),
        (Workflow, rows(id=same, name="workflow", project_id=same)),
        (WorkflowV2, rows(id=same, name="workflow", project_id=same)),
        (WorkflowTask, rows(workflow_id=same, task_id=same, order=0)),
        (WorkflowTaskV2, rows(workflow_id=same, task_id=same, order=0, task_type="compound")),
        *(
            (model, rows(id=same, **{name: value for name, value in job.items() if name in columns}))
            for model, columns in job_columns.items()
        ),
    ]


def fill(session: AnySession, number: int) -> None:
    for model, rows in site(number):
        session.execute(insert(model), rows)
    session.commit()


def dataset_without_heavy(session: Session) -> DatasetV2:
    """Save a dataset with images and history, and load it without heavy columns."""
    DatasetV2Factory.create(session, images=IMAGES, history=HISTORY)
    session.expunge_all()
    return session.exec(select(DatasetV2).options(without_heavy(DatasetV2))).one()


def test_the_heavy_columns_are_those_without_a_bound() -> None:
    assert {model: sorted(heavy_columns(model)) for model in HEAVY} == HEAVY


@pytest.mark.parametrize("model", HEAVY, ids=lambda model: model.__name__)
def test_a_listing_leaves_out_the_heavy_columns_and_loads_all_others(session: Session, model: type[Base]) -> None:
    fill(session, 3)
    statements = statement_count(session.get_bind())

    rows = session.exec(select(model).options(without_heavy(model))).all()

    heavy = set(HEAVY[model])
    columns = set(sa.inspect(model).column_attrs.keys())
    assert len(rows) == 3
    assert all(sa.inspect(row).unloaded & columns == heavy for row in rows)
    assert not [name for name in heavy if re.search(rf"\b{name}\b", "".join(statements))]


@pytest.mark.parametrize(
    ("model", "name"), [(model, name) for model, names in HEAVY.items() for name in names], ids=str
)
def test_reading_a_column_that_was_left_out_fails_and_names_it(session: Session, model: type[Base], name: str) -> None:
    fill(session, 1)
    row = session.exec(select(model).options(without_heavy(model))).one()

    with pytest.raises(InvalidRequestError, match=rf"'{model.__name__}\.{name}' is not available"):
        getattr(row, name)


def test_a_property_that_needs_a_column_that_was_left_out_fails_and_names_it(session: Session) -> None:
    dataset = dataset_without_heavy(session)

    with pytest.raises(InvalidRequestError, match=r"'DatasetV2\.images' is not available"):
        _ = dataset.image_zarr_urls


def test_a_model_without_heavy_columns_is_refused() -> None:
    with pytest.raises(ValueError, match="ProjectV2 has no heavy columns"):
        without_heavy(ProjectV2)


def test_an_alias_can_be_listed_too(session: Session) -> None:
    fill(session, 1)
    dataset = aliased(DatasetV2)

    row = session.exec(select(dataset).options(without_heavy(dataset))).one()

    assert {"images", "history"} <= sa.inspect(row).unloaded


def test_one_heavy_column_can_be_listed_all_the_same(session: Session) -> None:
    fill(session, 1)
    with_history = undefer(DatasetV2.history)  # type: ignore[arg-type]

    row = session.exec(select(DatasetV2).options(without_heavy(DatasetV2), with_history)).one()

    assert row.history == HISTORY
    assert "images" in sa.inspect(row).unloaded


@pytest.mark.parametrize(
    ("workflow", "step", "task"),
    [(Workflow, WorkflowTask, Task), (WorkflowV2, WorkflowTaskV2, TaskV2)],
    ids=["v1", "v2"],
)
def test_the_tasks_of_listed_workflows_can_be_slim(session: Session, workflow: Any, step: Any, task: Any) -> None:
    fill(session, 3)
    slim = selectinload(workflow.task_list).selectinload(step.task).options(without_heavy(task))

    rows = session.scalars(select(workflow).options(slim)).all()

    tasks = [entry.task for row in rows for entry in row.task_list]
    assert [loaded.name for loaded in tasks] == ["task"] * 3
    assert all(sa.inspect(loaded).unloaded >= set(HEAVY[task]) for loaded in tasks)


def test_the_tasks_of_listed_task_groups_can_be_slim(session: Session) -> None:
    fill(session, 1)
    slim = selectinload(TaskGroupV2.task_list).options(without_heavy(TaskV2))  # type: ignore[arg-type]

    group = session.exec(select(TaskGroupV2).options(slim)).one()

    with pytest.raises(InvalidRequestError, match=r"'TaskV2\.docs_info' is not available"):
        _ = group.task_list[0].docs_info


def test_saving_a_change_leaves_alone_what_was_not_loaded(session: Session) -> None:
    dataset = dataset_without_heavy(session)
    dataset.name = "renamed"
    dataset.filters["types"] = {"is_3D": True}
    statements = statement_count(session.get_bind())

    session.commit()

    (update,) = [statement for statement in statements if statement.startswith("UPDATE")]
    assert "images" not in update
    assert "history" not in update
    session.expunge_all()
    saved = session.exec(select(DatasetV2)).one()
    assert (saved.name, saved.images, saved.history) == ("renamed", IMAGES, HISTORY)


def test_a_column_that_was_left_out_can_be_written(session: Session) -> None:
    dataset = dataset_without_heavy(session)
    dataset.images = []

    session.commit()

    session.expunge_all()
    saved = session.exec(select(DatasetV2)).one()
    assert (saved.images, saved.history) == ([], HISTORY)


def test_an_object_with_columns_left_out_can_be_deleted(session: Session) -> None:
    session.delete(dataset_without_heavy(session))

    session.commit()

    assert session.exec(select(DatasetV2)).all() == []


def test_refresh_loads_the_columns_that_it_is_asked_for(session: Session) -> None:
    dataset = dataset_without_heavy(session)

    session.refresh(dataset, ["images"])

    assert dataset.images == IMAGES
    with pytest.raises(InvalidRequestError, match=r"'DatasetV2\.history' is not available"):
        _ = dataset.history


def test_refresh_of_the_whole_object_loads_everything(session: Session) -> None:
    dataset = dataset_without_heavy(session)

    session.refresh(dataset)

    assert (dataset.images, dataset.history) == (IMAGES, HISTORY)


def test_in_place_edits_of_a_column_that_was_refreshed_are_saved(session: Session) -> None:
    dataset = dataset_without_heavy(session)
    session.refresh(dataset, ["images"])
    dataset.images.append({"zarr_url": "/zarr/new"})

    session.commit()

    assert len(session.exec(select(DatasetV2)).one().images) == 2


def test_an_expired_object_loads_everything_when_it_is_read(session: Session) -> None:
    dataset = dataset_without_heavy(session)

    session.commit()

    assert (dataset.id, dataset.images, dataset.history) == (1, IMAGES, HISTORY)


async def test_in_async_code_reading_a_column_that_was_left_out_fails_and_names_it(async_session: AsyncSession) -> None:
    await async_session.run_sync(fill, 2)
    dataset = (await async_session.scalars(select(DatasetV2).options(without_heavy(DatasetV2)))).first()

    with pytest.raises(InvalidRequestError, match=r"'DatasetV2\.images' is not available"):
        _ = dataset.images  # type: ignore[union-attr]


async def test_in_async_code_refresh_loads_what_was_left_out(async_session: AsyncSession) -> None:
    await async_session.run_sync(fill, 2)
    listing = select(DatasetV2).options(without_heavy(DatasetV2)).where(col(DatasetV2.id) == 2)
    dataset = (await async_session.scalars(listing)).one()
    dataset.name = "renamed"
    await async_session.commit()

    await async_session.refresh(dataset, ["name", "images", "history"])

    assert (dataset.name, dataset.images, dataset.history) == ("renamed", IMAGES, HISTORY)


def statements_to_list(connection: Connection, model: type[Base]) -> Sequence[str]:
    """Statements that load all rows and read their eager relationships on all levels."""
    with Session(connection, join_transaction_mode="create_savepoint") as session:
        statements = statement_count(connection)
        rows = session.exec(select(model)).all()
        sent = list(statements)
        for row in rows:
            _touch(row, depth=4)
        assert statements == sent, "a relationship was loaded row by row"
    return sent


def _touch(row: Any, depth: int) -> None:
    if depth:
        for relationship in sa.inspect(type(row)).relationships.keys():  # noqa: SIM118 (no dict)
            related = getattr(row, relationship)
            for other in related if isinstance(related, list) else filter(None, [related]):
                _touch(other, depth - 1)


@mainly_on("sqlite")
def test_a_listing_takes_no_more_statements_for_more_rows(session: Session) -> None:
    """Apart from the batches of each eager load: one for 20 rows, two for one row more than a batch has."""
    fill(session, 20)
    few = {model: len(statements_to_list(session.connection(), model)) for model in EAGER}
    for table in reversed(METADATA.sorted_tables):
        session.execute(table.delete())
    fill(session, BATCH + 1)

    many = {model: len(statements_to_list(session.connection(), model)) for model in EAGER}

    assert many == {model: 1 + 2 * (number - 1) for model, number in few.items()}


RELATED = [model for model in EAGER if sa.inspect(model).relationships]


@pytest.mark.parametrize("model", RELATED, ids=lambda model: model.__name__)
def test_rows_without_their_relationships_are_one_statement(session: Session, model: type[Base]) -> None:
    fill(session, 3)
    statements = statement_count(session.get_bind())
    rows = session.exec(select(model).options(without_relationships(model))).all()
    assert (len(rows), sum(statement.startswith("SELECT") for statement in statements)) == (3, 1)
    row: Any = rows[0]
    for name in list(sa.inspect(model).relationships.keys()):
        with pytest.raises(InvalidRequestError, match=rf"{model.__name__}\.{name}"):
            getattr(row, name)
        session.refresh(row, [name])
        getattr(row, name)


def test_get_with_populate_existing_loads_a_light_row_whole(session: Session) -> None:
    dataset = dataset_without_heavy(session)
    assert session.get(DatasetV2, dataset.id) is dataset
    assert "images" not in dataset.__dict__
    assert session.get(DatasetV2, dataset.id, populate_existing=True) is dataset
    assert dataset.images == IMAGES

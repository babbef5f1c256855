"""Response bodies: complete, described, in UTC, from rows of any age, without secrets."""

import compileall
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode
from sqlalchemy import Column, Table
from sqlalchemy.orm import raiseload
from sqlmodel import Session, select

from fractal_models.base import Base
from fractal_models.loading import heavy_columns, without_heavy
from fractal_models.models import (
    TABLES,
    DatasetV2,
    UserOAuth,
    UserSettings,
    Workflow,
    WorkflowTask,
    WorkflowV2,
)
from fractal_models.schemas import UserGroupRead, UserRead, UserSettingsRead
from fractal_models.schemas.body import Response
from fractal_models.schemas.v1 import DatasetReadV1, DatasetSummaryV1, ProjectReadV1, WorkflowReadV1, WorkflowTaskReadV1
from fractal_models.schemas.v2 import (
    DatasetExportV2,
    DatasetImportV2,
    DatasetReadV2,
    JobReadV2,
    ProjectDumpV2,
    TaskGroupReadV2,
    WorkflowReadV2,
)
from fractal_models.schemas.v2.dataset import _DatasetHistoryItemV2
from fractal_models.tables import METADATA
from fractal_models.testing.factories import (
    DatasetFactory,
    DatasetV2Factory,
    JobV2Factory,
    OAuthAccountFactory,
    ProjectFactory,
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
from fractal_models.types import JSONArray, JSONObject, StrictDateTime, StrictInteger
from tests.support.bodies import BODIES, READS, SECRETS, least_row, model_of, read_of
from tests.support.databases import ROOT, saved

SHOWN = [table for table in TABLES if not table.__name__.startswith("Link")]


@pytest.fixture(params=READS)
def read(request: pytest.FixtureRequest) -> type[Response]:
    return READS[request.param]


@pytest.fixture(params=SHOWN, ids=lambda model: model.__name__)
def model(request: pytest.FixtureRequest) -> type[Base]:
    found: type[Base] = request.param
    return found


def properties(body: type[BaseModel]) -> dict[str, Any]:
    found: dict[str, Any] = body.model_json_schema(mode="serialization")["properties"]
    return found


def test_every_table_but_links_is_read_by_one_body(model: type[Base]) -> None:
    assert model_of(read_of(model)) is model


NOT_SHOWN = {"OAuthAccount": {"account_id", "expires_at", "user_id"}, "UserOAuth": {"user_settings_id"}}
"""Columns that the server does not show, either."""


def test_every_column_but_secrets_is_read_and_described(model: type[Base]) -> None:
    columns = set(model.model_fields) - SECRETS - NOT_SHOWN.get(model.__name__, set())
    shown = properties(read_of(model))
    if model is DatasetV2:
        shown |= properties(DatasetExportV2)
    assert columns <= set(shown)
    assert [name for name, field in shown.items() if not field.get("description")] == []


@pytest.mark.parametrize("name", BODIES)
def test_every_body_is_described_and_so_is_each_of_its_fields(name: str) -> None:
    modes: list[JsonSchemaMode] = ["validation", "serialization"]
    for mode in modes:
        schema = BODIES[name].model_json_schema(mode=mode)
        described = [schema, *schema["properties"].values()]
        assert [part["title"] for part in described if not part.get("description")] == []


def test_descriptions_are_those_of_the_columns() -> None:
    shown = properties(BODIES["TaskGroupReadV2"])
    assert shown["venv_size_in_kB"]["description"] == "Size of the virtual environment, in kibibytes."
    assert shown["pkg_name"]["description"] == "Name of the Python package."
    inherited = properties(BODIES["DatasetUpdateV1"])["type"]["description"]
    assert inherited == "Type of the data, as in `Task.input_type`; null if unknown."
    assert properties(BODIES["ResourceReadV1"])["dataset_id"]["description"] == "Refers to `dataset.id`."


def test_a_body_may_describe_a_field_otherwise_than_the_column() -> None:
    described = properties(BODIES["JobCreateV2"])["last_task_index"]["description"]
    assert described.endswith("null for the last of the workflow.")


def test_a_body_of_a_server_inherits_descriptions_and_adds_its_own() -> None:
    class ProjectReadWithOwner(ProjectReadV1):
        """Project with its owner."""

        owner: str

        site: str
        """Site of the owner."""

    shown = properties(ProjectReadWithOwner)
    assert shown["site"]["description"] == "Site of the owner."
    assert shown["read_only"] == properties(ProjectReadV1)["read_only"]
    assert "description" not in shown["owner"]


def parts(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    yield from schema.get("$defs", {}).values()


def test_no_json_schema_of_what_is_read_names_a_secret(read: type[Response]) -> None:
    for part in parts(read.model_json_schema(mode="serialization")):
        assert not SECRETS & set(part.get("properties", {}))


def user_with_secrets() -> UserOAuth:
    account = OAuthAccountFactory.build(access_token="planted-1", refresh_token="planted-2")
    settings = UserSettings(ssh_private_key_path="/planted-3")
    return UserOAuthFactory.build(hashed_password="planted-4", oauth_accounts=[account], settings=settings)


def test_no_secret_of_a_row_is_in_what_is_read(session: Session) -> None:
    user = saved(session, user_with_secrets())
    account, settings = user.oauth_accounts[0], user.settings
    assert settings is not None
    for row in (user, account, settings):
        body = read_of(type(row)).model_validate(row)
        for shown in (repr(body), str(body), str(body.model_dump()), body.model_dump_json()):
            assert "planted" not in shown
            assert SECRETS & set(shown.replace("'", " ").replace('"', " ").split()) == set()


def test_what_is_read_equals_the_row(session: Session) -> None:
    for model in SHOWN:
        row = least_row(session, model)
        session.expire_all()
        body = read_of(model).model_validate(row)
        read = body.model_dump()
        columns = set(model.model_fields) & set(read)
        assert "id" in columns
        assert {name: read[name] for name in columns} == {name: getattr(row, name) for name in columns}
        assert json.loads(body.model_dump_json())["id"] == row.id


def test_a_dataset_shows_its_project_and_its_resources(session: Session) -> None:
    resources = [ResourceFactory.build(path=path) for path in ("/b", "/a")]
    dataset = DatasetFactory.create(session, resource_list=resources)
    read = DatasetReadV1.model_validate(dataset)
    assert read.project.model_dump() == {
        "id": dataset.project_id,
        "name": dataset.project.name,
        "read_only": False,
        "timestamp_created": dataset.project.timestamp_created,
    }
    assert [resource.path for resource in read.resource_list] == ["/b", "/a"]


def test_a_workflow_shows_its_project_and_its_steps_with_their_tasks(session: Session) -> None:
    steps = [
        WorkflowTaskFactory.build(args={"a": 1}, task=TaskFactory.build(name=name)) for name in ("first", "second")
    ]
    workflow = WorkflowFactory.create(session, task_list=steps)
    read = WorkflowReadV1.model_validate(workflow)
    assert read.project.id == workflow.project_id
    assert [(step.order, step.task.name, step.args) for step in read.task_list] == [
        (0, "first", {"a": 1}),
        (1, "second", {"a": 1}),
    ]


def test_a_workflow_of_version_2_shows_its_steps_and_a_group_its_tasks(session: Session) -> None:
    owner = UserOAuthFactory.create(session)
    tasks = [TaskV2Factory.build(name=name) for name in ("first", "second")]
    group = TaskGroupV2Factory.create(session, user_id=owner.id, task_list=tasks)
    steps = [WorkflowTaskV2Factory.build(task=task) for task in tasks]
    workflow = WorkflowV2Factory.create(session, task_list=steps)
    assert [task.name for task in TaskGroupReadV2.model_validate(group).task_list] == ["first", "second"]
    assert [step.task.name for step in WorkflowReadV2.model_validate(workflow).task_list] == ["first", "second"]


def test_a_user_shows_accounts_without_their_tokens(session: Session) -> None:
    user = saved(session, user_with_secrets())
    (account,) = UserRead.model_validate(user).model_dump()["oauth_accounts"]
    assert account == {
        "id": user.oauth_accounts[0].id,
        "oauth_name": "github",
        "account_email": "someone@example.org",
    }


def test_what_the_server_adds_is_null_until_then(session: Session) -> None:
    user, group = UserOAuthFactory.create(session), UserGroupFactory.create(session)
    assert UserRead.model_validate(user).group_ids_names is None
    assert UserGroupRead.model_validate(group).user_ids is None
    values = UserGroupRead.model_validate(group).model_dump() | {"user_ids": [user.id]}
    assert UserGroupRead(**values).user_ids == [user.id]


def test_an_export_can_be_imported_again(session: Session) -> None:
    images = [{"zarr_url": "/zarr/a", "origin": None, "attributes": {"well": "B/03"}, "types": {"3D": True}}]
    filters = {"attributes": {"well": "B/03"}, "types": {}}
    dataset = DatasetV2Factory.create(session, name="plate", zarr_dir="/zarr", images=images, filters=filters)
    exported = DatasetExportV2.model_validate(dataset).model_dump_json()
    imported = DatasetImportV2.model_validate_json(exported)
    assert imported.model_dump() == {"name": "plate", "zarr_dir": "/zarr", "images": images, "filters": filters}


def test_what_is_read_is_a_copy_of_the_json_of_a_row(session: Session) -> None:
    dataset = DatasetFactory.create(session, meta={"a": 1}, history=[{}])
    read = DatasetReadV1.model_validate(dataset)
    read.meta["b"] = 2
    read.history.clear()
    assert (type(read.meta), type(read.history)) == (dict, list)
    assert not session.dirty
    assert (dataset.meta, dataset.history) == ({"a": 1}, [{}])


def test_moments_are_in_utc(session: Session) -> None:
    noon_in_tokyo = datetime(2024, 2, 29, 12, tzinfo=timezone(timedelta(hours=9)))
    project = ProjectFactory.build(id=1, timestamp_created=noon_in_tokyo)
    in_utc = datetime(2024, 2, 29, 3, tzinfo=UTC)

    for _ in ("constructed", "loaded"):
        read = ProjectReadV1.model_validate(project)
        assert (read.timestamp_created, read.timestamp_created.tzinfo) == (in_utc, UTC)
        assert json.loads(read.model_dump_json())["timestamp_created"] == "2024-02-29T03:00:00Z"
        project = saved(session, project)
        session.expire_all()
    naive = read.model_dump() | {"timestamp_created": in_utc.replace(tzinfo=None)}
    assert ProjectReadV1(**naive).timestamp_created == in_utc


def legacy(column: Column[Any]) -> Any:
    """Most unusual value of a row in this column."""
    if column.foreign_keys:
        return None
    match column.type:
        case JSONObject() | JSONArray():
            return sa.JSON.NULL
        case StrictDateTime():
            return None if column.nullable else datetime(1970, 1, 1, tzinfo=UTC)
        case sa.Boolean():
            return False
        case sa.Integer() | StrictInteger():
            return None if column.nullable else 0
        case _:
            return None if column.nullable else " "


def plain(table: Table) -> sa.TableClause:
    """Copy of the table without strict column types."""
    kinds: dict[type, Any] = {JSONObject: sa.JSON(), JSONArray: sa.JSON(), StrictDateTime: sa.DateTime(timezone=True)}
    return sa.table(
        table.name, *(sa.column(column.name, kinds.get(type(column.type), column.type)) for column in table.columns)
    )


def odd_values(table: Table) -> dict[str, Any]:
    """Legacy values, by column."""
    checked = {"status", "action"}
    return {
        column.name: legacy(column)
        for column in table.columns
        if not column.primary_key and (column.nullable or not column.foreign_keys) and column.name not in checked
    }


def test_rows_with_odd_values_are_read(session: Session) -> None:
    for model in SHOWN:
        table = METADATA.tables[str(model.__tablename__)]
        statement, odd = plain(table), odd_values(table)
        key = least_row(session, model).id
        session.execute(statement.update().where(statement.c.id == key).values(odd))
        session.commit()
        session.expunge_all()

        row = session.get_one(model, key)
        body = read_of(model).model_validate(row)
        read = body.model_dump()
        for name in odd.keys() & set(read):
            shown, stored = read[name], getattr(row, name)
            assert shown == stored or (stored is None and shown in ({}, [], {"attributes": {}, "types": {}}))
        json.loads(body.model_dump_json())


def test_rows_that_break_the_rules_of_today_are_read(session: Session) -> None:
    step = WorkflowTaskFactory.build(task=TaskFactory.build(source=" ", docs_link="ftp://x", meta=None))
    session.add(WorkflowFactory.build(task_list=[step]))
    session.flush()
    statement = plain(WorkflowTask.__table__)  # type: ignore[attr-defined]
    odd = {"args": {"component": "a"}, "meta": {"parallelization_level": "image"}}
    session.execute(statement.update().values(odd))
    session.commit()
    session.expire_all()
    (workflow,) = session.scalars(sa.select(Workflow))
    (read_step,) = WorkflowReadV1.model_validate(workflow).task_list
    assert (read_step.args, read_step.meta) == (odd["args"], odd["meta"])
    assert (read_step.task.source, read_step.task.docs_link, read_step.task.meta) == (" ", "ftp://x", None)
    assert isinstance(read_step, WorkflowTaskReadV1)

    user = UserOAuthFactory.create(session, email="admin@fractal.local", settings=UserSettings(cache_dir="~"))
    assert UserRead.model_validate(user).email == "admin@fractal.local"
    assert UserSettingsRead.model_validate(user.settings).cache_dir == "~"
    images = [{"zarr_url": "a", "more": 1}, {}]
    dataset = DatasetV2Factory.create(session, images=images, zarr_dir="zarr", filters={"a": 1})
    assert DatasetExportV2.model_validate(dataset).images == images


def test_dumps_are_typed_and_those_of_older_releases_as_stored(session: Session) -> None:
    project = {"id": 1, "name": "n", "timestamp_created": "2024-03-05 14:21:07+00:00"}
    workflow = project | {"project_id": 1}
    older = {"name": "n", "history": []}
    job = JobV2Factory.create(session, project_dump=project, workflow_dump=workflow | {"more": 1}, dataset_dump=older)
    read = JobReadV2.model_validate(job)
    assert read.project_dump == ProjectDumpV2.model_validate(project)
    assert (read.workflow_dump, read.dataset_dump) == (workflow | {"more": 1}, older)
    shown = json.loads(read.model_dump_json())
    assert (shown["project_dump"], shown["dataset_dump"]) == (project, older)


def test_a_history_is_typed_and_runs_of_older_releases_as_stored(session: Session) -> None:
    filters: dict[str, Any] = {"attributes": {}, "types": {}}
    step = {"id": 1, "order": 0, "workflow_id": 1, "task_id": None, "input_filters": filters, "task": None}
    run = {"workflowtask": step, "status": "done", "parallelization": None}
    older = {"workflowtask": {"task_legacy_id": 1}, "status": "done"}
    read = DatasetReadV2.model_validate(DatasetV2Factory.create(session, history=[run, older], filters={"a": 1}))
    typed, stored = read.history
    assert isinstance(typed, _DatasetHistoryItemV2)
    assert (typed.model_dump(), stored, read.filters) == (run, older, {"a": 1})


SUMMARIES = [body for name, body in READS.items() if "Summary" in name]


def test_every_heavy_table_has_a_summary() -> None:
    heavy = {model for model in SHOWN if heavy_columns(model)}
    assert {model_of(body) for body in SUMMARIES} == heavy | {Workflow, WorkflowV2}
    page = (ROOT / "docs" / "schemas.md").read_text()
    for body in SUMMARIES:
        path = body.__module__.split(".")[2]
        assert f"| `{body._table}` | `{path}.{body.__name__}` |" in page


@pytest.mark.parametrize("body", SUMMARIES, ids=lambda body: body.__name__)
def test_a_summary_has_all_light_columns_and_fits_light_rows(session: Session, body: type[Response]) -> None:
    model = model_of(body)
    heavy = heavy_columns(model)
    assert set(body.model_fields) == set(model.model_fields) - set(heavy)
    least_row(session, model)
    session.expunge_all()
    options = [without_heavy(model)] if heavy else []
    (row,) = session.exec(select(model).options(*options, raiseload("*")))
    summary = body.model_validate(row).model_dump()
    assert summary == {name: getattr(row, name) for name in summary}


class NamedDataset(DatasetSummaryV1):
    """Dataset with a field that is no column."""

    paths: list[str]


class StrictProject(ProjectReadV1, extra="forbid"):
    """Project that allows no other keys."""


def test_rows_are_read_whether_they_are_loaded_or_not(session: Session) -> None:
    dataset = DatasetFactory.create(session, resource_list=[ResourceFactory.build(path="/a")])
    expected = ProjectReadV1.model_validate(dataset.project).model_dump()
    session.commit()
    for _ in ("expired", "loaded"):
        assert NamedDataset.model_validate(dataset).paths == ["/a"]
        for body in (ProjectReadV1, StrictProject):
            assert body.model_validate(dataset.project).model_dump() == expected


def test_a_row_without_an_id_is_none_that_can_be_read() -> None:
    with pytest.raises(ValueError, match=r"id\n  Input should be a valid integer"):
        ProjectReadV1.model_validate(ProjectFactory.build())


def test_a_package_without_its_source_has_bodies_without_descriptions(tmp_path: Path) -> None:
    package = tmp_path / "fractal_models"
    shutil.copytree(ROOT / "fractal_models", package, ignore=shutil.ignore_patterns("__pycache__"))
    assert compileall.compile_dir(package, quiet=1, legacy=True)
    for source in package.rglob("*.py"):
        source.unlink()
    code = (
        "from fractal_models.schemas.v1 import ResourceReadV1 as read\n"
        "print(read.model_json_schema()['properties']['path'], read(id=1, path='/a', dataset_id=1).path)"
    )
    # Without the current folder, which contains the source.
    command = [sys.executable, "-P", "-c", code]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    printed = subprocess.check_output(command, env=environment, cwd=tmp_path, text=True)
    assert printed == "{'title': 'Path', 'type': 'string'} /a\n"

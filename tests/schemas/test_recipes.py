"""Recipes of SQLModel with bodies: a new row from a `Create` body, changes from an `Update` body."""

from typing import Any

import pytest
from sqlmodel import Session

from fractal_models.models import DatasetV2, JobV2, TaskV2, UserOAuth
from fractal_models.schemas import UserCreate
from fractal_models.schemas.body import Create
from fractal_models.schemas.v1 import DatasetUpdateV1
from fractal_models.schemas.v2 import (
    DatasetCreateV2,
    DatasetImportV2,
    DatasetUpdateV2,
    JobUpdateV2,
    SingleImage,
    TaskCreateV2,
    WorkflowTaskUpdateV2,
)
from fractal_models.testing.factories import DatasetV2Factory, JobV2Factory, ProjectV2Factory
from tests.schemas.test_fields import STEP
from tests.support.bodies import LEAST, ROWS, UPDATES, least_row, model_of
from tests.support.databases import saved

EMPTY: dict[str, Any] = {"attributes": {}, "types": {}}


@pytest.mark.parametrize("create", ROWS, ids=lambda create: create.__name__)
def test_a_row_is_made_of_a_body(session: Session, create: type[Create]) -> None:
    model = model_of(create)
    body, least = create.model_validate(LEAST[create]), least_row(session, model)
    columns = set(model.model_fields) - set(body.model_fields_set)
    row = model.model_validate(body, update={name: getattr(least, name) for name in columns})
    assert all(getattr(row, name) == value for name, value in LEAST[create].items() if name in model.model_fields)
    assert row.model_dump().keys() == least.model_dump().keys()


def test_filters_and_images_of_a_body_are_stored_whole(session: Session) -> None:
    project = ProjectV2Factory.create(session)
    more = {"project_id": project.id, "zarr_dir": "/zarr"}
    body = DatasetCreateV2.model_validate({"name": "n", "filters": {"types": {"3D": True}}})
    dataset = saved(session, DatasetV2.model_validate(body, update=more))
    assert dataset.filters == {"attributes": {}, "types": {"3D": True}}
    imported = DatasetImportV2(name="n", zarr_dir="/zarr", images=[SingleImage(zarr_url="/a")])
    dataset = saved(session, DatasetV2.model_validate(imported, update={"project_id": project.id}))
    assert (dataset.images, dataset.filters) == ([{"zarr_url": "/a", "origin": None, **EMPTY}], EMPTY)


def test_a_null_of_a_body_is_the_default_of_a_column_that_is_never_null() -> None:
    body = TaskCreateV2(name="n", command_parallel="run", meta_parallel=None)
    task = TaskV2.model_validate(body, update={"type": body.type})
    assert (task.meta_parallel, task.meta_non_parallel, task.version) == ({}, {}, None)


def test_a_password_is_no_column() -> None:
    body = UserCreate(email="a@example.org", password="planted")
    user = UserOAuth.model_validate(body, update={"hashed_password": "hash"})
    assert (user.email, user.hashed_password, user.is_active) == ("a@example.org", "hash", True)


@pytest.mark.parametrize(
    ("body", "name"), [(DatasetUpdateV2, "filters"), (WorkflowTaskUpdateV2, "input_filters")], ids=["dataset", "step"]
)
def test_a_partial_change_keeps_both_keys_of_filters(body: Any, name: str) -> None:
    for filters in ({}, {"types": {"3D": True}}, {"attributes": {"well": "B03"}}):
        changes = body.model_validate({name: filters}).model_dump(exclude_unset=True)
        assert changes == {name: EMPTY | filters}


def test_a_partial_change_keeps_all_keys_of_a_history() -> None:
    step = {key: value for key, value in STEP.items() if key != "order"}
    body = DatasetUpdateV1.model_validate({"history": [{"workflowtask": step, "status": "done"}]})
    run = {"workflowtask": STEP | {"order": None}, "status": "done", "parallelization": None}
    assert body.model_dump(exclude_unset=True) == {"history": [run]}


def test_a_change_is_applied_to_a_row(session: Session) -> None:
    dataset = DatasetV2Factory.create(session, filters={"attributes": {"a": 1}, "types": {}})
    dataset.sqlmodel_update(DatasetUpdateV2.model_validate({"filters": {"types": {"3D": True}}}))
    job = JobV2Factory.create(session, status="submitted")
    job.sqlmodel_update(JobUpdateV2.model_validate({"status": "failed"}))
    name = dataset.name
    session.commit()
    assert (dataset.filters, dataset.name) == ({"attributes": {}, "types": {"3D": True}}, name)
    session.refresh(job)
    assert (job.status, type(job.status)) == ("failed", str)
    assert session.get_one(JobV2, job.id).status == "failed"


def test_every_update_leaves_omitted_fields_alone() -> None:
    for update in UPDATES.values():
        if not any(field.is_required() for field in update.model_fields.values()):
            assert update().model_dump(exclude_unset=True) == {}

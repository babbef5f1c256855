"""`session.merge` changes what was given, and nothing else."""

from typing import Any

import pytest
from sqlalchemy.orm import make_transient
from sqlmodel import Session

from fractal_models.models import Dataset, DatasetV2, JobV2, TaskV2, UserOAuth
from fractal_models.testing.factories import (
    DatasetFactory,
    DatasetV2Factory,
    JobV2Factory,
    TaskGroupV2Factory,
    TaskV2Factory,
    UserOAuthFactory,
)


def stored(session: Session) -> list[Any]:
    user = UserOAuthFactory.create(session, is_superuser=True, is_verified=True, is_active=False)
    task = TaskV2Factory.build(meta_parallel={"mem": 1}, input_types={"is_3D": True}, tags=["a"], version="1")
    group = TaskGroupV2Factory.create(session, user_id=user.id, task_list=[task])
    return [
        user,
        group.task_list[0],
        DatasetFactory.create(session, meta={"a": 1}, history=[{"b": 1}], read_only=True, type="image"),
        DatasetV2Factory.create(
            session, images=[{"zarr_url": "/a"}], history=[{}], filters={"attributes": {"a": 1}, "types": {}}
        ),
        JobV2Factory.create(session, status="done", log="log", worker_init="init"),
    ]


@pytest.mark.parametrize("index", range(5))
def test_defaults_of_the_constructor_are_not_merged(session: Session, index: int) -> None:
    row = stored(session)[index]
    session.refresh(row)
    before, model = dict(row.model_dump()), type(row)
    given = {"id": row.id, "email" if model is UserOAuth else "user_email" if model is JobV2 else "name": "x@y.org"}
    session.expunge_all()
    assert session.merge(model(**given)).id == row.id
    session.commit()
    session.expunge_all()
    assert session.get_one(model, row.id).model_dump() == {**before, **given}


def test_a_default_that_was_given_edited_or_assigned_is_merged(session: Session) -> None:
    key = stored(session)[3].id
    values = {"id": key, "name": "a"}
    session.merge(DatasetV2(**values, images=[]))
    session.commit()
    edited = DatasetV2(**values)
    edited.images.append({"zarr_url": "/b"})
    edited.history = []
    session.merge(edited)
    session.commit()
    dataset = session.get_one(DatasetV2, key)
    assert (dataset.images, dataset.history) == ([{"zarr_url": "/b"}], [])
    assert dataset.filters == {"attributes": {"a": 1}, "types": {}}


def test_merging_a_row_that_is_not_stored_inserts_it_with_its_defaults(session: Session) -> None:
    project = DatasetFactory.create(session).project
    merged = session.merge(Dataset(id=77, name="a", project_id=project.id or 0))
    session.commit()
    assert (merged.id, merged.meta, merged.history, merged.read_only) == (77, {}, [], False)


def test_a_loaded_row_is_merged_whole(session: Session) -> None:
    rows = [row for row in stored(session) if isinstance(row, DatasetV2 | TaskV2)]
    for row in rows:
        session.refresh(row)
        before = row.model_dump()
        row.name = "changed"
        session.rollback()
        session.refresh(row)
        session.expunge(row)
        make_transient(row)
        blank = type(row).model_validate({**before, "name": "other"})
        session.merge(blank)
        session.commit()
        session.merge(row)
        session.commit()
        assert session.get_one(type(row), row.id).model_dump() == before

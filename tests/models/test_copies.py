"""Copies, dumps and updates of rows."""

import copy
from typing import Any

import pytest
from fastapi.encoders import jsonable_encoder
from pydantic import BaseModel
from sqlalchemy.exc import InvalidRequestError
from sqlmodel import Session, select

from fractal_models.loading import without_heavy
from fractal_models.models import (
    TABLES,
    DatasetV2,
    LinkUserGroup,
    OAuthAccount,
    Project,
    UserOAuth,
    UserSettings,
    WorkflowTaskV2,
    WorkflowV2,
)
from fractal_models.schemas import UserCreate
from fractal_models.testing.factories import (
    DatasetV2Factory,
    OAuthAccountFactory,
    ProjectFactory,
    TaskGroupV2Factory,
    TaskV2Factory,
    UserGroupFactory,
    UserOAuthFactory,
    WorkflowV2Factory,
)
from tests.support.databases import saved


def test_a_copy_of_a_stored_row_inserts_a_new_one(session: Session) -> None:
    dataset = DatasetV2Factory.create(session, images=[{"types": {"a": True}}])
    for new in (dataset.model_copy(), copy.copy(dataset), copy.deepcopy(dataset)):
        saved(session, new)
        assert new.id != dataset.id
        assert new.model_dump(exclude={"id"}) == dataset.model_dump(exclude={"id"})
        new.images[0]["types"]["a"] = False
        assert dataset.images == [{"types": {"a": True}}]
    assert len(session.exec(select(DatasetV2)).all()) == 4


def test_a_copy_takes_other_values_from_update(session: Session) -> None:
    project, other = ProjectFactory.create(session), ProjectFactory.create(session)
    assert project.model_copy(update={"name": "copy"}).name == "copy"
    dataset = DatasetV2Factory.create(session)
    with pytest.raises(TypeError, match=r"^DatasetV2 has no column or relationship nmae$"):
        dataset.model_copy(update={"nmae": "copy"})
    assert (other.name, dataset.id) == (other.name, 1)


def test_a_copy_of_a_workflow_can_have_copies_of_its_steps(session: Session) -> None:
    owner = UserOAuthFactory.create(session)
    (task,) = TaskGroupV2Factory.create(session, user_id=owner.id, task_list=[TaskV2Factory.build()]).task_list
    steps = [WorkflowTaskV2(task=task, task_type="parallel", args_parallel={"n": n}) for n in range(3)]
    workflow = WorkflowV2Factory.create(session, task_list=steps)

    new = workflow.model_copy(update={"name": "copy", "task_list": [step.model_copy() for step in workflow.task_list]})
    saved(session, new)
    session.expire_all()
    assert [(step.order, step.args_parallel, step.task) for step in new.task_list] == [
        (n, {"n": n}, task) for n in range(3)
    ]
    assert [step.id for step in workflow.task_list] == [1, 2, 3]
    assert (new.name, new.project, len(session.exec(select(WorkflowV2)).all())) == ("copy", workflow.project, 2)


def test_a_copy_of_a_row_with_a_key_of_foreign_keys_keeps_it(session: Session) -> None:
    user, group = UserOAuthFactory.create(session), UserGroupFactory.create(session)
    link = saved(session, LinkUserGroup(user_id=user.id or 0, group_id=group.id or 0))
    assert link.model_copy().model_dump() == link.model_dump()


def test_a_row_without_its_heavy_columns_is_not_copied(session: Session) -> None:
    DatasetV2Factory.create(session)
    session.expunge_all()
    light = session.exec(select(DatasetV2).options(without_heavy(DatasetV2))).one()
    with pytest.raises(InvalidRequestError, match=r"DatasetV2\.images"):
        light.model_copy()
    assert light.id
    whole = session.get_one(DatasetV2, light.id, populate_existing=True)
    assert whole is light
    assert whole.model_copy().images == whole.images == []


SECRETS = {"hashed_password", "access_token", "refresh_token", "ssh_private_key_path"}


class Body(BaseModel):
    user: UserOAuth


def test_dumps_contain_no_secrets(session: Session) -> None:
    account = OAuthAccountFactory.build(access_token="secret", refresh_token="secret")
    user = UserOAuthFactory.create(session, hashed_password="secret", oauth_accounts=[account])
    settings = saved(session, UserSettings(ssh_private_key_path="secret"))
    for row in (user, account, settings):
        session.refresh(row)
        dumps: list[Any] = [row.model_dump(), row.model_dump(mode="json"), jsonable_encoder(row), row.model_dump_json()]
        assert "secret" not in str(dumps)
    assert "secret" not in Body.model_construct(user=user).model_dump_json()
    assert {name for model in (UserOAuth, OAuthAccount, UserSettings) for name in model.model_fields} >= SECRETS
    for model in TABLES:
        assert {name for name, field in model.model_fields.items() if not field.repr} == {
            name for name, field in model.model_fields.items() if field.exclude
        }


def test_bodies_keep_their_passwords() -> None:
    body = UserCreate(email="a@example.org", password="secret-password")
    assert body.model_dump()["password"] == "secret-password"
    create_update_dict: Any = body.create_update_dict
    assert create_update_dict()["password"] == "secret-password"


def test_dumps_are_in_the_order_of_declaration(session: Session) -> None:
    dataset = DatasetV2Factory.create(session)
    names = list(DatasetV2.model_fields)
    for _ in range(2):
        assert list(dataset.model_dump()) == list(jsonable_encoder(dataset)) == names
        session.expunge_all()
        dataset = session.exec(select(DatasetV2)).one()
    assert list(DatasetV2.model_json_schema(mode="serialization")["properties"]) == names


def test_an_update_sets_columns_and_relationships_by_name(session: Session) -> None:
    project = ProjectFactory.create(session)
    assert project.sqlmodel_update({"name": "a", "read_only": True}, update={"name": "b"}) is project
    assert (project.name, project.read_only) == ("b", True)
    for wrong in ({"nmae": "a"}, Named(name="c", nmae="a")):
        with pytest.raises(TypeError, match=r"^Project has no column or relationship nmae$"):
            project.sqlmodel_update(wrong)
    with pytest.raises(TypeError, match=r"^Project has no column or relationship nmae$"):
        project.sqlmodel_update({}, update={"nmae": "a"})
    assert project.name == "b"


class Named(BaseModel):
    name: str = "default"
    nmae: str | None = None
    read_only: bool | None = None


def test_an_update_from_a_body_sets_what_was_given(session: Session) -> None:
    project = saved(session, Project(name="a", read_only=True))
    project.sqlmodel_update(Named(name="b"))
    assert (project.name, project.read_only) == ("b", True)
    project.sqlmodel_update(Named(), update={"name": "c"})
    assert (project.name, project.read_only) == ("c", True)

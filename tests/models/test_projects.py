"""Projects of both versions: their users, and rows that must not be orphaned."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from fractal_models.models import UserOAuth
from fractal_models.testing.factories import (
    DatasetFactory,
    DatasetV2Factory,
    OAuthAccountFactory,
    ProjectFactory,
    ProjectV2Factory,
    UserOAuthFactory,
    WorkflowFactory,
    WorkflowV2Factory,
)
from tests.support.databases import saved, statement_count

both_versions = pytest.mark.parametrize("make", [ProjectFactory.build, ProjectV2Factory.build])


@both_versions
def test_users_are_listed_in_the_order_of_their_ids(session: Session, make: Callable[..., Any]) -> None:
    users = [UserOAuthFactory.create(session) for _ in range(3)]
    project = saved(session, make(user_list=[users[2], users[0]]))
    project.user_list.append(users[1])
    session.commit()
    assert project.user_list == users


@both_versions
def test_a_user_who_is_taken_out_stays_a_user(session: Session, make: Callable[..., Any]) -> None:
    users = [UserOAuthFactory.create(session) for _ in range(2)]
    project = saved(session, make(user_list=users))
    project.user_list.remove(users[0])
    session.commit()
    assert project.user_list == [users[1]]
    assert session.get_one(UserOAuth, users[0].id) is users[0]


@both_versions
def test_a_deleted_project_leaves_its_users_and_no_links(session: Session, make: Callable[..., Any]) -> None:
    user = UserOAuthFactory.create(session)
    project, other = saved(session, make(user_list=[user])), saved(session, make(user_list=[user]))
    links = f"linkuser{project.__tablename__}"
    session.delete(project)
    session.commit()
    assert session.scalars(sa.text(f"SELECT project_id FROM {links}")).all() == [other.id]
    assert other.user_list == [user]


@both_versions
def test_users_are_loaded_with_a_project(session: Session, make: Callable[..., Any]) -> None:
    project = saved(session, make(user_list=[UserOAuthFactory.build(oauth_accounts=[OAuthAccountFactory.build()])]))
    session.refresh(project)
    statements = statement_count(session.get_bind())
    (user,) = project.user_list
    assert (len(user.oauth_accounts), user.settings) == (1, None)
    assert statements == []


@pytest.mark.parametrize(
    "make", [DatasetFactory.build, WorkflowFactory.build, DatasetV2Factory.build, WorkflowV2Factory.build]
)
def test_a_project_that_owns_something_cannot_be_deleted(session: Session, make: Callable[..., Any]) -> None:
    owned = saved(session, make())
    session.delete(owned.project)
    with pytest.raises(IntegrityError, match=r"(?i)foreign key constraint"):
        session.flush()


@pytest.mark.parametrize(
    "make", [DatasetFactory.build, WorkflowFactory.build, DatasetV2Factory.build, WorkflowV2Factory.build]
)
def test_a_project_outlives_what_it_owns(session: Session, make: Callable[..., Any]) -> None:
    owned = saved(session, make())
    project = owned.project
    session.delete(owned)
    session.commit()
    assert session.get_one(type(project), project.id) is project


@pytest.mark.parametrize(
    "make", [DatasetFactory.build, WorkflowFactory.build, DatasetV2Factory.build, WorkflowV2Factory.build]
)
def test_a_project_is_loaded_with_what_it_owns(session: Session, make: Callable[..., Any]) -> None:
    owned = saved(session, make())
    key = owned.id
    session.expunge_all()
    found = session.get_one(type(owned), key)
    statements = statement_count(session.get_bind())
    assert found.project.user_list == []
    assert statements == []

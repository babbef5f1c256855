"""Users with their accounts and settings, groups and memberships."""

from typing import Any

import pytest
from pydantic import ValidationError
from sqlmodel import Session, select

from fractal_models.models import LinkUserGroup, OAuthAccount, UserOAuth, UserSettings
from fractal_models.testing.factories import OAuthAccountFactory, UserGroupFactory, UserOAuthFactory
from tests.support.databases import saved, statement_count


def test_an_address_is_checked_where_data_enters() -> None:
    values = {"email": "nobody", "hashed_password": "hash"}
    with pytest.raises(ValidationError, match="value is not a valid email address"):
        UserOAuth.model_validate(values)
    assert UserOAuth.model_validate(values | {"email": "some@example.org"}).email == "some@example.org"


def test_accounts_know_their_user_and_are_listed_in_order(session: Session) -> None:
    accounts = [OAuthAccountFactory.build(oauth_name=name) for name in ("b", "a")]
    user = UserOAuthFactory.create(session, oauth_accounts=accounts)
    accounts.append(OAuthAccountFactory.create(session, user=user))
    assert user.oauth_accounts == accounts
    assert all(account.user is user for account in accounts)


def test_accounts_are_deleted_with_their_user_or_when_taken_out(session: Session) -> None:
    user = UserOAuthFactory.build(oauth_accounts=[OAuthAccountFactory.build(), OAuthAccountFactory.build()])
    other = UserOAuthFactory.build(oauth_accounts=[OAuthAccountFactory.build()])
    session.add_all([user, other])
    session.commit()

    kept = user.oauth_accounts[1]
    del user.oauth_accounts[0]
    session.commit()
    assert user.oauth_accounts == [kept]
    session.delete(user)
    session.commit()
    assert session.exec(select(OAuthAccount)).all() == other.oauth_accounts


def test_settings_are_deleted_with_their_user(session: Session) -> None:
    user = UserOAuthFactory.build(settings=UserSettings(ssh_host="cluster"))
    other = UserOAuthFactory.build(settings=UserSettings())
    session.add_all([user, other])
    session.commit()
    session.delete(user)
    session.commit()
    assert session.exec(select(UserSettings)).all() == [other.settings]


def test_a_user_reads_through_to_the_settings(session: Session) -> None:
    settings = UserSettings(slurm_user="alice", slurm_accounts=["lab", "other"], cache_dir="/scratch/alice")
    user = UserOAuthFactory.create(session, settings=settings)
    assert (user.slurm_user, user.slurm_accounts, user.cache_dir) == ("alice", ["lab", "other"], "/scratch/alice")

    user.slurm_accounts.append("third")
    session.commit()
    assert settings.slurm_accounts == ["lab", "other", "third"]


def test_a_user_without_settings_has_no_cluster(session: Session) -> None:
    user = UserOAuthFactory.create(session)
    assert user.settings is None
    assert (user.slurm_user, user.slurm_accounts, user.cache_dir) == (None, [], None)


def test_related_rows_are_loaded_with_a_user(session: Session) -> None:
    UserOAuthFactory.create(session, settings=UserSettings(), oauth_accounts=[OAuthAccountFactory.build()])
    session.expunge_all()
    (user,) = session.exec(select(UserOAuth))
    statements = statement_count(session.get_bind())
    assert isinstance(user.settings, UserSettings)
    assert [account.user for account in user.oauth_accounts] == [user]
    assert statements == []


def test_a_membership_is_a_row_of_its_own(session: Session) -> None:
    user, group = UserOAuthFactory.create(session), UserGroupFactory.create(session)
    keys: dict[str, Any] = {"group_id": group.id, "user_id": user.id}
    link = saved(session, LinkUserGroup(**keys))
    assert session.get_one(LinkUserGroup, (group.id, user.id)) is link


def test_the_paths_of_a_group_are_tracked(session: Session) -> None:
    group = UserGroupFactory.create(session)
    group.viewer_paths.append("/data")
    session.commit()
    assert group.viewer_paths == ["/data"]


def test_secrets_are_not_printed() -> None:
    settings = UserSettings(ssh_private_key_path="secret/key", ssh_host="cluster")
    account = OAuthAccountFactory.build(access_token="secret-access", refresh_token="secret-refresh")
    user = UserOAuthFactory.build(hashed_password="secret-hash", settings=settings, oauth_accounts=[account])
    for row, shown in ((user, user.email), (account, account.account_id), (settings, "cluster")):
        for printed in (repr(row), str(row), f"{row}"):
            assert shown in printed
            assert "secret" not in printed

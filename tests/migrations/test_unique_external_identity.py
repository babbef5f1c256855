"""One external identity with two users stands in the way of the index that forbids it."""

from tests.support.databases import upgrade
from tests.support.refusal import execute, refusal
from tests.support.server_2_9 import BASELINE
from tests.support.sites import Sites


def test_identity_of_two_users_is_in_the_way(sites: Sites) -> None:
    url = sites.at(BASELINE)
    execute(url, "UPDATE oauthaccount SET account_id = '1' WHERE id = 3")

    message = refusal(url)

    assert "oauthaccount 1, 3: is the same external identity (oauth_name, account_id) as another row." in message

    mend = "DELETE FROM oauthaccount WHERE id IN (…)"
    assert mend in message
    execute(url, mend.replace("…", "3"))
    upgrade(url)


def test_one_id_at_two_providers_is_not_in_the_way(sites: Sites) -> None:
    url = sites.at(BASELINE)
    execute(url, "UPDATE oauthaccount SET account_id = '1', oauth_name = 'google' WHERE id = 3")

    upgrade(url)

"""Users whose addresses differ in case alone stand in the way of the index that forbids them."""

from tests.support.databases import upgrade
from tests.support.refusal import execute, refusal
from tests.support.rows import content
from tests.support.server_2_9 import BASELINE
from tests.support.sites import Sites


def test_users_with_one_address_are_in_the_way(sites: Sites) -> None:
    url = sites.at(BASELINE)
    execute(url, "UPDATE user_oauth SET email = 'User1@Example.ORG' WHERE id = 3")

    message = refusal(url)

    assert "user_oauth 1, 3: has the e-mail address of another user, ignoring case." in message
    assert "User1@" not in message

    execute(url, "UPDATE user_oauth SET email = 'user3@example.org' WHERE id = 3")
    upgrade(url)


def test_addresses_keep_the_case_that_they_have(sites: Sites) -> None:
    url = sites.at(BASELINE)
    execute(url, "UPDATE user_oauth SET email = 'User3@Example.ORG' WHERE id = 3")
    rows = content(url)

    upgrade(url)

    assert content(url) == rows

"""A conversion needs `--convert`, or the name of the database typed at a question."""

import pytest

from fractal_models.database.revisions.history import head
from fractal_models.testing.databases import Databases
from tests.support.catalog import revisions
from tests.support.commandline import converse, run
from tests.support.old_databases.conversions import create_old
from tests.support.old_databases.rows import OWNER


@pytest.mark.parametrize("options", [(), ("--yes",)])
def test_nothing_is_changed_without_the_flag(databases: Databases, options: tuple[str, ...]) -> None:
    old = create_old(databases, 13)
    before = old.snapshot()

    outcome = run("upgrade", "head", *options, url=old.url)

    assert outcome.code == 3
    assert "--convert" in outcome.err
    assert old.snapshot() == before
    databases.drop(old.url)


def test_name_of_the_database_is_asked_for(databases: Databases) -> None:
    old = create_old(databases, 13)
    before = old.snapshot()

    assert converse("upgrade", "head", url=old.url, answer="y\n").code == 9
    assert old.snapshot() == before

    name = str(old.url.database).rpartition("/")[2]
    answered = converse("upgrade", "head", "--task-owner", OWNER, url=old.url, answer=f"{name}\n")
    assert answered.code == 0, answered.out
    assert revisions(old.url) == [head()]
    databases.drop(old.url)


def test_status_names_the_command(databases: Databases) -> None:
    old = create_old(databases, 13)

    outcome = run("status", url=old.url)

    assert outcome.code == 3
    assert "--convert" in outcome.all
    databases.drop(old.url)

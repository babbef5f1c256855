"""`stamp` records a revision whose schema is there, and no other one unless it is told to."""

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.util import CommandError
from sqlalchemy import URL

from fractal_models.database import DriftError, alembic_config, inspect_database
from fractal_models.database.connection.engine import connect
from fractal_models.database.inspection.contents import read_revisions
from fractal_models.database.revisions.history import head
from tests.support.commandline import run
from tests.support.dumps import snapshot
from tests.support.server_2_9 import BASELINE


def revisions(url: URL) -> tuple[str, ...] | None:
    with connect(url) as connection:
        return read_revisions(connection)


def test_revision_whose_schema_is_not_there_is_refused(site_url: URL) -> None:
    before = snapshot(site_url)

    outcome = run("stamp", "head", url=site_url)

    assert (outcome.code, outcome.out) == (6, "")
    assert outcome.err.startswith(
        f"fractal-models: the schema of revision {head()} is not there, so nothing was changed: "
    )
    assert "; … (" in outcome.err
    assert outcome.err.endswith(f"it is that of {BASELINE}: `fractal-models stamp {BASELINE}`\n")
    assert snapshot(site_url) == before


def test_revision_behind_the_schema_is_refused(url: URL) -> None:
    assert run("stamp", BASELINE, url=url).code == 6
    assert revisions(url) == (head(),)


def test_schema_of_no_revision_is_said_to_be_none(sqlite_url: URL) -> None:
    with connect(sqlite_url) as connection:
        connection.execute(sa.text("DROP TABLE state"))
        connection.execute(sa.text("DELETE FROM alembic_version"))
        connection.commit()

    outcome = run("stamp", "head", url=sqlite_url)

    assert outcome.code == 6
    assert outcome.err == (
        f"fractal-models: the schema of revision {head()} is not there, so nothing was changed: "
        f"table state is missing; to record it nevertheless: `fractal-models stamp {head()} --yes`\n"
    )


@pytest.mark.parametrize("option", ["--yes", "--purge"])
def test_whoever_knows_better_may_say_so(option: str, sqlite_url: URL) -> None:
    assert run("stamp", BASELINE, option, url=sqlite_url).code == 0
    assert revisions(sqlite_url) == (BASELINE,)


def test_base_and_the_revision_of_the_schema_are_recorded(sqlite_url: URL) -> None:
    assert run("stamp", "base", url=sqlite_url).code == 0
    assert revisions(sqlite_url) == ()
    assert run("stamp", "head", url=sqlite_url).code == 0
    assert inspect_database(sqlite_url).exit_code == 0


def test_commands_of_alembic_refuse_it_too(sqlite_site: URL) -> None:
    with pytest.raises(CommandError, match="is not there, so nothing was changed") as raised:
        command.stamp(alembic_config(sqlite_site), "head")

    assert isinstance(raised.value.__cause__, DriftError)
    assert raised.value.__cause__.status is not None
    assert raised.value.__cause__.status.command == f"fractal-models stamp {BASELINE}"

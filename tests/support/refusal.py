"""What a database is refused with when its rows are in the way of a revision."""

import pytest
import sqlalchemy as sa
from alembic.util import CommandError
from sqlalchemy import URL

from fractal_models.database.connection.engine import maintenance_engine
from tests.support.catalog import catalog, revisions
from tests.support.databases import upgrade
from tests.support.rows import content


def refusal(url: URL) -> str:
    """The message of an upgrade to head, which has changed nothing."""
    before = catalog(url), content(url), revisions(url)

    with pytest.raises(CommandError, match="nothing was changed") as refused:
        upgrade(url)

    assert (catalog(url), content(url), revisions(url)) == before
    return str(refused.value)


def execute(url: URL, *statements: str) -> None:
    """Run SQL, and commit after each statement, as somebody at a prompt does."""
    with maintenance_engine(url).connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in statements:
            connection.execute(sa.text(statement))

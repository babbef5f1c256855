"""Every revision goes up, down and up again on databases with rows, wherever they come from, and keeps the rows."""

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import URL

from fractal_models.database import create_engine
from tests.migrations.test_offline import execute as run_script
from tests.migrations.test_offline import script
from tests.support.catalog import catalog, differences, revisions
from tests.support.databases import alembic_config, upgrade
from tests.support.rows import content
from tests.support.server_2_9 import BASELINE
from tests.support.sites import Sites

HISTORY = ScriptDirectory.from_config(alembic_config())
STEPS = [
    (str(script.down_revision), script.revision)
    for script in HISTORY.walk_revisions()
    if script.down_revision is not None
][::-1]


def downgrade(url: URL, revision: str) -> None:
    command.downgrade(alembic_config(url), revision)


@pytest.mark.parametrize(("below", "above"), STEPS)
def test_revision_goes_up_down_and_up_without_a_trace(main_sites: Sites, below: str, above: str) -> None:
    url = main_sites.at(below)
    rows = content(url)

    upgrade(url, above)
    assert differences(catalog(url), catalog(main_sites.template(above))) == []
    assert content(url) == rows

    downgrade(url, below)
    assert differences(catalog(url), catalog(main_sites.template(below))) == []
    assert content(url) == rows

    upgrade(url, above)
    assert differences(catalog(url), catalog(main_sites.template(above))) == []
    assert content(url) == rows
    assert revisions(url) == [above]


def test_every_kind_of_database_has_the_same_catalog_at_head(all_sites: Sites) -> None:
    fresh = all_sites.databases.create_at_head()
    head = catalog(fresh)
    all_sites.databases.drop(fresh)

    upgraded = catalog(all_sites.template("head"))

    # Early databases note the names that their constraints had.
    assert differences({**upgraded, "comments": {}}, {**head, "comments": {}}) == []


def test_downgrade_to_2_9_gives_back_the_names_that_were_found(all_sites: Sites) -> None:
    url = all_sites.at("head")

    downgrade(url, BASELINE)

    assert differences(catalog(url), catalog(all_sites.template(BASELINE))) == []
    assert content(url) == content(all_sites.template(BASELINE))


def test_scripts_do_to_a_database_with_rows_what_alembic_does(all_sites: Sites) -> None:
    url = all_sites.at(BASELINE)

    run_script(url, script(url, "upgrade", f"{BASELINE}:head"))
    assert differences(catalog(url), catalog(all_sites.template("head"))) == []
    assert content(url) == content(all_sites.template(BASELINE))

    run_script(url, script(url, "downgrade", f"head:{BASELINE}"))
    assert differences(catalog(url), catalog(all_sites.template(BASELINE))) == []
    assert content(url) == content(all_sites.template(BASELINE))


def test_in_a_transaction_of_the_caller_nothing_is_committed(postgres_sites: Sites) -> None:
    url = postgres_sites.at(BASELINE)
    config = alembic_config()
    engine = create_engine(url)
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        connection.execute(sa.text("UPDATE state SET data = NULL"))
        command.upgrade(config, "head")
        connection.rollback()
        assert differences(catalog(url), catalog(postgres_sites.template(BASELINE))) == []

        with connection.begin():
            command.upgrade(config, "head")
    engine.dispose()

    assert differences(catalog(url), catalog(postgres_sites.template("head"))) == []
    assert content(url) == content(postgres_sites.template(BASELINE))

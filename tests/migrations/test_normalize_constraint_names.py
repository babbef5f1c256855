"""Both families of constraint names become one, and the way back gives exactly the old names."""

import io
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy import URL

from fractal_models.database import DatabaseState, inspect_database
from fractal_models.database.connection.engine import connect
from fractal_models.testing.databases import Databases
from tests.support.catalog import Catalog, catalog, revisions
from tests.support.commandline import run
from tests.support.databases import alembic_config, upgrade
from tests.support.dumps import dump, psql
from tests.support.rows import content
from tests.support.server_2_9 import BASELINE
from tests.support.sites import SitesOf

ONE_NAME = "4b8f0d6a91c3"


@pytest.fixture
def young_url(sites_of: SitesOf) -> Iterator[URL]:
    """A database that a late release of fractal-server has created, with rows."""
    yield sites_of("young").at(BASELINE)
    sites_of("young").drop_copies()


def downgrade(url: URL) -> None:
    command.downgrade(alembic_config(url), BASELINE)


def execute(url: URL, *statements: str) -> None:
    with connect(url) as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
        connection.commit()


def without_comments(found: Catalog) -> Catalog:
    return {kind: definitions for kind, definitions in found.items() if kind != "comments"}


def test_early_database_gets_the_names_and_the_default_of_a_young_one(early_url: URL, young_url: URL) -> None:
    assert catalog(early_url) != catalog(young_url)

    upgrade(early_url, ONE_NAME)

    assert without_comments(catalog(early_url)) == without_comments(catalog(young_url))


def test_early_database_goes_to_head_and_back_unharmed(early_url: URL) -> None:
    before, rows, dumped = catalog(early_url), content(early_url), dump(early_url)

    upgrade(early_url)

    assert inspect_database(early_url).state is DatabaseState.AT_HEAD
    command.check(alembic_config(early_url))
    assert content(early_url) == rows

    assert run("downgrade", BASELINE, "--yes", url=early_url).code == 0

    assert catalog(early_url) == before
    assert content(early_url) == rows
    assert dump(early_url) == dumped


def test_old_names_are_remembered_beside_the_new_ones(early_url: URL) -> None:
    upgrade(early_url, ONE_NAME)

    comments = catalog(early_url)["comments"]

    # 11 primary keys, 12 foreign keys, a unique constraint; and the missing default.
    assert len(comments) == 25
    assert comments["constraint pk_task on table task"] == ["fractal-models: formerly task_pkey"]
    assert comments["constraint uq_task_source on table task"] == ["fractal-models: formerly task_source_key"]


@pytest.mark.parametrize("comment", ["Ask Ada", "Two\nlines", "100% of 'it' \\n %I"])
def test_comments_of_others_survive_both_ways(early_url: URL, comment: str) -> None:
    literal = "'" + comment.replace("'", "''").replace("%", "%%") + "'"
    execute(
        early_url,
        f"COMMENT ON CONSTRAINT task_pkey ON task IS {literal}",
        f"COMMENT ON CONSTRAINT pk_taskgroupv2 ON taskgroupv2 IS {literal}",
    )
    before = catalog(early_url)
    assert before["comments"]["constraint task_pkey on table task"] == [comment]

    upgrade(early_url)

    [noted] = catalog(early_url)["comments"]["constraint pk_task on table task"]
    assert noted == f"fractal-models: formerly task_pkey\n{comment}"
    downgrade(early_url)
    assert catalog(early_url) == before


def test_any_name_is_found_by_its_table_and_columns(early_url: URL) -> None:
    execute(early_url, 'ALTER TABLE task RENAME CONSTRAINT task_source_key TO "Größe: ""100%%"" \'x\' $$"')
    before = catalog(early_url)

    upgrade(early_url)
    assert inspect_database(early_url).state is DatabaseState.AT_HEAD

    downgrade(early_url)
    assert catalog(early_url) == before


def test_second_key_on_the_same_column_is_left_alone(young_url: URL) -> None:
    execute(young_url, "ALTER TABLE resource ADD CONSTRAINT again FOREIGN KEY (dataset_id) REFERENCES dataset (id)")
    before = catalog(young_url)

    upgrade(young_url, ONE_NAME)

    assert catalog(young_url) == before


def test_old_names_survive_dump_and_restore(early_url: URL, fractal_postgresql_databases: Databases) -> None:
    before, rows = catalog(early_url), content(early_url)
    upgrade(early_url)
    restored = fractal_postgresql_databases.create()
    psql(restored, dump(early_url))

    downgrade(restored)

    assert catalog(restored) == before
    assert content(restored) == rows
    fractal_postgresql_databases.drop(restored)


def test_young_database_is_not_touched_nor_locked(young_url: URL) -> None:
    before = dump(young_url)
    with connect(young_url) as reader:
        for table in sa.inspect(reader).get_table_names():
            reader.execute(sa.text(f"SELECT 1 FROM {table}"))

        assert run("upgrade", ONE_NAME, "--wait", "0", url=young_url).code == 0

    assert dump(young_url).replace(ONE_NAME, BASELINE) == before


def test_upgrade_that_got_half_of_the_locks_is_continued(early_url: URL, young_url: URL) -> None:
    before = catalog(early_url)
    with connect(early_url) as reader:
        reader.execute(sa.text("SELECT 1 FROM task"))
        assert run("upgrade", "head", "--wait", "0.2", url=early_url).code == 8
        reader.rollback()
    assert revisions(early_url) == [BASELINE]
    assert catalog(early_url) != before
    assert inspect_database(early_url).state is DatabaseState.SERVER_2_9

    upgrade(early_url, ONE_NAME)

    assert without_comments(catalog(early_url)) == without_comments(catalog(young_url))
    downgrade(early_url)
    assert catalog(early_url) == before


def test_scripts_do_the_same(early_url: URL, fractal_postgresql_databases: Databases) -> None:
    before = catalog(early_url)
    online = fractal_postgresql_databases.create(early_url)
    upgrade(online, ONE_NAME)

    psql(early_url, script(early_url, f"{BASELINE}:{ONE_NAME}", command.upgrade))
    assert catalog(early_url) == catalog(online)
    assert revisions(early_url) == [ONE_NAME]

    psql(early_url, script(early_url, f"{ONE_NAME}:{BASELINE}", command.downgrade))
    assert catalog(early_url) == before
    assert revisions(early_url) == [BASELINE]
    fractal_postgresql_databases.drop(online)


def script(url: URL, revisions: str, run: object) -> str:
    config = alembic_config(url)
    config.output_buffer = io.StringIO()
    assert callable(run)
    run(config, revisions, sql=True)
    return config.output_buffer.getvalue()


def test_sqlite_needs_nothing(fractal_sqlite_databases: Databases) -> None:
    url = fractal_sqlite_databases.create()
    upgrade(url, BASELINE)
    before = catalog(url)

    upgrade(url, ONE_NAME)
    assert catalog(url) == before

    downgrade(url)
    assert catalog(url) == before
    fractal_sqlite_databases.drop(url)

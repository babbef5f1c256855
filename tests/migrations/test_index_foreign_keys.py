"""Each foreign key has an index, whatever was there before."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from sqlalchemy import URL, Connection
from sqlalchemy.exc import DBAPIError

from fractal_models.database.connection.engine import connect
from tests.support.catalog import catalog, differences
from tests.support.commandline import text_of
from tests.support.databases import upgrade
from tests.support.processes import Migrator
from tests.support.refusal import execute, refusal
from tests.support.server_2_9 import BASELINE
from tests.support.sites import Sites

BELOW, REVISION = "4b8f0d6a91c3", "5e17c02b9d64"


def keys_without_index(url: URL) -> list[str]:
    """The foreign keys that no index begins with."""
    with connect(url) as connection:
        inspector = sa.inspect(connection)
        return [
            f"{table}.{column}"
            for table in inspector.get_table_names()
            for key in inspector.get_foreign_keys(table)
            for column in key["constrained_columns"]
            if column not in leading_columns(inspector, table)
        ]


def leading_columns(inspector: sa.Inspector, table: str) -> set[str | None]:
    primary = inspector.get_pk_constraint(table)["constrained_columns"]
    return {primary[0], *(index["column_names"][0] for index in inspector.get_indexes(table))}


def index_id(connection: Connection, name: str) -> int | None:
    """Which of the indexes that had this name it is; None if it is invalid."""
    query = sa.text("SELECT indexrelid FROM pg_index WHERE indexrelid = to_regclass(:name) AND indisvalid")
    found: int | None = connection.scalar(query, {"name": name})
    return found


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
def test_26_of_the_29_foreign_keys_lacked_an_index(sites: Sites) -> None:
    assert len(keys_without_index(sites.template(BELOW))) == 26
    assert keys_without_index(sites.template(REVISION)) == []


@contextmanager
def open_writer(url: URL) -> Iterator[None]:
    """Somebody who has changed a job, and not committed."""
    with connect(url) as connection:
        connection.execute(sa.text("UPDATE jobv2 SET log = log WHERE id = 1"))
        yield


def cut_short(url: URL) -> None:
    """Begin to build an index as the revision does, and give up while it waits for a writer."""
    with open_writer(url), pytest.raises(DBAPIError, match="statement timeout"):
        execute(
            url,
            "SET statement_timeout = 200",
            "CREATE INDEX CONCURRENTLY ix_jobv2_dataset_id ON jobv2 (dataset_id)",
        )


def test_index_whose_build_was_cut_short_is_built_again(postgres_sites: Sites) -> None:
    url = postgres_sites.at(BELOW)
    cut_short(url)
    assert any("INVALID" in definition for [definition] in catalog(url)["indexes"].values())

    upgrade(url, REVISION)

    assert differences(catalog(url), catalog(postgres_sites.template(REVISION))) == []


def test_index_that_is_there_already_is_kept(postgres_sites: Sites) -> None:
    url = postgres_sites.at(BELOW)
    execute(url, "CREATE INDEX ix_jobv2_dataset_id ON jobv2 (dataset_id)")
    with connect(url) as connection:
        before = index_id(connection, "ix_jobv2_dataset_id")
        assert before is not None

    upgrade(url, REVISION)

    with connect(url) as connection:
        assert index_id(connection, "ix_jobv2_dataset_id") == before
    assert differences(catalog(url), catalog(postgres_sites.template(REVISION))) == []


def test_on_sqlite_too_an_index_that_is_there_already_is_kept(sqlite_sites: Sites) -> None:
    url = sqlite_sites.at(BELOW)
    execute(url, "CREATE INDEX ix_jobv2_dataset_id ON jobv2 (dataset_id)")

    upgrade(url, REVISION)

    assert differences(catalog(url), catalog(sqlite_sites.template(REVISION))) == []


@pytest.mark.parametrize(
    "definition",
    [
        "jobv2 (dataset_id)",
        "jobv2 (workflow_id)",
        "jobv2 (dataset_id) WHERE status = 'done'",
        "applyworkflow (output_dataset_id)",
    ],
)
def test_index_of_somebody_with_the_same_name_is_in_the_way(postgres_sites: Sites, definition: str) -> None:
    url = postgres_sites.at(BASELINE)
    execute(url, f"CREATE INDEX ix_jobv2_dataset_id ON {definition}")

    assert "index ix_jobv2_dataset_id: has the name of an index that this revision creates" in refusal(url)

    execute(url, "ALTER INDEX ix_jobv2_dataset_id RENAME TO somebodys")
    upgrade(url)
    [left] = differences(catalog(url), catalog(postgres_sites.template("head")))
    assert left.startswith("- indexes somebodys")


OURS = {
    "ix_jobv2_dataset_id": "CREATE INDEX ix_jobv2_dataset_id ON jobv2 (dataset_id)",
    "ix_jobv2_one_submitted_per_dataset": "CREATE INDEX ix_jobv2_one_submitted_per_dataset ON jobv2 (dataset_id)",
    "ix_user_oauth_lower_email": "CREATE INDEX ix_user_oauth_lower_email ON user_oauth (lower(email))",
    "ix_oauthaccount_oauth_name_account_id": "CREATE INDEX ix_oauthaccount_oauth_name_account_id "
    "ON oauthaccount (oauth_name, account_id)",
}


@pytest.mark.parametrize("name", OURS)
def test_name_of_every_index_to_come_must_be_free(sites: Sites, name: str) -> None:
    url = sites.at(BASELINE)
    execute(url, OURS[name])

    assert f"index {name}: has the name of an index" in refusal(url)

    execute(url, f"DROP INDEX {name}")
    upgrade(url)


def test_others_write_while_an_index_waits_to_be_built(postgres_sites: Sites) -> None:
    url = postgres_sites.at(BELOW)
    migrator = Migrator(text_of(url), REVISION)
    with open_writer(url):
        migrator.go()
        wait_for_an_index_that_is_being_built(url)

        execute(url, "SET statement_timeout = '1s'", "UPDATE jobv2 SET log = 'changed' WHERE id = 2")

    assert migrator.finish() is not None
    assert keys_without_index(url) == []


def wait_for_an_index_that_is_being_built(url: URL) -> None:
    deadline = time.monotonic() + 30
    with connect(url) as connection:
        while not connection.scalar(sa.text("SELECT count(*) FROM pg_index WHERE NOT indisvalid")):
            assert time.monotonic() < deadline
            connection.rollback()
            time.sleep(0.01)

"""Downgrades that an object of another application blocks name it, and change nothing."""

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.util import CommandError
from sqlalchemy import URL, Engine

from fractal_models.database import DatabaseState, DependentObjectsError, create_engine, inspect_database
from fractal_models.database.revisions.history import BASELINE, head
from tests.support.catalog import catalog
from tests.support.commandline import run
from tests.support.databases import alembic_config

BLOCKERS = {
    "foreign key": (
        "CREATE TABLE note (user_id INTEGER, CONSTRAINT note_user FOREIGN KEY (user_id) REFERENCES user_oauth (id))",
        "constraint note_user on table note depends on table user_oauth",
        "DROP TABLE note",
    ),
    "view": (
        "CREATE VIEW latest AS SELECT name FROM projectv2",
        "view latest depends on table projectv2",
        "DROP VIEW latest",
    ),
    "view of an index": (
        "CREATE VIEW many AS SELECT count(*) FROM jobv2",
        "view many depends on table jobv2",
        "DROP VIEW many",
    ),
    "view of two tables": (
        "CREATE VIEW pairs AS SELECT p.name, d.zarr_dir FROM projectv2 p JOIN datasetv2 d ON d.project_id = p.id",
        "view pairs depends on table datasetv2; view pairs depends on table projectv2",
        "DROP VIEW pairs",
    ),
}
"""Statement that creates an object, text that names it, and statement that drops it."""

BLOCKERS_OF_POSTGRESQL = {
    "materialized view": (
        "CREATE MATERIALIZED VIEW latest AS SELECT name FROM projectv2",
        "materialized view latest depends on table projectv2",
        "DROP MATERIALIZED VIEW latest",
    ),
    "child table": (
        "CREATE TABLE old () INHERITS (projectv2)",
        "default value for column id of table old depends on table projectv2; table old depends on table projectv2",
        "DROP TABLE old",
    ),
    "row type": (
        "CREATE TABLE copies (project projectv2)",
        "column project of table copies depends on table projectv2",
        "DROP TABLE copies",
    ),
    "sequence": (
        "CREATE TABLE numbers (number INTEGER DEFAULT nextval('projectv2_id_seq'))",
        "default value for column number of table numbers depends on table projectv2",
        "DROP TABLE numbers",
    ),
}


def execute(url: URL, *statements: str) -> None:
    engine = create_engine(url, wal=False)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    engine.dispose()


def test_downgrade_that_is_blocked_names_the_object_and_changes_nothing(url: URL) -> None:
    sqlite = url.get_backend_name() == "sqlite"
    for create, named, drop in (BLOCKERS if sqlite else BLOCKERS | BLOCKERS_OF_POSTGRESQL).values():
        execute(url, create)
        before = catalog(url)

        outcome = run("downgrade", "base", "--yes", "--drop-tables", url=url)

        assert (outcome.code, outcome.out) == (10, "")
        if sqlite:
            named = named.replace("constraint note_user on", "foreign key of")
        message = "other objects depend on what the downgrade drops, so nothing was changed"
        assert outcome.err == f"fractal-models: {message}: {named}; drop them\n"
        assert catalog(url) == before
        execute(url, drop)


def test_object_that_depends_on_tables_does_not_block_a_downgrade_that_keeps_them(url: URL) -> None:
    execute(url, *(create for create, _, _ in BLOCKERS.values()))

    assert run("downgrade", BASELINE, "--yes", url=url).code == 0
    assert run("upgrade", "head", "--yes", url=url).code == 0


def test_foreign_key_to_an_index_of_a_later_revision_blocks_its_downgrade(postgres_url: URL) -> None:
    key = "FOREIGN KEY (provider, account) REFERENCES oauthaccount (oauth_name, account_id)"
    execute(postgres_url, f"CREATE TABLE badge (provider TEXT, account TEXT, CONSTRAINT badge_account {key})")

    outcome = run("downgrade", BASELINE, "--yes", url=postgres_url)

    assert outcome.code == 10
    assert (
        "constraint badge_account on table badge depends on index ix_oauthaccount_oauth_name_account_id" in outcome.err
    )
    assert inspect_database(postgres_url).state is DatabaseState.AT_HEAD


def test_only_the_first_dependent_objects_are_named(url: URL) -> None:
    execute(url, *(f"CREATE VIEW v{number} AS SELECT name FROM projectv2" for number in range(7)))

    outcome = run("downgrade", "base", "--yes", "--drop-tables", url=url)

    assert "view v4 depends on table projectv2; … (7 in all); drop them\n" in outcome.err
    assert "v5" not in outcome.err


def test_dependent_object_blocks_in_a_transaction_of_the_caller_too(engine: Engine) -> None:
    config = alembic_config()
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE VIEW latest AS SELECT name FROM projectv2")
        connection.commit()
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            connection.rollback()
        with connection.begin():
            config.attributes |= {"connection": connection, "report": lambda _line: None}
            with pytest.raises(CommandError, match="view latest depends on table projectv2") as refused:
                command.downgrade(config, "base")
            assert isinstance(refused.value.__cause__, DependentObjectsError)
    assert inspect_database(engine).revisions == (head(),)


def test_tables_of_others_that_depend_on_nothing_do_not_block(url: URL) -> None:
    execute(
        url,
        "CREATE TABLE note (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES note (id))",
        "CREATE VIEW notes AS SELECT parent FROM note",
        "CREATE INDEX ix_of_the_site ON jobv2 (user_email)",
    )

    assert run("downgrade", "base", "--yes", "--drop-tables", url=url).code == 0
    assert inspect_database(url).state is DatabaseState.EMPTY

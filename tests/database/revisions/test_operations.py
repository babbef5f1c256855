"""Operations of our own, on tables of their own: the result is the same whatever an interrupted run has left."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command, op
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import URL, Connection

from fractal_models.database.connection.engine import connect, maintenance_engine
from fractal_models.database.inspection.schema import read_facts
from fractal_models.database.revisions.history import scripts
from fractal_models.database.revisions.operations import sqlite_tables
from fractal_models.database.revisions.rules import rules
from fractal_models.testing.databases import Databases
from tests.support.catalog import Catalog, catalog, differences
from tests.support.databases import alembic_config, upgrade
from tests.support.refusal import execute
from tests.support.rows import content
from tests.support.server_2_9 import BASELINE
from tests.support.sites import Sites

Operation = Callable[[Any], None]

KEY, CHECK = "fk_shelf_lab_id_lab", "ck_shelf_room"

metadata = sa.MetaData()
sa.Table("lab", metadata, sa.Column("id", sa.Integer), sa.PrimaryKeyConstraint("id", name="pk_lab"))
sa.Table(
    "shelf",
    metadata,
    sa.Column("id", sa.Integer),
    sa.Column("lab_id", sa.Integer),
    sa.Column("room", sa.Integer, nullable=False),
    sa.PrimaryKeyConstraint("id", name="pk_shelf"),
    sa.ForeignKeyConstraint(["lab_id"], ["lab.id"], name=KEY),
)

ROWS = ("INSERT INTO lab (id) VALUES (1)", "INSERT INTO shelf (id, lab_id, room) VALUES (1, 1, 5), (2, NULL, 5)")


@pytest.fixture
def lab_url(empty_url: URL) -> URL:
    """A database with two tables and their rows, on each engine."""
    return with_shelves(empty_url)


@pytest.fixture
def postgres_url(fractal_postgresql_databases: Databases) -> Iterator[URL]:
    url = fractal_postgresql_databases.create()
    yield with_shelves(url)
    fractal_postgresql_databases.drop(url)


@pytest.fixture
def sqlite_url(fractal_sqlite_databases: Databases) -> Iterator[URL]:
    url = fractal_sqlite_databases.create()
    yield with_shelves(url)
    fractal_sqlite_databases.drop(url)


def with_shelves(url: URL) -> URL:
    with connect(url) as connection:
        metadata.create_all(connection)
        connection.commit()
    execute(url, *ROWS)
    return url


@contextmanager
def operations(connection: Connection, **options: bool) -> Iterator[Any]:
    """The operations of a revision that Alembic runs on a connection."""
    migration = MigrationContext.configure(connection, opts={"transaction_per_migration": True, **options})
    with migration.begin_transaction(_per_migration=True):
        yield Operations(migration)


def run(url: URL, *steps: Operation) -> Catalog:
    with maintenance_engine(url).connect() as connection, operations(connection) as available:
        for step in steps:
            step(available)
    return catalog(url)


def refused_schema_writes(patch: pytest.MonkeyPatch) -> None:
    """Have SQLite refuse to write its schema table, as builds in defensive mode do."""

    @contextmanager
    def refused(_connection: Connection) -> Iterator[bool]:
        yield False

    patch.setattr(sqlite_tables, "schema_writes", refused)


# Indexes


def create_index(available: Any) -> None:
    available.create_index_online("ix_shelf_lab_id", "shelf", ["lab_id"])


def create_unique_index(available: Any) -> None:
    available.create_index_online("ix_shelf_room", "shelf", ["room"], unique=True, where="room > 7")


def drop_index(available: Any) -> None:
    available.drop_index_online("ix_shelf_lab_id", "shelf")


def test_index_is_created_and_dropped(lab_url: URL) -> None:
    before = catalog(lab_url)

    created = run(lab_url, create_index, create_unique_index)
    assert sorted(created["indexes"]) == ["ix_shelf_lab_id", "ix_shelf_room"]
    assert "UNIQUE" in created["indexes"]["ix_shelf_room"][0]
    assert "WHERE room > 7" in created["indexes"]["ix_shelf_room"][0]
    assert run(lab_url, create_index, create_unique_index) == created

    dropped = run(lab_url, drop_index, lambda available: available.drop_index_online("ix_shelf_room", "shelf"))
    assert dropped == before
    assert run(lab_url, drop_index) == before


def test_invalid_index_is_created_again(postgres_url: URL) -> None:
    with pytest.raises(sa.exc.IntegrityError):
        execute(postgres_url, "CREATE UNIQUE INDEX CONCURRENTLY ix_shelf_lab_id ON shelf (room)")
    assert catalog(postgres_url)["indexes"]["ix_shelf_lab_id"][0].endswith("INVALID")

    created = run(postgres_url, create_index)

    assert created["indexes"] == {"ix_shelf_lab_id": ["CREATE INDEX ix_shelf_lab_id ON shelf USING btree (lab_id)"]}


# Foreign keys


def on_delete(rule: str) -> Operation:
    return lambda available: available.replace_foreign_key(KEY, "shelf", "lab_id", "lab", rule)


@pytest.mark.parametrize("refused", [False, True])
def test_foreign_key_gets_each_rule(lab_url: URL, monkeypatch: pytest.MonkeyPatch, refused: bool) -> None:
    if refused:
        refused_schema_writes(monkeypatch)
    before = catalog(lab_url)

    for rule in ("CASCADE", "SET NULL", "SET NULL", "CASCADE"):
        [key] = [line for line in run(lab_url, on_delete(rule))["tables"]["shelf"] if KEY in line]
        assert key.endswith(f"ON DELETE {rule}")

    for _ in range(2):
        assert run(lab_url, on_delete("NO ACTION")) == before
    with connect(lab_url) as connection:
        assert connection.execute(sa.text("SELECT * FROM shelf ORDER BY id")).all() == [(1, 1, 5), (2, None, 5)]


SUCCESSOR = f"ALTER TABLE shelf ADD CONSTRAINT {KEY}_new FOREIGN KEY (lab_id) REFERENCES lab (id)"


@pytest.mark.parametrize(
    "left",
    [
        [f"{SUCCESSOR} ON DELETE CASCADE NOT VALID"],
        [f"{SUCCESSOR} ON DELETE CASCADE"],
        [f"{SUCCESSOR} ON DELETE SET NULL"],
        [f"{SUCCESSOR} NOT VALID"],
        [f"{SUCCESSOR} ON DELETE CASCADE", f"ALTER TABLE shelf DROP CONSTRAINT {KEY}"],
        [f"ALTER TABLE shelf DROP CONSTRAINT {KEY}"],
    ],
)
@pytest.mark.parametrize("rule", ["CASCADE", "NO ACTION"])
def test_foreign_key_is_replaced_whatever_is_left(postgres_url: URL, rule: str, left: list[str]) -> None:
    expected = run(postgres_url, on_delete(rule))
    run(postgres_url, on_delete("SET NULL"))
    execute(postgres_url, *left)

    assert run(postgres_url, on_delete(rule)) == expected


def test_foreign_key_keeps_its_comment(postgres_url: URL) -> None:
    execute(postgres_url, f"COMMENT ON CONSTRAINT {KEY} ON shelf IS 'Ask ''Ada'''")

    replaced = run(postgres_url, on_delete("CASCADE"))

    assert replaced["comments"] == {f"constraint {KEY} on table shelf": ["Ask 'Ada'"]}


# Checks


def add_check(available: Any) -> None:
    available.add_check(CHECK, "shelf", "room > 0 AND 'a' < 'b'", "Correct it")


def drop_check(available: Any) -> None:
    available.drop_check(CHECK, "shelf", "room > 0 AND 'a' < 'b'")


@pytest.mark.parametrize("refused", [False, True])
def test_check_is_added_and_dropped(lab_url: URL, monkeypatch: pytest.MonkeyPatch, refused: bool) -> None:
    if refused:
        refused_schema_writes(monkeypatch)
    before = catalog(lab_url)

    assert len(run(lab_url, add_check)["tables"]["shelf"]) == len(before["tables"]["shelf"]) + 1
    with pytest.raises(sa.exc.IntegrityError, match=CHECK):
        execute(lab_url, "INSERT INTO shelf (id, room) VALUES (3, 0)")

    assert run(lab_url, drop_check) == before


@pytest.mark.parametrize("valid", ["", " NOT VALID"])
def test_check_is_added_whatever_is_left(postgres_url: URL, valid: str) -> None:
    before = catalog(postgres_url)
    expected = run(postgres_url, add_check)
    run(postgres_url, drop_check)
    execute(postgres_url, f"ALTER TABLE shelf ADD CONSTRAINT {CHECK} CHECK (room > 0 AND 'a' < 'b'){valid}")

    assert run(postgres_url, add_check) == expected

    for _ in range(2):
        assert run(postgres_url, drop_check) == before


@pytest.mark.parametrize("refused", [False, True])
def test_row_that_breaks_a_check_is_found_on_sqlite(
    sqlite_url: URL, monkeypatch: pytest.MonkeyPatch, refused: bool
) -> None:
    if refused:
        refused_schema_writes(monkeypatch)
    execute(sqlite_url, "UPDATE shelf SET room = 0 WHERE id = 2")

    with pytest.raises((CommandError, sa.exc.IntegrityError), match="CHECK constraint failed"):
        run(sqlite_url, add_check)

    assert not any(CHECK in line for line in catalog(sqlite_url)["tables"]["shelf"])


# Names and defaults


def test_names_and_a_default_are_set_and_restored_whatever_is_left(postgres_url: URL) -> None:
    execute(
        postgres_url,
        'ALTER TABLE shelf RENAME CONSTRAINT pk_shelf TO "Shelf\'s key"',
        f"ALTER TABLE shelf RENAME CONSTRAINT {KEY} TO shelf_lab_id_fkey",
        "COMMENT ON CONSTRAINT shelf_lab_id_fkey ON shelf IS 'Ask Ada'",
    )
    before = catalog(postgres_url)
    names = {"pk_shelf": ["id"], KEY: ["lab_id"], "uq_shelf_room": ["room"]}

    def normalize(available: Any) -> None:
        available.normalize_constraint_names("shelf", names)

    def set_default(available: Any) -> None:
        available.set_missing_default("shelf", "room", "7")

    def drop_default(available: Any) -> None:
        available.drop_missing_default("shelf", "room")

    def restore(available: Any) -> None:
        available.restore_constraint_names("shelf")

    normalized = run(postgres_url, normalize, set_default)
    assert normalized["comments"] == {
        "constraint pk_shelf on table shelf": [
            "fractal-models: formerly Shelf's key\nfractal-models: room had no default"
        ],
        f"constraint {KEY} on table shelf": ["fractal-models: formerly shelf_lab_id_fkey\nAsk Ada"],
    }
    assert "room integer NOT NULL DEFAULT 7" in normalized["tables"]["shelf"]
    assert run(postgres_url, normalize, set_default) == normalized

    run(postgres_url, drop_default)
    assert run(postgres_url, normalize, set_default) == normalized

    assert run(postgres_url, drop_default, restore) == before
    assert run(postgres_url, drop_default, restore) == before


def test_default_that_was_there_is_kept(postgres_url: URL) -> None:
    execute(postgres_url, "ALTER TABLE shelf ALTER room SET DEFAULT 8")
    before = catalog(postgres_url)

    for name, *values in (("set_missing_default", "7"), ("drop_missing_default",)):
        assert run(postgres_url, lambda it, n=name, v=values: getattr(it, n)("shelf", "room", *v)) == before  # type: ignore[misc]


# Transactions


def test_operations_commit_each_statement(postgres_url: URL) -> None:
    def stop(_available: object) -> None:
        raise KeyError

    with pytest.raises(KeyError):
        run(postgres_url, create_index, add_check, on_delete("CASCADE"), drop_index, stop)

    left = catalog(postgres_url)
    assert left["indexes"] == {}
    assert any(CHECK in line for line in left["tables"]["shelf"])
    assert any("ON DELETE CASCADE" in line for line in left["tables"]["shelf"])


def test_in_a_transaction_of_the_caller_nothing_is_committed(postgres_url: URL) -> None:
    before = catalog(postgres_url)
    statements: list[str] = []
    engine = maintenance_engine(postgres_url)
    sa.event.listen(engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    with engine.connect() as connection, connection.begin() as transaction:
        with operations(connection, transaction_of_caller=True) as available:
            for step in (create_index, drop_index, on_delete("CASCADE"), add_check, drop_check, create_unique_index):
                step(available)
            available.normalize_constraint_names("shelf", {"pk_of_shelf": ["id"]})
            available.restore_constraint_names("shelf")
            available.set_missing_default("shelf", "room", "7")
            available.drop_missing_default("shelf", "room")
        transaction.rollback()

    assert catalog(postgres_url) == before
    assert not any("CONCURRENTLY" in statement for statement in statements)


# Definitions of tables on SQLite

OBJECTS = (
    "ALTER TABLE resource ADD COLUMN label VARCHAR DEFAULT 'none' COLLATE NOCASE CHECK (label <> '')",
    "ALTER TABLE resource ADD COLUMN length INTEGER AS (length(path))",
    "UPDATE resource SET label = 'ours'",
    "CREATE INDEX lower_path ON resource (lower(path) DESC) WHERE id > 0",
    "CREATE TRIGGER count_down AFTER DELETE ON resource BEGIN UPDATE state SET data = '{}'; END",
    "CREATE TRIGGER clear_up AFTER DELETE ON project BEGIN DELETE FROM resource; END",
    "CREATE VIEW paths AS SELECT path, label FROM resource",
)


def walk(url: URL) -> list[object]:
    """Upgrade to head, downgrade to the baseline, upgrade again; the schema and rows at each end."""
    found: list[object] = []
    for run_command, revision in ((command.upgrade, "head"), (command.downgrade, BASELINE), (command.upgrade, "head")):
        run_command(alembic_config(url), revision)
        with connect(url) as connection:
            found += [catalog(url), content(url), read_facts(connection, names=True)]
    return found


def test_tables_are_the_same_where_sqlite_refuses_to_write_its_schema(
    sqlite_sites: Sites, monkeypatch: pytest.MonkeyPatch
) -> None:
    written, copied = sqlite_sites.at(BASELINE), sqlite_sites.at(BASELINE)
    for url in (written, copied):
        execute(url, *OBJECTS)

    expected = walk(written)
    refused_schema_writes(monkeypatch)

    assert walk(copied) == expected


@pytest.mark.parametrize("refused", [False, True])
def test_table_that_another_tool_has_rebuilt_is_refused(
    sqlite_url: URL, monkeypatch: pytest.MonkeyPatch, refused: bool
) -> None:
    if refused:
        refused_schema_writes(monkeypatch)
    execute(sqlite_url, "ALTER TABLE lab RENAME TO room", "ALTER TABLE room RENAME TO lab")
    before = catalog(sqlite_url)

    with pytest.raises(CommandError, match="table shelf was rebuilt by another tool"):
        run(sqlite_url, on_delete("CASCADE"))

    assert catalog(sqlite_url) == before


class OlderConnection(sqlite3.Connection):
    """A connection as Python 3.11 has it, or as aiosqlite shows it: without `setconfig`."""

    def __getattribute__(self, name: str) -> Any:
        if name == "setconfig":
            raise AttributeError(name)
        return super().__getattribute__(name)


@pytest.mark.skipif(not hasattr(sqlite3, "SQLITE_DBCONFIG_DEFENSIVE"), reason="Python 3.11 has no access to it")
@pytest.mark.parametrize("older", [False, True])
def test_sqlite_in_defensive_mode_is_changed(sqlite_url: URL, older: bool) -> None:
    defensive = getattr(sqlite3, "SQLITE_DBCONFIG_DEFENSIVE", 0)
    factory = OlderConnection if older else sqlite3.Connection
    engine = sa.create_engine(sqlite_url, connect_args={"factory": factory}, poolclass=sa.NullPool)
    sa.event.listen(engine, "connect", lambda raw, _: sqlite3.Connection.setconfig(raw, defensive, True))  # type: ignore[attr-defined,unused-ignore]
    with engine.connect() as connection:
        raw: Any = connection.connection.dbapi_connection
        with sqlite_tables.schema_writes(connection) as allowed:
            assert allowed is not older
        assert raw.getconfig(defensive)
        with operations(connection) as available:
            on_delete("CASCADE")(available)
            add_check(available)
        connection.commit()

    assert any("ON DELETE CASCADE" in line for line in catalog(sqlite_url)["tables"]["shelf"])
    assert any(CHECK in line for line in catalog(sqlite_url)["tables"]["shelf"])


def test_sqlite_stops_writing_its_schema(sqlite_url: URL) -> None:
    with maintenance_engine(sqlite_url).connect() as connection:
        with sqlite_tables.schema_writes(connection) as allowed:
            assert allowed
        with pytest.raises(sa.exc.OperationalError, match="may not be modified"):
            connection.exec_driver_sql("UPDATE sqlite_master SET sql = sql")


# Rules


def test_rules_are_those_of_the_operations() -> None:
    found = [(rule.table, rule.reason) for rule in rules(scripts().get_revision("7c4d1b65e0f9"))]

    assert found == [
        ("applyworkflow", "is one of several submitted jobs with the same output_dataset_id"),
        ("jobv2", "is one of several submitted jobs with the same dataset_id"),
        ("index", "has the name of an index that this revision creates"),
    ]


def test_rules_are_found_while_a_revision_runs(sqlite_url: URL) -> None:
    with maintenance_engine(sqlite_url).connect() as connection:
        migration = MigrationContext.configure(connection)
        with Operations.context(migration):
            assert rules(scripts().get_revision("a3d8067c2e5b"))
            assert op.get_context() is migration


@pytest.mark.parametrize(
    ("below", "definition"),
    [
        ("7c4d1b65e0f9", "UNIQUE INDEX ix_user_oauth_lower_email ON user_oauth (lower(email))"),
        (
            "6a90f3d8142e",
            "UNIQUE INDEX ix_jobv2_one_submitted_per_dataset ON jobv2 (dataset_id) WHERE status = 'submitted'",
        ),
        ("8f23a7906cd1", "UNIQUE INDEX ix_oauthaccount_oauth_name_account_id ON oauthaccount (oauth_name, account_id)"),
    ],
)
def test_index_of_an_interrupted_run_is_not_refused(sites: Sites, below: str, definition: str) -> None:
    url = sites.at(below)
    execute(url, f"CREATE {definition}")

    upgrade(url)

    assert differences(catalog(url), catalog(sites.template("head"))) == []


def test_index_of_another_kind_is_refused(sites: Sites) -> None:
    url = sites.at("8f23a7906cd1")
    execute(url, "CREATE INDEX ix_oauthaccount_oauth_name_account_id ON oauthaccount (oauth_name, account_id)")

    with pytest.raises(CommandError, match="index ix_oauthaccount_oauth_name_account_id: has the name of an index"):
        upgrade(url)

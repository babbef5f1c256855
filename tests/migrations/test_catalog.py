"""The catalog that other tests compare shows every kind of change, and nothing but change."""

import pytest
import sqlalchemy as sa
from sqlalchemy import URL

from fractal_models.database import create_engine
from fractal_models.testing.databases import Databases
from tests.support.catalog import catalog

TABLES = (
    "CREATE TABLE lab (id INTEGER NOT NULL, name VARCHAR, CONSTRAINT pk_lab PRIMARY KEY (id))",
    "CREATE TABLE shelf (id INTEGER NOT NULL, room INTEGER DEFAULT 7, lab_id INTEGER NOT NULL,"
    " CONSTRAINT pk_shelf PRIMARY KEY (id), CONSTRAINT ck_shelf_room CHECK (room > 0),"
    " CONSTRAINT uq_shelf_room UNIQUE (room), CONSTRAINT fk_shelf_lab FOREIGN KEY (lab_id) REFERENCES lab (id))",
    "CREATE INDEX ix_shelf_room ON shelf (room) WHERE room > 10",
)


def build(url: URL, *statements: str) -> URL:
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    engine.dispose()
    return url


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name VARCHAR", "label VARCHAR"),
        ("name VARCHAR", "name VARCHAR(80)"),
        ("name VARCHAR", "name VARCHAR NOT NULL"),
        ("DEFAULT 7", "DEFAULT 8"),
        ("DEFAULT 7", ""),
        ("pk_shelf", "shelf_pkey"),
        ("ck_shelf_room", "shelf_room_check"),
        ("CHECK (room > 0)", "CHECK (room > 1)"),
        ("uq_shelf_room", "shelf_room_key"),
        ("UNIQUE (room)", "UNIQUE (room, id)"),
        ("fk_shelf_lab ", "shelf_lab_id_fkey "),
        ("REFERENCES lab (id)", "REFERENCES lab (id) ON DELETE CASCADE"),
        ("ix_shelf_room", "shelf_room_idx"),
        ("CREATE INDEX", "CREATE UNIQUE INDEX"),
        ("shelf (room)", "shelf (room, id)"),
        ("shelf (room)", "shelf (abs(room))"),
        ("WHERE room > 10", "WHERE room > 11"),
        ("WHERE room > 10", ""),
    ],
)
def test_every_word_of_a_definition_counts(databases: Databases, old: str, new: str) -> None:
    changed = [statement.replace(old, new) for statement in TABLES]
    assert changed != list(TABLES)
    one, other = build(databases.create(), *TABLES), build(databases.create(), *changed)

    assert catalog(one) != catalog(other)

    databases.drop(one)
    databases.drop(other)


@pytest.mark.parametrize(
    "addition",
    ["CREATE TABLE bench (id INTEGER)", "CREATE VIEW labs AS SELECT name FROM lab", "DROP INDEX ix_shelf_room"],
)
def test_what_comes_or_goes_counts(empty_url: URL, addition: str) -> None:
    before = catalog(build(empty_url, *TABLES))

    assert catalog(build(empty_url, addition)) != before


@pytest.mark.parametrize(
    "addition",
    [
        "CREATE SEQUENCE numbers",
        "CREATE FUNCTION two() RETURNS integer LANGUAGE sql AS 'SELECT 2'",
        "CREATE TYPE colour AS ENUM ('red')",
        "CREATE TRIGGER quiet BEFORE UPDATE ON lab EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "COMMENT ON CONSTRAINT pk_lab ON lab IS 'formerly lab_pkey'",
        "ALTER TABLE shelf ADD CONSTRAINT later CHECK (room < 99) NOT VALID",
    ],
)
def test_what_only_postgresql_has_counts(fractal_postgresql_databases: Databases, addition: str) -> None:
    url = fractal_postgresql_databases.create()
    before = catalog(build(url, *TABLES))

    assert catalog(build(url, addition)) != before

    fractal_postgresql_databases.drop(url)


def test_order_of_columns_and_constraints_does_not_count(databases: Databases) -> None:
    columns, key, check = "id INTEGER, room INTEGER", "CONSTRAINT k PRIMARY KEY (id)", "CONSTRAINT c CHECK (room > 0)"
    one = build(databases.create(), f"CREATE TABLE lab ({columns}, {key}, {check})")
    other = build(databases.create(), f"CREATE TABLE lab (room INTEGER, id INTEGER, {check}, {key})")

    assert catalog(one) == catalog(other)

    databases.drop(one)
    databases.drop(other)


def test_quotes_around_names_do_not_count(fractal_sqlite_databases: Databases) -> None:
    one = build(fractal_sqlite_databases.create(), 'CREATE TABLE lab ("id" INTEGER, name TEXT DEFAULT \'"a", (b\')')
    other = build(
        fractal_sqlite_databases.create(), 'CREATE TABLE "lab" (id INTEGER,\n"name" TEXT DEFAULT \'"a", (b\')'
    )

    assert catalog(one) == catalog(other)
    assert catalog(one)["tables"]["lab"] == ["id INTEGER", "name TEXT DEFAULT '\"a\", (b'"]

    fractal_sqlite_databases.drop(one)
    fractal_sqlite_databases.drop(other)

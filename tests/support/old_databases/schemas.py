"""Schemas of fractal-server 1.3.0 to 2.9.1: one per revision, and those of pre-releases.

`columns.tsv` has one line per column: the revisions that have it, and those of them where it may be null, as numbers
of `REVISIONS` counted from 1. Facts of the installed base: they never change.
"""

import csv
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import URL

from fractal_models.database.connection.engine import maintenance_engine

REVISIONS = (
    "50a13d6138fd",
    "4c308bcaea2b",
    "f384e1c0cf5d",
    "70e77f1c38b0",
    "a7f4d6137b53",
    "8f79bd162e35",
    "99ea79d9e5d2",
    "84bf0fffde30",
    "e75cac726012",
    "d4fe3708d309",
    "71eefd1dd202",
    "97f444d47249",
    "efa89c30e0a4",
    "4cedeb448a53",
    "9fd26a2b0de4",
    "5bf02391cfef",
    "091b01f51f88",
    "d9a140db5d42",
    "9c5ae74c9b98",
    "94a47ea2d3ff",
    "da2cb2ac4255",
    "034a469ec2eb",
    "8e8f227a3e36",
    "19eca0dd47a9",
    "d256a7379ab8",
)
"""Revisions of fractal-server up to release 2.9.1; the last one is our baseline."""

OLD = range(1, len(REVISIONS))
"""Numbers of the revisions before the baseline."""


class Family(StrEnum):
    """How the constraints of the tables of release 1.3.0 are named; all others follow the naming convention."""

    LATE = "late"
    """By the convention: the database was created by release 1.3.2 or a later one."""

    EARLY = "early"
    """By PostgreSQL: an earlier release created it, without names."""

    UNNAMED = "unnamed"
    """Not at all, as SQLite leaves them."""


FAMILIES = {"postgresql": (Family.LATE, Family.EARLY), "sqlite": (Family.LATE, Family.UNNAMED)}


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    default: str | None
    refers_to: str | None
    nullable: bool


Schema = dict[str, dict[str, Column]]
"""Columns of each table."""

UNIQUE = {"task": "source", "taskv2": "source", "usergroup": "name"}
"""Columns that are unique while they may not be null: the source of tasks of version 2 was, up to release 2.6."""

INDEXES = {"oauthaccount": ["oauth_name", "account_id"], "user_oauth": ["email"]}

TYPES = {
    "postgresql": {"json": "JSON", "timestamp": "TIMESTAMP WITH TIME ZONE"},
    "sqlite": {"json": "JSON", "timestamp": "DATETIME"},
}


@cache
def _lines() -> list[tuple[str, Column, range, range]]:
    with (Path(__file__).parent / "columns.tsv").open() as file:
        return [
            (
                line["table"],
                Column(
                    name=line["column"],
                    type=line["type"],
                    default=_optional(line["default"]),
                    refers_to=_optional(line["refers to"]),
                    nullable=False,
                ),
                _numbers(line["present"]),
                _numbers(line["nullable"]),
            )
            for line in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        ]


def _optional(value: str) -> str | None:
    return None if value == "-" else value


def _numbers(value: str) -> range:
    first, _, last = value.partition("-")
    return range(int(first), int(last) + 1) if first else range(0)


def schema_of(number: int) -> Schema:
    """The schema at a revision, with new columns after the older ones, as `ALTER TABLE` leaves them."""
    found: Schema = {}
    for table, column, present, nullable in _lines():
        if number in present:
            found.setdefault(table, {})[column.name] = replace(column, nullable=number in nullable)
    return found


def between(number: int, columns: Collection[tuple[str, str]]) -> Schema:
    """The schema at a revision with some of the columns, (table, column), as they are in the next one."""
    found, following = schema_of(number), schema_of(number + 1)
    for table, name in columns:
        if name in following.get(table, {}):
            found.setdefault(table, {})[name] = following[table][name]
        else:
            del found[table][name]
    return found


def without(schema: Schema, table: str, *names: str) -> Schema:
    """A schema without some columns of a table."""
    return schema | {table: {name: column for name, column in schema[table].items() if name not in names}}


LAST_USED = "timestamp_last_used"
SIZES = ("pip_freeze", "venv_size_in_kB", "venv_file_number")


def prereleases() -> dict[str, tuple[str, Schema]]:
    """Revision and schema of pre-releases by a name: those of 2.9.0, and some between two neighbours."""
    baseline = schema_of(25)
    optional = {name: replace(column, nullable=True) for name, column in baseline["taskgroupv2"].items()}
    loose = baseline["taskgroupv2"] | {LAST_USED: optional[LAST_USED]}
    return {
        "2.9.0a0": ("3082479ac4ea", baseline),
        "2.9.0a0 without last use": ("3082479ac4ea", without(baseline, "taskgroupv2", LAST_USED)),
        "last use may be null": ("773b232432e1", baseline | {"taskgroupv2": loose}),
        "2.8.2": ("0267dbc6372b", without(baseline, "taskgroupv2", LAST_USED, *SIZES)),
        "between 1.4.0 and 1.4.1": ("5c1e7a90d2b4", between(10, [("applyworkflow", "slurm_account")])),
        "between 1.4.2 and 1.4.3": ("0b8f36e2c7d1", between(14, [("dataset", "timestamp_created")])),
        "between 2.6.0 and 2.6.1": ("e9d04c7b1a35", between(19, [("user_oauth", "cache_dir")])),
        "between 2.6.4 and 2.7.0": (
            "7f2b81c6ad90",
            between(21, [("taskv2", "category"), ("taskv2", "tags"), ("linkusergroup", "timestamp_created")]),
        ),
    }


def statements(schema: Schema, dialect: str, family: Family = Family.LATE) -> Iterator[str]:
    """The DDL of a schema, parents first."""
    for table in sorted(schema, key=lambda name: depth(schema, name)):
        parts = [_column(column, dialect) for column in schema[table].values()]
        parts += [name + text for name, text in _constraints(schema, table, family)]
        yield f"CREATE TABLE {table} ({', '.join(parts)})"
    for table, columns in INDEXES.items():
        for column in columns:
            unique = "UNIQUE " if table == "user_oauth" else ""
            yield f"CREATE {unique}INDEX ix_{table}_{column} ON {table} ({column})"


def depth(schema: Schema, table: str) -> int:
    """Number of generations above a table."""
    parents = {column.refers_to for column in schema[table].values() if column.refers_to}
    return max((depth(schema, parent) + 1 for parent in parents), default=0)


def _column(column: Column, dialect: str) -> str:
    type_ = TYPES[dialect].get(column.type, column.type.upper())
    if column.name == "id" and dialect == "postgresql":
        type_ = "SERIAL"
    parts = [f'"{column.name}" {type_}']
    if column.default is not None:
        parts.append(f"DEFAULT {column.default if column.type == 'boolean' else repr(column.default)}")
    return " ".join(parts + ["NOT NULL"] * (not column.nullable))


def _constraints(schema: Schema, table: str, family: Family) -> Iterator[tuple[str, str]]:
    """Name, with the keyword before it, and definition of each constraint."""
    columns = schema[table]
    original = schema_of(1).get(table, {})

    def named(late: str, early: str, column: str) -> str:
        if family is Family.LATE or column not in original:
            return f"CONSTRAINT {late} "
        return f"CONSTRAINT {early} " if family is Family.EARLY else ""

    key = ["id"] if "id" in columns else [name for name, column in columns.items() if column.refers_to]
    yield named(f"pk_{table}", f"{table}_pkey", key[0]), f"PRIMARY KEY ({', '.join(key)})"
    for name, column in columns.items():
        if parent := column.refers_to:
            early = f"{table}_{name}_fkey"
            yield named(f"fk_{table}_{name}_{parent}", early, name), f"FOREIGN KEY ({name}) REFERENCES {parent} (id)"
    if (unique := UNIQUE.get(table)) and not columns[unique].nullable:
        yield named(f"uq_{table}_{unique}", f"{table}_{unique}_key", unique), f"UNIQUE ({unique})"


def create_tables(url: URL, schema: Schema, revision: str, family: Family = Family.LATE) -> None:
    """Create the tables in an empty database, and say at which revision it is."""
    engine = maintenance_engine(url)
    with engine.begin() as connection:
        for statement in statements(schema, connection.dialect.name, family):
            connection.exec_driver_sql(statement)
        connection.exec_driver_sql(
            "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
            "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
        )
        connection.execute(sa.text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": revision})
    engine.dispose()

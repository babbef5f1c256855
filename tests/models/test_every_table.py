"""Columns, defaults and constraints of every table, from the metadata."""

from datetime import UTC, datetime, timedelta, timezone
from math import inf, nan
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Column, Table, UniqueConstraint
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, SQLModel

from fractal_models.base import Base
from fractal_models.testing.factories import ApplyWorkflowFactory
from fractal_models.types import (
    JSONArray,
    JSONObject,
    StrictDateTime,
    StrictInteger,
    StrictJSON,
    StrictString,
    UnstorableValueError,
)
from fractal_models.utils import get_timestamp
from tests.support.databases import saved, statement_count

TABLES = SQLModel.metadata.tables
MODELS: dict[str, type[Base]] = {str(mapper.local_table): mapper.class_ for mapper in SQLModel._sa_registry.mappers}
REFERRING = [name for name, table in TABLES.items() if table.foreign_keys]
UNIQUE = [
    (name, columns)
    for name, table in TABLES.items()
    for columns in (
        *(constraint.columns.keys() for constraint in table.constraints if isinstance(constraint, UniqueConstraint)),
        *(index.columns.keys() for index in table.indexes if index.unique and not index.dialect_kwargs),
        table.primary_key.columns.keys(),
    )
    if columns and columns != ["id"]
]
"""Sets of unique columns; indexes of expressions and partial indexes are tested elsewhere."""

PYTHON_DEFAULTS: dict[str, dict[str, Any]] = {
    "applyworkflow": {"status": "submitted"},
    "dataset": {"meta": {}, "history": [], "read_only": False},
    "datasetv2": {"history": [], "images": [], "filters": {"attributes": {}, "types": {}}},
    "jobv2": {"status": "submitted"},
    "project": {"read_only": False},
    "state": {"data": {}},
    "task": {"meta": {}},
    "taskgroupv2": {"active": True, "pinned_package_versions": {}},
    "taskv2": {"meta_non_parallel": {}, "meta_parallel": {}, "input_types": {}, "output_types": {}, "tags": []},
    "user_oauth": {"is_active": True, "is_superuser": False, "is_verified": False},
    "user_settings": {"slurm_accounts": []},
    "usergroup": {"viewer_paths": []},
    "workflowtaskv2": {"input_filters": {"attributes": {}, "types": {}}},
}
"""Defaults by table, besides `NOW_BY_DEFAULT`; other optional columns are None."""

NOW_BY_DEFAULT = {
    "applyworkflow": ["start_timestamp"],
    "dataset": ["timestamp_created"],
    "datasetv2": ["timestamp_created"],
    "jobv2": ["start_timestamp"],
    "linkusergroup": ["timestamp_created"],
    "project": ["timestamp_created"],
    "projectv2": ["timestamp_created"],
    "state": ["timestamp"],
    "taskgroupactivityv2": ["timestamp_started"],
    "taskgroupv2": ["timestamp_created", "timestamp_last_used"],
    "usergroup": ["timestamp_created"],
    "workflow": ["timestamp_created"],
    "workflowv2": ["timestamp_created"],
}

SERVER_DEFAULTS: dict[str, dict[str, Any]] = {
    "dataset": {"history": []},
    "datasetv2": {"history": [], "images": [], "filters": {"attributes": {}, "types": {}}},
    "linkusergroup": {"timestamp_created": datetime(2000, 1, 1, tzinfo=UTC)},
    "taskgroupv2": {"pinned_package_versions": {}, "timestamp_last_used": datetime(2024, 11, 20, tzinfo=UTC)},
    "taskv2": {"meta_non_parallel": {}, "meta_parallel": {}, "tags": []},
    "user_settings": {"slurm_accounts": []},
    "usergroup": {"viewer_paths": []},
    "workflowtaskv2": {"input_filters": {"attributes": {}, "types": {}}},
}

REFUSED: dict[type, Any] = {
    StrictInteger: 2**31,
    StrictString: "\0",
    StrictDateTime: get_timestamp().replace(tzinfo=None),
    JSONObject: {"": nan},
    JSONArray: [inf],
}

CHECKED = {"status": "failed", "action": "deactivate"}
"""Valid values of columns with a check."""


def sample(column: Column[Any]) -> Any:
    """Value that is not the default of the column."""
    match column.type:
        case StrictString() if column.name in CHECKED:
            return CHECKED[column.name]
        case StrictString():
            return f"{column.name} – {get_timestamp()}"
        case StrictDateTime():
            return datetime(2024, 2, 29, 12, tzinfo=timezone(timedelta(hours=9)))
        case JSONObject():
            return {"z": [1, 2.5, None, {"é": True}], "a": {}}
        case JSONArray():
            return [{"z": 1, "a": [None]}, "text"]
        case sa.Boolean():
            return not PYTHON_DEFAULTS[column.table.name][column.name]
        case _:
            return 7


def sample_row(session: Session, table: Table, *, complete: bool = True) -> dict[str, Any]:
    """Values for all columns of a new row, or for the required ones; rows that it refers to are inserted."""
    row = {}
    for column in table.columns:
        if complete or not (column.nullable or column.default):
            if column.foreign_keys:
                (foreign_key,) = column.foreign_keys
                row[column.name] = insert(session, foreign_key.column.table)
            elif not column.primary_key:
                row[column.name] = sample(column)
    return row


def insert(session: Session, table: Table, **replaced: Any) -> Any:
    """Insert a complete row without the ORM; return the first column of its key."""
    row = sample_row(session, table) | replaced
    return session.scalar(table.insert().values(row).returning(next(iter(table.primary_key))))


def columns_of(row: Base) -> dict[str, Any]:
    return {name: getattr(row, name) for name in type(row).model_fields}


@pytest.fixture(params=TABLES)
def table(request: pytest.FixtureRequest) -> Table:
    return TABLES[request.param]


def test_every_column_comes_back_as_it_was_written(session: Session, table: Table) -> None:
    written = sample_row(session, table)
    row = saved(session, MODELS[table.name](**written))

    with Session(session.get_bind()) as fresh:
        found = fresh.get_one(type(row), sa.inspect(row).identity)
        assert columns_of(found) == columns_of(row) | written


def test_a_row_needs_no_more_than_what_has_no_default(session: Session, table: Table) -> None:
    given = sample_row(session, table, complete=False)
    before = get_timestamp()
    row = saved(session, MODELS[table.name](**given))

    found = columns_of(row)
    for column in NOW_BY_DEFAULT.get(table.name, []):
        assert before <= found.pop(column) <= get_timestamp()
    if "id" in found:
        assert isinstance(found.pop("id"), int)
    assert found == dict.fromkeys(found) | given | PYTHON_DEFAULTS.get(table.name, {})


@pytest.mark.parametrize("name", PYTHON_DEFAULTS)
def test_no_two_rows_share_a_default(name: str) -> None:
    one, other = MODELS[name](), MODELS[name]()
    for column, default in PYTHON_DEFAULTS[name].items():
        if isinstance(default, dict | list):
            assert getattr(one, column) == getattr(other, column) == default
            assert getattr(one, column) is not getattr(other, column)


@pytest.mark.parametrize("name", SERVER_DEFAULTS)
def test_the_database_fills_in_what_a_plain_statement_leaves_out(session: Session, name: str) -> None:
    table = TABLES[name]
    key = {column.name: 77 for column in table.primary_key if not column.foreign_keys}
    row = {column: value for column, value in sample_row(session, table).items() if column not in SERVER_DEFAULTS[name]}
    plain = sa.table(name, *(sa.column(column.name, column.type) for column in table.columns))
    session.execute(plain.insert().values(key | row))

    (found,) = session.scalars(sa.select(MODELS[name]))
    assert {column: getattr(found, column) for column in SERVER_DEFAULTS[name]} == SERVER_DEFAULTS[name]


def json_defaults(table: Table) -> dict[str, Any]:
    """Default of each JSON column that cannot be null."""
    types = {column.name: column.type for column in table.columns if not column.nullable}
    return {
        name: type_.null_default()
        for name, type_ in types.items()
        if isinstance(type_, StrictJSON) and type_.null_default
    }


def test_json_that_cannot_be_null_is_the_default_for_none(session: Session, table: Table) -> None:
    if not (defaults := json_defaults(table)):
        return
    model = MODELS[table.name]
    row = sample_row(session, table)
    insert(session, table, **row | dict.fromkeys(defaults))
    (stored,) = session.scalars(sa.select(model))
    assert {name: getattr(stored, name) for name in defaults} == defaults

    constructed = model(**dict.fromkeys(defaults))
    assert {name: getattr(constructed, name) for name in defaults} == defaults
    for name, default in defaults.items():
        setattr(constructed, name, None)
        assert getattr(constructed, name) == default
    session.execute(sa.update(model).values(dict.fromkeys(defaults)))
    session.refresh(stored)
    assert {name: getattr(stored, name) for name in defaults} == defaults


def test_a_column_that_is_not_null_refuses_null(session: Session, table: Table) -> None:
    row = sample_row(session, table)
    for name in row:
        if not table.columns[name].nullable and name not in json_defaults(table):
            with (
                pytest.raises(IntegrityError, match=rf"(?i)null (value|constraint).*\b{name}\b"),
                session.begin_nested(),
            ):
                insert(session, table, **row | {name: None})


def test_a_column_that_may_be_null_stores_null_for_none(session: Session, table: Table) -> None:
    optional = [column.name for column in table.columns if column.nullable]
    insert(session, table, **dict.fromkeys(optional))

    nulls = sa.select(sa.literal(True), *(sa.column(name).is_(None) for name in optional))
    assert all(session.execute(nulls.select_from(sa.table(table.name))).one())


def test_a_required_column_that_is_left_out_is_an_integrity_error_at_flush(session: Session) -> None:
    session.add(ApplyWorkflowFactory.build(user_email=None))
    with pytest.raises(IntegrityError, match="user_email"):
        session.flush()


@pytest.mark.parametrize(("name", "columns"), UNIQUE, ids=[f"{name}-{'-'.join(columns)}" for name, columns in UNIQUE])
def test_no_two_rows_share_what_is_unique(session: Session, name: str, columns: list[str]) -> None:
    first = sample_row(session, TABLES[name])
    insert(session, TABLES[name], **first)

    with pytest.raises(IntegrityError, match=r"(?i)unique constraint"), session.begin_nested():
        insert(session, TABLES[name], **{column: first[column] for column in columns})
    for column in columns:
        insert(session, TABLES[name], **{other: first[other] for other in columns if other != column})


def test_what_is_unique() -> None:
    assert sorted(name for name, _ in UNIQUE) == [
        "linkusergroup",
        "linkuserproject",
        "linkuserprojectv2",
        "oauthaccount",
        "task",
        "user_oauth",
        "usergroup",
    ]


@pytest.mark.parametrize("name", REFERRING)
def test_a_foreign_key_refers_to_a_row_that_exists(session: Session, name: str) -> None:
    row = sample_row(session, TABLES[name])
    for foreign_key in TABLES[name].foreign_keys:
        assert foreign_key.constraint is not None
        refused = rf'(?i)foreign key constraint ("{foreign_key.constraint.name}"|failed)'
        with pytest.raises(IntegrityError, match=refused), session.begin_nested():
            insert(session, TABLES[name], **row | {foreign_key.parent.name: 999_999})


@pytest.mark.parametrize("name", REFERRING)
def test_deleting_a_row_does_to_others_what_their_key_declares(session: Session, name: str) -> None:
    for foreign_key in TABLES[name].foreign_keys:
        savepoint = session.begin_nested()
        row = sample_row(session, TABLES[name])
        insert(session, TABLES[name], **row)
        referred = foreign_key.column
        delete = referred.table.delete().where(referred == row[foreign_key.parent.name])

        if foreign_key.ondelete is None:
            with pytest.raises(IntegrityError, match=r"(?i)foreign key constraint"):
                session.execute(delete)
        else:
            session.execute(delete)
            left = {"CASCADE": [], "SET NULL": [None]}[foreign_key.ondelete]
            assert session.scalars(sa.select(foreign_key.parent)).all() == left
        savepoint.rollback()


def test_every_column_refuses_what_it_cannot_store_before_anything_is_sent(session: Session, table: Table) -> None:
    row = sample_row(session, table)
    session.commit()
    statements = statement_count(session.get_bind())
    for column in table.columns:
        if type(column.type) in REFUSED:
            session.add(MODELS[table.name](**row | {column.name: REFUSED[type(column.type)]}))
            with pytest.raises(UnstorableValueError, match=rf"^{table.name}\.{column.name}: should "):
                session.flush()
            session.rollback()
        else:
            assert isinstance(column.type, sa.Integer | sa.Boolean)
    assert statements == []

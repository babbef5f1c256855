"""Sessions that only read: every part of the models that a database has, and an error for every other one."""

import pickle
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, InvalidRequestError
from sqlalchemy.orm import aliased, joinedload, selectinload
from sqlmodel import Session, select

from fractal_models.base import Base
from fractal_models.database import (
    UndefinedError,
    create_async_engine,
    create_engine,
    inspect_database,
    read_session,
    read_session_async,
)
from fractal_models.database.inspection.readable import missing_parts
from fractal_models.database.revisions.history import release_name
from fractal_models.models import (
    TABLES,
    Dataset,
    DatasetV2,
    Project,
    Resource,
    State,
    UserOAuth,
    UserSettings,
    Workflow,
)
from fractal_models.tables import METADATA
from fractal_models.testing.databases import Databases
from tests.support.databases import databases_of
from tests.support.later_servers import CHANGES, Schema, at_2_9, build, later_schema
from tests.support.rows import rows
from tests.support.servers import Guarded, administer

V1 = {"applyworkflow", "dataset", "linkuserproject", "project", "resource", "state", "task", "workflow", "workflowtask"}
INTACT = ["316140ff7ee1", "db09233ad13a", "af8673379a5c"]
"""Revisions up to 2.11.1, which leave version 1 as it is."""


def engine_of(databases: Databases, schema: Schema, revision: str) -> Engine:
    url = databases.create()
    build(url, schema, revision)
    return create_engine(url, wal=False)


def discard(databases: Databases, engine: Engine) -> None:
    engine.dispose()
    databases.drop(engine.url)


@pytest.fixture
def without_projects(databases: Databases) -> Iterator[Engine]:
    """A database of fractal-server 2.17."""
    engine = engine_of(databases, later_schema("83bc2ad3ffcc"), "83bc2ad3ffcc")
    yield engine
    discard(databases, engine)


@pytest.fixture
def without_cache_dir(databases: Databases) -> Iterator[Engine]:
    """A database of fractal-server 2.9.2."""
    engine = engine_of(databases, later_schema("316140ff7ee1"), "316140ff7ee1")
    yield engine
    discard(databases, engine)


def read(session: Session, model: type[Base], missing: set[str]) -> None:
    """Read all attributes of all rows, and see that an error names each one that is missing."""
    table = str(model.__tablename__)
    if table in missing:
        with pytest.raises(UndefinedError, match=f"^{table} cannot be read"):
            session.scalars(select(model)).all()
        return
    for row in session.scalars(select(model)).all():
        written = rows(getattr(row, "id", None) or row.user_id)[table]  # type: ignore[attr-defined]
        for attribute in sa.inspect(model).attrs:
            if f"{table}.{attribute.key}" in missing:
                with pytest.raises(UndefinedError, match=rf"^{table}\.{attribute.key} cannot be read"):
                    getattr(row, attribute.key)
            elif attribute.key in written:
                assert getattr(row, attribute.key) == written[attribute.key]
            else:
                assert getattr(row, attribute.key) or attribute.key == "args_schema"


def read_all(engine: Engine, missing: set[str]) -> None:
    with read_session(engine) as session:
        for model in TABLES:
            read(session, model, missing)


SAMPLE = {"af8673379a5c", "83bc2ad3ffcc"}
"""Revisions that are tried on PostgreSQL without `--thorough`: one of each kind."""

BY_ENGINE = [
    pytest.param(
        revision,
        backend,
        id=f"{revision}-{backend}",
        marks=[pytest.mark.thorough] if backend == "postgresql" and revision not in SAMPLE else [],
    )
    for backend in ("sqlite", "postgresql")
    for revision in CHANGES
]


@pytest.mark.parametrize(("revision", "backend"), BY_ENGINE)
def test_what_status_calls_readable_of_a_later_server_is_read(
    revision: str, backend: str, request: pytest.FixtureRequest
) -> None:
    databases = databases_of(request, backend)
    schema = later_schema(revision)
    engine = engine_of(databases, schema, revision)

    status = inspect_database(engine)

    missing = set(status.missing)
    assert set(status.readable) == {str(model.__tablename__) for model in TABLES} - missing
    assert {part for part in missing if "." not in part} == (set() if revision in INTACT else V1) | (
        {"user_settings"} - schema.keys()
    )
    assert (revision in INTACT) == (not [part for part in missing if part.partition(".")[0] in V1])
    columns = {f"{table}.{column}" for table, names in at_2_9().items() for column in names}
    dropped = columns - {f"{table}.{column}" for table, names in schema.items() for column in names}
    assert {part for part in missing if part in columns} == {
        part for part in dropped if part.partition(".")[0] not in missing
    }
    read_all(engine, missing)
    discard(databases, engine)


DROPPABLE = sorted(
    f"{table.name}.{column.name}"
    for table in METADATA.sorted_tables
    if table.name not in V1
    for column in table.columns
    if not column.primary_key
)


@pytest.mark.parametrize("backend", ["sqlite", pytest.param("postgresql", marks=pytest.mark.thorough)])
@given(dropped=st.sets(st.sampled_from(DROPPABLE), min_size=1, max_size=len(DROPPABLE)))
def test_any_columns_of_version_2_and_of_users_may_be_missing(
    backend: str, dropped: set[str], request: pytest.FixtureRequest
) -> None:
    databases = databases_of(request, backend)
    schema = at_2_9()
    for part in dropped:
        table, column = part.split(".")
        schema[table].pop(column)
    engine = engine_of(databases, schema, "0123456789ab")

    status = inspect_database(engine)

    assert len(status.line) <= 200
    with engine.connect() as connection:
        missing = set(missing_parts(connection))
    tables = {table for table, columns in at_2_9().items() if "id" in columns and schema[table].keys() == {"id"}}
    columns = {part for part in missing if part in DROPPABLE}
    assert {part for part in missing if "." not in part} == tables
    assert columns == {part for part in dropped if part.partition(".")[0] not in tables}
    assert {part for part in missing if part.partition(".")[0] in V1} <= {"project.user_list"}
    read_all(engine, missing)
    discard(databases, engine)


def test_relationships_of_version_1_are_loaded_up_to_2_11(databases: Databases) -> None:
    engine = engine_of(databases, later_schema("af8673379a5c"), "af8673379a5c")

    with read_session(engine) as session:
        eager = session.get_one(Dataset, 1)
        assert [(resource.path, eager.project.name) for resource in eager.resource_list] == [("/data/1", "project 1")]
        assert eager.project.user_list[0].oauth_accounts[0].account_id == "1"
        lazy = session.exec(select(Workflow).options(sa.orm.lazyload("*"))).first()
        assert lazy is not None
        assert [(step.order, step.task.name) for step in lazy.task_list] == [(0, "task 1")]
    discard(databases, engine)


def test_statement_of_any_kind_leaves_out_what_is_missing(without_cache_dir: Engine) -> None:
    alias = aliased(UserSettings)
    with read_session(without_cache_dir) as session:
        for statement in (
            select(UserSettings),
            select(alias),
            select(UserSettings).where(UserSettings.id.in_(select(UserSettings.id))),  # type: ignore[union-attr]
            select(UserSettings).from_statement(select(UserSettings).where(UserSettings.slurm_user == "user1")),
        ):
            found = session.scalars(statement).first()
            assert found is not None
            assert (found.slurm_user, found.project_dir) == ("user1", "/project")
            session.expunge_all()
        assert session.scalar(select(sa.func.count()).select_from(select(UserSettings).subquery())) == 2
        joined = session.scalars(select(UserOAuth).options(joinedload(UserOAuth.settings))).unique().first()  # type: ignore[arg-type]
        assert joined is not None
        assert joined.settings is not None
        assert joined.slurm_user == "user1"
        with pytest.raises(UndefinedError, match=r"^user_settings\.cache_dir"):
            _ = joined.cache_dir


def test_statement_that_names_what_is_missing_is_refused(without_projects: Engine) -> None:
    subquery = select(UserOAuth).subquery()
    statements: dict[str, Any] = {
        "user_oauth.username": [
            select(UserOAuth.username),
            select(UserOAuth).where(UserOAuth.username == "user1"),
            select(UserOAuth).order_by(UserOAuth.username),
            select(aliased(UserOAuth).username),
            select(subquery.c.username),
        ],
        "resource": [select(Resource), select(Resource.id), select(State).where(Dataset.resource_list.any())],  # type: ignore[attr-defined]
        "dataset": [select(Dataset).options(selectinload(Dataset.project))],  # type: ignore[arg-type]
    }
    with read_session(without_projects) as session:
        for part, refused in statements.items():
            for statement in refused:
                with pytest.raises(UndefinedError, match=rf"^({part}|state) cannot be read"):
                    session.execute(statement)
        assert session.get_one(UserOAuth, 1).email == "user1@example.org"


def test_error_names_the_release_in_one_short_line(without_projects: Engine) -> None:
    with read_session(without_projects) as session, pytest.raises(InvalidRequestError) as raised:
        session.get(Project, 1)

    assert str(raised.value) == (
        "project cannot be read: this database (fractal-server 2.17.0) lacks it, or the role may not read it"
    )


@pytest.mark.parametrize("revision", CHANGES)
def test_message_of_status_is_short(revision: str, fractal_sqlite_databases: Databases) -> None:
    engine = engine_of(fractal_sqlite_databases, later_schema(revision), revision)

    status = inspect_database(engine)

    assert str(release_name(revision)) in status.message
    assert status.remedy.endswith(f"`read_session` reads {len(status.readable)} of its tables")
    assert len(status.line) <= 200
    discard(fractal_sqlite_databases, engine)


def test_rows_stay_as_they_are_when_a_transaction_ends(without_cache_dir: Engine) -> None:
    with read_session(without_cache_dir) as session:
        found = session.get_one(UserSettings, 1)
        for end in (session.commit, session.rollback, session.expire_all, lambda: session.refresh(found)):
            end()
            with pytest.raises(UndefinedError):
                _ = found.cache_dir
            assert found.slurm_user == "user1"
        with pytest.raises(UndefinedError):
            session.refresh(found, ["cache_dir"])
        session.refresh(found)
    for row in (found, pickle.loads(pickle.dumps(found))):
        assert row.slurm_user == "user1"
        assert "cache_dir" not in row.model_dump()
        with pytest.raises(UndefinedError, match=r"fractal-server 2\.9\.2 to 2\.10\.6"):
            _ = row.cache_dir


def test_nothing_is_written(without_cache_dir: Engine) -> None:
    with read_session(without_cache_dir) as session:
        session.add(State())
        with pytest.raises(InvalidRequestError, match="only reads"):
            session.flush()
        session.rollback()
        session.get_one(UserSettings, 1).slurm_user = "another"
        with pytest.raises(InvalidRequestError, match="only reads"):
            session.commit()
        session.rollback()
        for statement in (sa.insert(State), sa.update(UserSettings).values(slurm_user="x"), sa.delete(State)):
            with pytest.raises(InvalidRequestError, match="only reads"):
                session.execute(statement)
        with pytest.raises(DBAPIError, match=r"read-?only"):
            session.execute(sa.text("DELETE FROM state"))
        session.rollback()
        assert session.scalar(sa.text("SELECT count(*) FROM state")) == 2
    # Other sessions of the engine write, and know nothing of what is missing.
    with Session(without_cache_dir) as session:
        session.execute(sa.update(UserSettings).values(slurm_user="x"))
        session.commit()
        with pytest.raises(DBAPIError, match="cache_dir"):
            session.get(UserSettings, 1)


@pytest.mark.parametrize("driver", ["sqlite+aiosqlite", "postgresql+asyncpg", "postgresql+psycopg"])
async def test_asynchronous_session_reads_alike(driver: str, request: pytest.FixtureRequest) -> None:
    databases = databases_of(request, driver)
    url = databases.create()
    build(url, later_schema("981d588fe248"), "981d588fe248")
    engine = create_async_engine(url.set(drivername=driver), wal=False)

    async with read_session_async(engine) as session:
        dataset = await session.get_one(DatasetV2, 1)
        assert dataset.image_zarr_urls == ["/zarr/1/B03", "/zarr/1/A01"]
        assert dataset.project.user_list[0].slurm_accounts == ["imaging"]
        with pytest.raises(UndefinedError, match=r"^datasetv2\.filters .*\(fractal-server 2\.16\.0 to 2\.16\.6\)"):
            _ = dataset.filters
        with pytest.raises(UndefinedError):
            await session.get(Dataset, 1)
        session.add(State())
        with pytest.raises(InvalidRequestError, match="only reads"):
            await session.commit()
    async with read_session_async(engine) as session:
        with pytest.raises(DBAPIError, match=r"read-?only"):
            await session.execute(sa.text("DELETE FROM usergroup"))
    await engine.dispose()
    databases.drop(url)


def test_columns_that_the_role_may_not_read_are_left_out(guarded: Guarded) -> None:
    url = guarded.create_at_head()
    administer(
        url,
        "GRANT SELECT ON alembic_version, project, linkuserproject TO other",
        "GRANT SELECT (id, email) ON user_oauth TO other",
        "INSERT INTO user_oauth (email, hashed_password, is_active, is_superuser, is_verified)"
        " VALUES ('a@example.org', 'secret', true, false, true)",
    )
    engine = create_engine(url.set(username="other"))
    with read_session(engine) as session:
        (user,) = session.scalars(select(UserOAuth)).all()
        assert user.email == "a@example.org"
        with pytest.raises(UndefinedError, match=r"^user_oauth\.hashed_password .* the role may not read it$"):
            _ = user.hashed_password
        assert session.scalars(select(Project)).all() == []
        with pytest.raises(UndefinedError, match=r"^dataset "):
            session.scalars(select(Dataset)).all()
    engine.dispose()

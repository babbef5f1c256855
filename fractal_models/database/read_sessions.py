"""Read-only sessions on any database with tables of Fractal: newer or older than the models, or changed by hand.

    with read_session(engine) as session:
        for dataset in session.scalars(select(Dataset)):
            print(dataset.name, dataset.paths)

Everything that is there can be read, by statements, `session.get`, and eager or lazy relationships. What is missing is
left out of every statement. Reading such an attribute raises `UndefinedError`, also when the session is closed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Engine, Executable, Table, event, inspect
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import InstanceState, LoaderCallableStatus, MapperProperty, ORMExecuteState, PassiveFlag
from sqlalchemy.sql.visitors import iterate
from sqlmodel import Session

from fractal_models.base import Base
from fractal_models.database.connection.async_session import AsyncSession
from fractal_models.database.connection.driver_errors import translated
from fractal_models.database.inspection.contents import read_revisions
from fractal_models.database.inspection.readable import missing_parts
from fractal_models.database.revisions.history import release_name
from fractal_models.mapping import LEFT_OUT, Reader, leave_out
from fractal_models.models import TABLES

READERS = "fractal_models.readers"
"""Key in the `info` of a session: the function to call for each attribute that is missing."""


class UndefinedError(InvalidRequestError):
    """A table, column or relationship was used that the database lacks, or that the role may not read."""


@contextmanager
def read_session(engine: Engine) -> Iterator[Session]:
    """Open a session that reads what is there of the tables of Fractal, and cannot write.

    Using a table or column that is missing raises `UndefinedError`, which names it and the release of the database.
    Adding, changing or deleting a row raises `sqlalchemy.exc.InvalidRequestError` when it is sent; other statements
    that write are refused by the database.

    Raises:
        UnreachableError: The database is unreachable.
    """
    with Session(_reading(engine), expire_on_commit=False) as session:
        with translated(engine.url, unknown=True):
            _leave_out_missing(session)
        yield session


@asynccontextmanager
async def read_session_async(engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    """Open an asynchronous session that only reads: `read_session` for asynchronous code.

    Raises:
        UnreachableError: The database is unreachable.
    """
    async with AsyncSession(AsyncEngine(_reading(engine.sync_engine)), expire_on_commit=False) as session:
        with translated(engine.url, unknown=True):
            await session.run_sync(_leave_out_missing)
        yield session


def _reading(engine: Engine) -> Engine:
    """Give the transactions of an engine read-only mode, and a cache of statements of their own."""
    if engine.dialect.name == "postgresql":
        return engine.execution_options(compiled_cache={}, postgresql_readonly=True)
    reading = engine.execution_options(compiled_cache={})
    event.listen(reading, "begin", _query_only("ON"))
    # The connection goes back to the pool of the engine.
    event.listen(reading, "commit", _query_only("OFF"))
    event.listen(reading, "rollback", _query_only("OFF"))
    return reading


def _query_only(value: str) -> Callable[[Connection], None]:
    def listener(connection: Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA query_only = {value}")

    return listener


@dataclass(frozen=True)
class _Undefined:
    """Error of an attribute that is missing."""

    message: str

    def __call__(self, _state: InstanceState[Any] | None, passive: PassiveFlag) -> LoaderCallableStatus:
        """Raise it if the attribute is read, and not only looked for."""
        if passive & PassiveFlag.SQL_OK:
            raise UndefinedError(self.message)
        return LoaderCallableStatus.PASSIVE_NO_RESULT


def _leave_out_missing(session: Any) -> None:
    """Leave out of the statements of a session what its database lacks."""
    connection = session.connection()
    missing = missing_parts(connection)
    revisions = read_revisions(connection) or ()
    names = [release_name(revision) or f"at revision {revision}" for revision in revisions]
    undefined = {part: _Undefined(_message(part, ", ".join(names))) for part in missing}
    readers = session.info[READERS] = dict(_readers(undefined))

    @event.listens_for(session, "do_orm_execute")
    def execute(state: ORMExecuteState) -> Any:
        if state.is_insert or state.is_update or state.is_delete:
            raise InvalidRequestError(READS_ONLY)
        _require_defined(state.statement, undefined)
        token = LEFT_OUT.set(readers)
        try:
            return state.invoke_statement()
        finally:
            LEFT_OUT.reset(token)

    event.listen(session, "before_flush", _refuse_flush)


READS_ONLY = "this session only reads; use `sessionmaker` of fractal_models.database to write"


def _refuse_flush(*_: object) -> None:
    raise InvalidRequestError(READS_ONLY)


def _message(part: str, release: str) -> str:
    database = f"this database ({release})" if release else "this database"
    return f"{part} cannot be read: {database} lacks it, or the role may not read it"


def _readers(undefined: Mapping[str, _Undefined]) -> Iterator[tuple[MapperProperty[Any], _Undefined]]:
    """Attributes that are missing, and what happens when they are read."""
    for model in TABLES:
        for attribute in inspect(model).attrs:
            if found := undefined.get(f"{model.__tablename__}.{attribute.key}"):
                yield attribute, found


def _require_defined(statement: Executable, undefined: Mapping[str, _Undefined]) -> None:
    """Refuse statements that name a table or column which is missing.

    Raises:
        UndefinedError: This one does.
    """
    for element in iterate(statement):  # type: ignore[arg-type]
        for name in _names(element):
            if name in undefined:
                raise UndefinedError(undefined[name].message)


def _names(element: Any) -> Iterable[str]:
    """Names of the table, or of the columns, which an element of a statement stands for."""
    if isinstance(element, Table):
        return [element.name]
    columns = [column for column in getattr(element, "base_columns", ()) if isinstance(column, Column)]
    return [name for column in columns for name in (column.table.name, f"{column.table.name}.{column.name}")]


@event.listens_for(Base, "expire", propagate=True, raw=True)
def _keep_left_out(state: InstanceState[Any], _names: object) -> None:
    """Leave out of the next load what is missing; SQLAlchemy would load every column of a row that expires."""
    readers: Mapping[MapperProperty[Any], Reader] = state.session.info.get(READERS, {}) if state.session else {}
    for attribute, reader in readers.items():
        if attribute.parent is state.mapper:
            leave_out(state, attribute.key, reader)

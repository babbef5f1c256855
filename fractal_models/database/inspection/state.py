"""What a database is: found out by reading alone, and said in one line with what to do about it."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from fractal_models.base import Base
from fractal_models.database.connection.engine import (
    READ_WAIT,
    lock_timeout,
    maintenance_engine,
    masked,
    without_secrets,
)
from fractal_models.database.connection.errors import (
    BusyError,
    DatabaseError,
    DriftError,
    NeedsUpgradeError,
    UnreachableError,
    WrongDatabaseError,
)
from fractal_models.database.inspection import schema as drift
from fractal_models.database.revisions.history import head, pending, scripts, title
from fractal_models.database.revisions.releases import ADOPTED_REVISION, is_older, server_releases

UPGRADE = "fractal-models upgrade head"
"""The command that brings a database to head."""


class DatabaseState(StrEnum):
    """Every condition that asks for something else to be done."""

    AT_HEAD = "at head"
    EMPTY = "empty"
    BEHIND = "behind"
    SERVER_2_9 = "at fractal-server 2.9"
    SERVER_OLDER = "at an older fractal-server"
    SERVER_NEWER = "at a newer fractal-server"
    UNKNOWN_REVISION = "at an unknown revision"
    FOREIGN = "of another application"
    UNVERSIONED = "without a revision"
    DRIFTED = "drifted"
    HOST_NOT_FOUND = "host not found"
    REFUSED = "connection refused"
    NOT_RESPONDING = "not responding"
    STARTING = "starting or stopping"
    AUTHENTICATION = "not let in"
    NO_DATABASE = "no such database"
    NO_PERMISSION = "not permitted"
    LOCKED = "locked"
    FILE_NOT_FOUND = "file not found"
    NOT_A_DATABASE = "not a database"
    READ_ONLY = "read-only"
    STANDBY = "standby"
    POOLER = "behind a connection pooler"
    UNREACHABLE = "unreachable"

    @property
    def error(self) -> type[DatabaseError] | None:
        """The family, as an exception class; None at head, where nothing is wrong."""
        return FAMILIES.get(self, UnreachableError)


FAMILIES: dict[DatabaseState, type[DatabaseError] | None] = {
    DatabaseState.AT_HEAD: None,
    DatabaseState.EMPTY: NeedsUpgradeError,
    DatabaseState.BEHIND: NeedsUpgradeError,
    DatabaseState.SERVER_2_9: NeedsUpgradeError,
    DatabaseState.SERVER_OLDER: WrongDatabaseError,
    DatabaseState.SERVER_NEWER: WrongDatabaseError,
    DatabaseState.UNKNOWN_REVISION: WrongDatabaseError,
    DatabaseState.FOREIGN: WrongDatabaseError,
    DatabaseState.UNVERSIONED: WrongDatabaseError,
    DatabaseState.DRIFTED: DriftError,
    DatabaseState.LOCKED: BusyError,
}
"""All others are ways of being unreachable."""


@dataclass(frozen=True)
class Status:
    """A state, with what led to it."""

    state: DatabaseState
    message: str
    """What is the case, in one line."""
    remedy: str = ""
    """What to do about it, in one line; empty if there is nothing to do."""
    command: str = ""
    """The very command to run; empty if none of ours helps."""
    revisions: tuple[str, ...] = ()
    """What `alembic_version` holds."""
    release: str | None = None
    """The release of fractal-server whose revision that is."""
    pending: tuple[tuple[str, str], ...] = ()
    """Id and title of each revision up to head, the next one first."""
    differences: tuple[str, ...] = ()
    """Where the schema is not what its revision says."""
    readable: tuple[str, ...] = field(default=())
    """Our tables that are there with all of their columns."""

    @property
    def exit_code(self) -> int:
        """0 at head, else that of the family."""
        return self.state.error.exit_code if self.state.error else 0

    def raise_for_state(self) -> None:
        """Do nothing at head.

        Raises:
            DatabaseError: The class of the family, with this status, in any other state.
        """
        if self.state.error is not None:
            raise self.state.error(f"{self.message}; {self.remedy}" if self.remedy else self.message, self)


def inspect_database(target: str | URL | Engine | Connection, *, check_drift: bool = True) -> Status:
    """Find out the state of a database without writing to it.

    Args:
        target: Where it is; a connection is left as it was.
        check_drift: Whether to compare the schema with what its revision says, which takes some tenths of a second.
    """
    if isinstance(target, Connection):
        return _inspect_connection(target, check_drift)
    if not isinstance(target, Engine):
        try:
            target = maintenance_engine(target)
        except UnreachableError as error:
            return Status(DatabaseState.UNREACHABLE, str(error))
    if (missing := missing_file(target.url)) is not None:
        return missing
    try:
        with target.connect() as connection:
            return _inspect_connection(connection, check_drift)
    except (SQLAlchemyError, OSError) as error:
        return explain(error, target.url)


@contextmanager
def connected(engine: Engine) -> Iterator[Connection]:
    """Open a connection, and say why if there is none to be had.

    Raises:
        DatabaseError: There is none; what is raised while it is open passes unchanged.
    """
    try:
        connection = engine.connect()
    except (SQLAlchemyError, OSError) as error:
        status = explain(error, engine.url)
        raise UnreachableError(f"{status.message}; {status.remedy}", status) from error
    with connection:
        yield connection


@contextmanager
def explained(url: URL) -> Iterator[None]:
    """Tell what a driver raises in one line, if it is known what that means.

    Raises:
        DatabaseError: It is; what is not known passes unchanged.
    """
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        found = explain(error, url)
        if found.state is DatabaseState.UNREACHABLE:
            raise
        found.raise_for_state()


def missing_file(url: URL) -> Status | None:
    """Look for the file of SQLite, which would be made by connecting."""
    path = url.database or ""
    if url.get_backend_name() != "sqlite" or path in {"", ":memory:"} or path.startswith("file:"):
        return None
    if Path(path).is_dir():
        return Status(DatabaseState.NOT_A_DATABASE, f"{path} is a folder", "give the path of a file")
    if Path(path).exists():
        return None
    folder = Path(path).parent
    if folder.is_dir():
        return Status(
            DatabaseState.FILE_NOT_FOUND,
            f"{path} does not exist",
            f"check the path, or make a new database there: {UPGRADE}",
            UPGRADE,
        )
    return Status(DatabaseState.FILE_NOT_FOUND, f"the folder {folder} does not exist", "check the path")


def _inspect_connection(connection: Connection, check_drift: bool) -> Status:
    began = not connection.in_transaction()
    try:
        bound_waits(connection)
        status = _read_and_compare(connection) if check_drift else _read(connection)
        if status.state.error is NeedsUpgradeError and (obstacle := unwritable(connection)):
            status = replace(obstacle, revisions=status.revisions, release=status.release, pending=status.pending)
        return status
    except DBAPIError as error:
        return explain(error, connection.engine.url)
    finally:
        if began:
            connection.rollback()


def bound_waits(connection: Connection) -> None:
    """Let the transaction that begins here give up a table which somebody else has locked."""
    if connection.dialect.name == "postgresql" and not connection.in_transaction():
        lock_timeout(READ_WAIT)(connection)


def read_revisions(connection: Connection) -> tuple[str, ...] | None:
    """Read `alembic_version`; None if there is no such table."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return tuple(sorted(connection.execute(text("SELECT version_num FROM alembic_version")).scalars()))


def _read(connection: Connection) -> Status:
    # Tables first: somebody else's first upgrade brings them and the revision at one moment, between the two readings.
    ours = own_tables(connection)
    revisions = read_revisions(connection)
    if not revisions:
        if ours:
            return _unversioned(connection, ours)
        if connection.dialect.name == "postgresql" and connection.scalar(text("SELECT current_schema()")) is None:
            return Status(
                DatabaseState.NO_PERMISSION,
                "the role may use no schema of its search_path",
                REMEDIES[DatabaseState.NO_PERMISSION],
            )
        others = set(inspect(connection).get_table_names()) - {"alembic_version"}
        beside = " of Fractal, beside tables of others" if others else ""
        return Status(
            DatabaseState.EMPTY, f"the database is empty{beside}", f"run `{UPGRADE}`", UPGRADE, pending=_titles(None)
        )
    known = known_revision(revisions)
    if known is None:
        return _unknown(connection, revisions, ours)
    found = Status(
        DatabaseState.AT_HEAD, f"the database is at head, {known}", revisions=revisions, release=_release(known)
    )
    if known == head():
        return found
    ahead = _titles(known)
    state = DatabaseState.SERVER_2_9 if known == ADOPTED_REVISION else DatabaseState.BEHIND
    where = f" ({found.release})" if found.release else ""
    return replace(
        found,
        state=state,
        message=f"the database is at revision {known}{where}, {len(ahead)} behind {head()}",
        remedy=f"run `{UPGRADE}`",
        command=UPGRADE,
        pending=ahead,
    )


def own_tables(connection: Connection) -> set[str]:
    """Our tables, as far as they are there."""
    return set(inspect(connection).get_table_names()) & set(Base.metadata.tables)


def _read_and_compare(connection: Connection, attempts: int = 10) -> Status:
    status = _read(connection)
    if status.state not in {DatabaseState.AT_HEAD, DatabaseState.BEHIND, DatabaseState.SERVER_2_9}:
        return status
    try:
        differences = tuple(drift.differences(connection, status.revisions[0]))
    except TypeError:
        # SQLAlchemy falls over a key that somebody who upgrades right now has dropped between two of its questions.
        if attempts == 1:
            raise
        return _read_and_compare(connection, attempts - 1)
    if not differences:
        return status
    if read_revisions(connection) != status.revisions:
        # Somebody upgrades it right now: what was read belongs to two revisions.
        return _read_and_compare(connection)
    return _drifted(connection, status, differences)


SHOWN_DIFFERENCES = 5
"""How many differences a message names; `Status.differences` has them all."""


def _drifted(connection: Connection, status: Status, differences: tuple[str, ...]) -> Status:
    (revision,) = status.revisions
    shown = "; ".join(differences[:SHOWN_DIFFERENCES])
    if len(differences) > SHOWN_DIFFERENCES:
        shown += f"; … ({len(differences)} in all, see `fractal-models doctor`)"
    remedy = "find out who changed it and undo that, or restore a backup, before any upgrade"
    if drift.is_half_way_down(connection, revision):
        remedy = "a downgrade from there was cut short: run it again"
        if revision != head():
            remedy += f", or `{UPGRADE}`"
    return replace(
        status,
        state=DatabaseState.DRIFTED,
        message=f"the schema differs from revision {revision}: {shown}",
        remedy=remedy,
        command="fractal-models doctor",
        differences=differences,
    )


def refuse_drift(connection: Connection, revision: str) -> None:
    """Keep revisions from a schema that is not the one which they were made for.

    Raises:
        DriftError: It is not.
    """
    found = tuple(drift.differences(connection, revision))
    # If somebody has upgraded it meanwhile, what was read belongs to two revisions.
    if found and read_revisions(connection) == (revision,):
        _drifted(connection, Status(DatabaseState.DRIFTED, "", revisions=(revision,)), found).raise_for_state()


def known_revision(revisions: Iterable[str]) -> str | None:
    """The one revision of ours that a database is at; None if it is at none, or at several."""
    found = list(revisions)
    ids = {script.revision for script in scripts().walk_revisions()}
    return found[0] if len(found) == 1 and found[0] in ids else None


def _titles(revision: str | None) -> tuple[tuple[str, str], ...]:
    return tuple((script.revision, title(script)) for script in pending(revision))


def _release(revision: str) -> str | None:
    release = server_releases().get(revision)
    return release.name if release else None


def _unversioned(connection: Connection, ours: set[str]) -> Status:
    message = f"the database has {len(ours)} of our tables but no revision in alembic_version"
    for revision in (head(), ADOPTED_REVISION):
        if not any(drift.differences(connection, revision)):
            command = f"fractal-models stamp {revision}"
            return Status(
                DatabaseState.UNVERSIONED,
                f"{message}; its schema is that of {revision}",
                f"say so with `{command}`",
                command,
            )
    return Status(
        DatabaseState.UNVERSIONED,
        f"{message}, and its schema is neither that of fractal-server 2.9 nor that of {head()}",
        "restore alembic_version from a backup",
    )


def _unknown(connection: Connection, revisions: tuple[str, ...], ours: set[str]) -> Status:
    name = ", ".join(revisions)
    release = server_releases().get(revisions[0]) if len(revisions) == 1 else None
    if release is None:
        if ours:
            readable, newest = _readable(connection), list(server_releases().values())[-1].last
            return Status(
                DatabaseState.UNKNOWN_REVISION,
                f"the database has {len(ours)} of our tables, but stands at revision {name}, which is unknown here; "
                f"these models can read {', '.join(readable) or 'none of them'}",
                "it was probably upgraded by a newer fractal-models (run `pip install --upgrade fractal-models`), or "
                f"by a fractal-server after {newest} (keep using that)",
                "pip install --upgrade fractal-models",
                revisions,
                readable=tuple(readable),
            )
        return Status(
            DatabaseState.FOREIGN,
            f"the database belongs to another application: it stands at revision {name} and has no table of Fractal",
            "give the URL of a database of Fractal, or of an empty one",
            revisions=revisions,
        )
    if is_older(release):
        return Status(
            DatabaseState.SERVER_OLDER,
            f"the database is at revision {name} of {release.name}, older than 2.9",
            "upgrade it with fractal-server 2.9.1 first, then come back",
            revisions=revisions,
            release=release.name,
        )
    readable = _readable(connection)
    gone = sorted(set(Base.metadata.tables) - set(readable))
    return Status(
        DatabaseState.SERVER_NEWER,
        f"the database is at revision {name} of {release.name}, newer than 2.9; these models can still read "
        f"{', '.join(readable) or 'none of its tables'}" + (f", but not {', '.join(gone)}" if gone else ""),
        "keep using its fractal-server, and read only the tables named here" if readable else "use its fractal-server",
        revisions=revisions,
        release=release.name,
        readable=tuple(readable),
    )


def _readable(connection: Connection) -> list[str]:
    """Our tables that have every column which the models select."""
    inspector = inspect(connection)
    columns = {
        name: {column["name"] for column in inspector.get_columns(name)}
        for name in inspector.get_table_names()
        if name in Base.metadata.tables
    }
    return sorted(
        name
        for name, table in Base.metadata.tables.items()
        if name in columns and columns[name].issuperset(table.columns.keys())
    )


def refuse_unknown(connection: Connection, revisions: tuple[str, ...]) -> None:
    """Say what a database is that stands at a revision which is none of ours.

    Raises:
        WrongDatabaseError: Always.
    """
    _unknown(connection, revisions, own_tables(connection)).raise_for_state()


def refuse_unversioned(connection: Connection) -> None:
    """Keep the first revision from running into tables that are there already.

    Raises:
        WrongDatabaseError: Some are.
    """
    # As in `_read`, tables first: they and their revision may have come a moment ago.
    if (ours := own_tables(connection)) and not read_revisions(connection):
        # Which revision it is takes a second run of Alembic, which it does not allow within the first.
        command = "fractal-models status"
        message = f"the database has {len(ours)} of our tables but no revision in alembic_version"
        Status(DatabaseState.UNVERSIONED, message, f"see `{command}`", command).raise_for_state()


def refuse_unwritable(connection: Connection) -> None:
    """Refuse a connection that revisions could not, or not safely, run on.

    Raises:
        UnreachableError: It is read-only, to a standby, or goes through a pooler.
    """
    if obstacle := unwritable(connection):
        obstacle.raise_for_state()


def unwritable(connection: Connection) -> Status | None:
    """What keeps revisions from running on a connection on which reading works."""
    if connection.dialect.name == "sqlite":
        path = connection.exec_driver_sql("PRAGMA database_list").first()[2]  # type: ignore[index]
        opened = str(connection.engine.url)
        read_only = "mode=ro" in opened or "immutable=1" in opened
        # A journal has to come into its folder.
        read_only = read_only or (path and not (os.access(path, os.W_OK) and os.access(Path(path).parent, os.W_OK)))
        return (
            Status(DatabaseState.READ_ONLY, f"{path} is read-only", REMEDIES[DatabaseState.READ_ONLY])
            if read_only
            else None
        )
    if connection.scalar(text("SELECT pg_is_in_recovery()")):
        return Status(
            DatabaseState.STANDBY, "this server is a standby, which only reads", "give the URL of the primary"
        )
    if connection.scalar(text("SHOW transaction_read_only")) == "on":
        return Status(
            DatabaseState.READ_ONLY,
            "transactions on this connection are read-only",
            "use a role, and a database, whose default_transaction_read_only is off",
        )
    told = _backend_pid(connection.connection.driver_connection)
    if told is not None and told != connection.scalar(text("SELECT pg_backend_pid()")):
        return Status(
            DatabaseState.POOLER,
            "a connection pooler (such as PgBouncer) stands between, and could break the locks of a migration",
            "give the URL of the PostgreSQL server itself",
        )
    return None


def _backend_pid(driver: Any) -> int | None:
    """What the driver was told, when it connected, of the process that serves it."""
    if hasattr(driver, "get_server_pid"):  # asyncpg
        return int(driver.get_server_pid())
    info = getattr(driver, "info", None)
    return None if info is None else int(info.backend_pid)


SQLSTATES = {
    "08003": DatabaseState.STARTING,
    "08006": DatabaseState.STARTING,
    "25006": DatabaseState.READ_ONLY,
    "28000": DatabaseState.AUTHENTICATION,
    "28P01": DatabaseState.AUTHENTICATION,
    "3D000": DatabaseState.NO_DATABASE,
    "3F000": DatabaseState.NO_PERMISSION,
    "42501": DatabaseState.NO_PERMISSION,
    "55P03": DatabaseState.LOCKED,
    "57P01": DatabaseState.STARTING,
    "57P02": DatabaseState.STARTING,
    "57P03": DatabaseState.STARTING,
}

TEXTS = {
    r'role ".*" does not exist': DatabaseState.AUTHENTICATION,
    r'database ".*" does not exist': DatabaseState.NO_DATABASE,
    "could not translate host name": DatabaseState.HOST_NOT_FOUND,
    "failed to resolve host": DatabaseState.HOST_NOT_FOUND,
    "name or service not known": DatabaseState.HOST_NOT_FOUND,
    "connection refused": DatabaseState.REFUSED,
    "no such file or directory": DatabaseState.REFUSED,
    "timeout expired": DatabaseState.NOT_RESPONDING,
    "connection timed out": DatabaseState.NOT_RESPONDING,
    "no route to host": DatabaseState.NOT_RESPONDING,
    "is starting up": DatabaseState.STARTING,
    "is shutting down": DatabaseState.STARTING,
    "not (yet )?accepting connections": DatabaseState.STARTING,
    "server closed the connection": DatabaseState.STARTING,
    "connection already closed": DatabaseState.STARTING,
    "authentication failed": DatabaseState.AUTHENTICATION,
    "no password supplied": DatabaseState.AUTHENTICATION,
    r"pg_hba\.conf": DatabaseState.AUTHENTICATION,
    "is not permitted to log in": DatabaseState.AUTHENTICATION,
    "permission denied for database": DatabaseState.AUTHENTICATION,
    "permission denied": DatabaseState.NO_PERMISSION,
    "unable to open database file": DatabaseState.FILE_NOT_FOUND,
    "file is not a database": DatabaseState.NOT_A_DATABASE,
    "database disk image is malformed": DatabaseState.NOT_A_DATABASE,
    "readonly database": DatabaseState.READ_ONLY,
    "is locked": DatabaseState.LOCKED,
}
"""What drivers say where they give no SQLSTATE, as patterns in lower case; the first that fits counts."""

REMEDIES = {
    DatabaseState.HOST_NOT_FOUND: "check the host name in the URL",
    DatabaseState.REFUSED: "start the server, or check host and port (or the folder of its socket) in the URL",
    DatabaseState.NOT_RESPONDING: "check network and firewall between here and the server",
    DatabaseState.STARTING: "wait for it: `fractal-models wait`",
    DatabaseState.AUTHENTICATION: "check user and password in the URL, and pg_hba.conf of the server",
    DatabaseState.NO_DATABASE: "create it (`createdb NAME`), or check the name in the URL",
    DatabaseState.NO_PERMISSION: "grant the role what it needs: see `fractal-models roles`",
    DatabaseState.LOCKED: "end what holds the lock, or try again when it is done",
    DatabaseState.READ_ONLY: "make file and folder writable; on PostgreSQL, use a role and a server that may write",
    DatabaseState.FILE_NOT_FOUND: "check the path, and that its folder can be read",
    DatabaseState.NOT_A_DATABASE: "check the path: this is no file of SQLite, or a damaged one",
    DatabaseState.UNREACHABLE: "see the message of the driver",
}


COMMANDS = {
    DatabaseState.HOST_NOT_FOUND: "fractal-models wait",
    DatabaseState.REFUSED: "fractal-models wait",
    DatabaseState.NOT_RESPONDING: "fractal-models wait",
    DatabaseState.STARTING: "fractal-models wait",
    DatabaseState.NO_DATABASE: "createdb NAME",
    DatabaseState.NO_PERMISSION: "fractal-models roles",
}


def explain(error: BaseException, url: URL) -> Status:
    """Turn what a driver raised into a status, with no password in it."""
    causes = list(_causes(error))
    known = [cause for cause in causes if _state_of(cause) is not DatabaseState.UNREACHABLE]
    cause = (known or causes)[0]
    state = _state_of(cause)
    message = f"{masked(url)}: {state.value} ({without_secrets(said_by(cause), url)})"
    return Status(state, message, REMEDIES[state], COMMANDS.get(state, ""))


def said_by(error: BaseException) -> str:
    """What a driver says, in one line, without the rows and statements that it quotes."""
    error = getattr(error, "orig", None) or error
    said = getattr(getattr(error, "diag", None), "message_primary", None) or str(error)
    return " ".join(re.split(r"\n(?:DETAIL|LINE \d+):", said)[0].split())


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error of the driver before SQLAlchemy's around it, and all that it says led to it."""
    error = getattr(error, "orig", None) or error
    seen: list[BaseException | None] = []
    # SQLAlchemy raises some errors from themselves.
    while isinstance(error, Exception) and error not in seen:
        yield error
        seen.append(error)
        error = error.__cause__ or error.__context__  # type: ignore[assignment]


def sqlstate(error: BaseException | None) -> str | None:
    """The code that PostgreSQL gave, by whatever driver; None if it gave none."""
    code: str | None = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    return code


def _state_of(error: BaseException) -> DatabaseState:
    if code := sqlstate(error):
        return SQLSTATES.get(code, DatabaseState.UNREACHABLE)
    if isinstance(error, socket.gaierror):
        return DatabaseState.HOST_NOT_FOUND
    if isinstance(error, ConnectionRefusedError):
        return DatabaseState.REFUSED
    if isinstance(error, TimeoutError):
        return DatabaseState.NOT_RESPONDING
    said = said_by(error).lower()
    return next((state for pattern, state in TEXTS.items() if re.search(pattern, said)), DatabaseState.UNREACHABLE)

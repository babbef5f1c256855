"""State of a database, found by reading alone."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import URL, Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError

from fractal_models.database.connection.driver_errors import explain, translated
from fractal_models.database.connection.engine import limit_read_waits, maintenance_engine
from fractal_models.database.connection.errors import (
    DatabaseError,
    DatabaseState,
    NeedsUpgradeError,
    Status,
    UnreachableError,
)
from fractal_models.database.connection.urls import missing_file, sqlite_file
from fractal_models.database.inspection import schema
from fractal_models.database.inspection.access import journals
from fractal_models.database.inspection.blockers import held
from fractal_models.database.inspection.contents import own_tables, read_revisions, taken_names
from fractal_models.database.inspection.environment import invalid_indexes, obstacles, room_note
from fractal_models.database.inspection.other_releases import unknown_revision
from fractal_models.database.inspection.watch import Watch
from fractal_models.database.revisions.history import (
    BASELINE,
    head,
    known_revision,
    pending,
    release_name,
    title,
)
from fractal_models.tables import METADATA

EXAMINED = {DatabaseState.AT_HEAD, DatabaseState.BEHIND, DatabaseState.SERVER_2_9, DatabaseState.DRIFTED}
"""States in which schema and rows can be examined."""

SHOWN_DIFFERENCES = 5
"""Number of differences in a message; `Status.differences` has all of them."""


def inspect_database(target: str | URL | Engine | Connection, *, check_drift: bool = True) -> Status:
    """Return the state of a database, without writing to it.

    If an upgrade is due but cannot run, the state is the first obstacle.

    Args:
        target: The database; a connection keeps its transaction.
        check_drift: Whether to compare the schema with its revision, which takes some tenths of a second.
    """
    status = read_state(target, check_drift=check_drift)
    if not status.obstacles:
        return status
    first = status.obstacles[0]
    return replace(status, state=first.state, message=first.message, remedy=first.remedy, command=first.command)


def read_state(target: str | URL | Engine | Connection, *, check_drift: bool = True) -> Status:
    """Find the state of a database whatever keeps it from being upgraded, with the arguments of `inspect_database`."""
    if isinstance(target, Connection):
        return _inspect(target, check_drift)
    try:
        engine = target if isinstance(target, Engine) else maintenance_engine(target)
    except UnreachableError as error:
        return Status(DatabaseState.UNREACHABLE, str(error))
    if (missing := missing_file(engine.url)) is not None:
        return missing
    path = sqlite_file(engine.url)
    left_behind = journals(str(path)) if path else []  # SQLite may delete them
    try:
        with translated(engine.url, unknown=True), engine.connect() as connection:
            status = _inspect(connection, check_drift)
            return replace(status, notes=(*left_behind, *status.notes))
    except DatabaseError as error:
        if error.status is None:
            raise
        return error.status


def _inspect(connection: Connection, check_drift: bool) -> Status:
    begins = not connection.in_transaction()
    with Watch(connection) as watch:
        try:
            limit_read_waits(connection)
            return _with_environment(connection, _compare(connection) if check_drift else _read(connection))
        except DBAPIError as error:
            return held(explain(error, connection.engine.url), watch.seen)
        finally:
            if begins:
                connection.rollback()


def _with_environment(connection: Connection, status: Status) -> Status:
    """Add what keeps the pending revisions from running, and what else there is to know."""
    notes: list[str] = []
    if status.state in EXAMINED:
        notes += invalid_indexes(connection, status.revisions[0])
    if status.state.error is NeedsUpgradeError:
        # An older database is converted to the baseline first.
        coming = pending(known_revision(status.revisions) or (BASELINE if status.revisions else None))
        found = tuple(obstacles(connection, coming))
        status = replace(status, obstacles=found)
        notes += [] if found else room_note(connection, coming)
    return replace(status, notes=tuple(notes))


def _read(connection: Connection) -> Status:
    """State by tables and revision."""
    # Names first, then tables: a first upgrade that commits between two readings brings all that is read later.
    names = set(inspect(connection).get_table_names())
    present = own_tables(connection)
    revisions = read_revisions(connection)
    if revisions:
        known = known_revision(revisions)
        return _at(known) if known else unknown_revision(connection, revisions)
    return _unversioned(connection, present) if present else _empty(connection, names)


def _at(revision: str) -> Status:
    """State at a revision of this package."""
    status = replace(
        DatabaseState.AT_HEAD.status(f"the database is at head, {revision}"),
        revisions=(revision,),
        release=release_name(revision),
    )
    if revision == head():
        return status
    ahead = _titles(revision)
    state = DatabaseState.SERVER_2_9 if revision == BASELINE else DatabaseState.BEHIND
    release = f" ({status.release})" if status.release else ""
    return replace(
        status,
        state=state,
        message=f"the database is at revision {revision}{release}, {len(ahead)} behind {head()}",
        remedy=state.remedy,
        command=state.command,
        pending=ahead,
    )


def _titles(revision: str | None) -> tuple[tuple[str, str], ...]:
    return tuple((script.revision, title(script)) for script in pending(revision))


def _empty(connection: Connection, names: set[str]) -> Status:
    if connection.dialect.name == "postgresql" and connection.scalar(text("SELECT current_schema()")) is None:
        return DatabaseState.NO_PERMISSION.status("the role has no usable schema in its search_path")
    if taken := METADATA.tables.keys() & names:
        return _foreign(taken)
    beside = " of Fractal, beside tables of another application" if names - {"alembic_version"} else ""
    return replace(DatabaseState.EMPTY.status(f"the database is empty{beside}"), pending=_titles(None))


def _foreign(taken: set[str]) -> Status:
    names = ", ".join(sorted(taken))
    tables, have = ("tables", "have") if len(taken) > 1 else ("table", "has")
    return DatabaseState.FOREIGN.status(
        f"the database belongs to another application: its {tables} {names} {have} other columns than those of Fractal"
    )


def _compare(connection: Connection, attempts: int = 10) -> Status:
    """State by tables, revision and schema."""
    status = _read(connection)
    if status.state not in {DatabaseState.AT_HEAD, DatabaseState.BEHIND, DatabaseState.SERVER_2_9}:
        return status
    try:
        differences = tuple(schema.differences(connection, status.revisions[0]))
    except TypeError:
        # SQLAlchemy's reflection fails if another session drops a key between two of its queries.
        if attempts == 1:
            raise
        return _compare(connection, attempts - 1)
    if differences and read_revisions(connection) != status.revisions:
        # Another session is upgrading it, and the facts belong to two revisions.
        return _compare(connection)
    return _drifted(status, differences) if differences else status


def _drifted(status: Status, differences: tuple[str, ...]) -> Status:
    shown = "; ".join(differences[:SHOWN_DIFFERENCES])
    if len(differences) > SHOWN_DIFFERENCES:
        shown += f"; … ({len(differences)} in all, see `fractal-models doctor`)"
    return replace(
        status,
        state=DatabaseState.DRIFTED,
        message=f"the schema differs from revision {status.revisions[0]}: {shown}",
        remedy=DatabaseState.DRIFTED.remedy,
        command=DatabaseState.DRIFTED.command,
        differences=differences,
    )


def refuse_drift(connection: Connection, revision: str) -> None:
    """Refuse a schema that differs from its revision.

    Raises:
        DriftError: It does.
    """
    differences = tuple(schema.differences(connection, revision))
    # If another session has upgraded it meanwhile, the facts belong to two revisions.
    if differences and read_revisions(connection) == (revision,):
        _drifted(Status(DatabaseState.DRIFTED, "", revisions=(revision,)), differences).raise_for_state()


def _unversioned(connection: Connection, present: set[str]) -> Status:
    message = f"the database has {len(present)} tables of Fractal but no revision in alembic_version"
    for revision in (head(), BASELINE):
        if not any(schema.differences(connection, revision)):
            command = f"fractal-models stamp {revision}"
            return DatabaseState.UNVERSIONED.status(
                f"{message}; its schema is that of {revision}", f"record it with `{command}`", command
            )
    return DatabaseState.UNVERSIONED.status(
        f"{message}, and its schema is neither that of fractal-server 2.9 nor that of {head()}"
    )


def refuse_unversioned(connection: Connection) -> None:
    """Refuse to create tables that exist.

    Raises:
        WrongDatabaseError: Some exist, without a revision.
    """
    # As in `_read`, tables first. Comparing the schema would start a second run of Alembic within the first.
    present, taken = own_tables(connection), taken_names(connection)
    if not taken or read_revisions(connection):
        return
    if not present:
        _foreign(taken).raise_for_state()
    else:
        command = "fractal-models status"
        message = f"the database has {len(present)} tables of Fractal but no revision in alembic_version"
        DatabaseState.UNVERSIONED.status(message, f"see `{command}`", command).raise_for_state()

"""How `env.py` runs revisions: one migrator at a time, nobody kept waiting, and always at a revision boundary.

PostgreSQL: an advisory lock, one transaction per revision, and a bound on how long a lock may be queued for, since
everybody who comes later queues behind it. SQLite: one transaction for all, begun at once for writing.
"""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext, MigrationStep, RevisionStep
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError, OperationalError

from fractal_models.database.connection.engine import allow_schema_writes, lock_timeout
from fractal_models.database.connection.errors import BusyError, DatabaseError
from fractal_models.database.inspection import schema as drift
from fractal_models.database.inspection import state
from fractal_models.database.revisions import rules as preflight
from fractal_models.database.revisions.history import pending, scripts, title

if TYPE_CHECKING:
    from types import ModuleType

    from alembic.script import Script

LOCK_KEY = 7238456019873546
"""The advisory lock of PostgreSQL that a migrator holds; any number that nobody else uses."""

LOCK_TIMEOUT = 0.1
"""Seconds that anybody may have to wait because of a lock that we hold or queue for."""

WAIT = 300.0
"""Seconds to wait for others, unless the caller says otherwise."""

LONGEST_WAIT = 24 * 24 * 3600.0
"""No timeout of PostgreSQL or SQLite is longer than 2^31 ms, 24.8 days."""

STRONG_LOCK = re.compile(r"\s*(ALTER|COMMENT|CREATE|DO|DROP|LOCK|TRUNCATE)\b", re.IGNORECASE)
WEAK_LOCK = re.compile(r"\b(CONCURRENTLY|VALIDATE\s+CONSTRAINT)\b", re.IGNORECASE)
"""Statements that neither readers nor writers have to wait for, and which may therefore queue for long."""

Steps = Callable[[tuple[str, ...], MigrationContext], Iterable[MigrationStep]]


Report = Callable[[str], None]
"""Takes one line for the operator."""


class _StepsPendingError(Exception):
    """There is something to do, so that a lock is needed after all."""

    def __init__(self, step: MigrationStep) -> None:
        self.step = step


def run(context: ModuleType, connection: Connection, options: dict[str, Any]) -> None:
    """Run what Alembic was asked for, as safely as the engine allows.

    Args:
        context: `alembic.context`, inside of `env.py`.
        connection: To the database. If it is in a transaction already, that is the caller's to commit and to guard.
        options: Arguments of `context.configure`.

    Raises:
        DatabaseError: Nothing was changed, or whole revisions were; the message says what to do.
    """
    config = context.config
    wait = min(float(config.attributes.get("wait", WAIT)), LONGEST_WAIT)
    report: Report = config.attributes.get("report", config.print_stdout)
    context.configure(connection=connection, **options)
    asked: Steps = context.get_context().opts["fn"]
    writing = {**options, "fn": _announced(asked, report), "dont_mutate": False}
    if connection.in_transaction():
        _refuse_enforced_keys(connection)
        # Revisions then commit nothing on their own.
        _run_once(context, connection, {**writing, "transaction_of_caller": True})
        return
    next_step = partial(_next_step, context, connection, options, asked)
    prepare = partial(_prepare, context, connection, options, getattr(asked, "__name__", ""))
    if connection.dialect.name == "sqlite":
        with _patient(connection, wait):
            if step := next_step():
                prepare(step)
                _run_on_sqlite(context, connection, writing)
    else:
        with _bounded_waits(connection, wait):
            if next_step() or _is_half_done(connection, getattr(asked, "__name__", "")):
                _run_on_postgresql(context, connection, writing, wait, report, lambda: prepare(next_step()))


def _run_once(context: ModuleType, connection: Connection, options: dict[str, Any]) -> None:
    context.configure(connection=connection, **options)
    with context.begin_transaction():
        context.run_migrations()


def _next_step(
    context: ModuleType, connection: Connection, options: dict[str, Any], asked: Steps
) -> MigrationStep | None:
    """Run a command that only reads, or find the first step of one that would write."""
    known = {script.revision for script in context.script.walk_revisions()}

    def steps(heads: tuple[str, ...], migration_context: MigrationContext) -> Iterable[MigrationStep]:
        if not known.issuperset(heads):
            state.refuse_unknown(connection, heads)
        found = list(asked(heads, migration_context))
        if not heads and any(isinstance(step, RevisionStep) for step in found):
            state.refuse_unversioned(connection)
        if found:
            raise _StepsPendingError(found[0])
        return found

    try:
        _run_once(context, connection, {**options, "fn": steps, "dont_mutate": True})
    except _StepsPendingError as pending_error:
        return pending_error.step
    finally:
        connection.rollback()
    return None


def _is_half_done(connection: Connection, command: str) -> bool:
    """Tell whether there is something to do although the database is at the revision that was asked for."""
    revision = state.known_revision(state.read_revisions(connection) or ())
    # To find out whether parts of the revision above are there is no less work than to take them away.
    half_done = revision is not None and (
        command == "downgrade" or (command == "upgrade" and drift.is_half_way_down(connection, revision))
    )
    connection.rollback()
    return half_done


def _prepare(
    context: ModuleType, connection: Connection, options: dict[str, Any], command: str, step: MigrationStep | None
) -> None:
    """Begin with what the revision of the database says.

    A run that was cut short has left parts of a revision, or has taken parts of one away. The next run goes on from
    there in the same direction by itself; in the other direction, these parts come first.

    Raises:
        DriftError: The schema is something else.
    """
    revision = state.known_revision(state.read_revisions(connection) or ())
    if revision is None:
        connection.rollback()
        return
    in_parts = connection.dialect.name == "postgresql"  # on SQLite, a run does everything or nothing
    if in_parts and command == "downgrade":
        for above in pending(revision)[:1]:
            _run_in_parts(context, connection, options, above, command)
    if any(drift.differences(connection, revision)):
        half_way_down = in_parts and drift.is_half_way_down(connection, revision)
        if half_way_down and command == "upgrade":
            _run_in_parts(context, connection, options, scripts().get_revision(revision), command)
        ours = isinstance(step, RevisionStep) and state.known_revision([step.revision.revision])
        if ours and not (half_way_down and command == "downgrade"):
            state.refuse_drift(connection, revision)
    connection.rollback()


def _run_in_parts(
    context: ModuleType, connection: Connection, options: dict[str, Any], script: Script, direction: str
) -> None:
    """Run a revision that does no more than is left to do, without a change of the database's revision."""
    connection.rollback()
    if not getattr(script.module, "restartable", False):
        return
    context.configure(connection=connection, **options)
    migration: MigrationContext = context.get_context()
    # As Alembic does it for each of its steps: a transaction that `autocommit_block` may interrupt.
    with Operations.context(migration), migration.begin_transaction(_per_migration=True):
        getattr(script.module, direction)()


def _announced(steps: Steps, report: Report) -> Steps:
    """Ask the pending revisions, before the first of them runs, whether the rows allow them; then name each.

    After a lock that was not to be had, this is asked again; what was named is not named again.
    """
    named: list[str] = []

    def announced(heads: tuple[str, ...], migration_context: MigrationContext) -> Iterator[MigrationStep]:
        found = list(steps(heads, migration_context))
        upgrades = [step.revision for step in found if isinstance(step, RevisionStep) and step.is_upgrade]
        if heads and upgrades and migration_context.connection is not None:
            found_rows = preflight.examine(migration_context.connection, upgrades)
            if migration_context.dialect.name == "sqlite":
                found_rows += preflight.orphans(migration_context.connection)
            preflight.require_none(found_rows)
        for number, step in enumerate(found):
            if isinstance(step, RevisionStep) and step.revision.revision not in named:
                named.append(step.revision.revision)
                total = len(named) + len(found) - number - 1
                verb = "upgrade to" if step.is_upgrade else "downgrade from"
                report(f"{len(named)}/{total} {verb} {step.revision.revision}: {title(step.revision)}")
            yield step

    return announced


def _refuse_enforced_keys(connection: Connection) -> None:
    """Refuse a transaction on SQLite in which a revision that rebuilds a table would delete the rows below it.

    Raises:
        DatabaseError: Foreign keys are enforced, which cannot be changed within a transaction.
    """
    if connection.dialect.name == "sqlite" and connection.exec_driver_sql("PRAGMA foreign_keys").scalar():
        message = (
            "on SQLite, migrate on a connection that is not in a transaction, or on an engine: "
            "foreign keys must be off meanwhile, and cannot be switched off in a transaction"
        )
        raise DatabaseError(message)


def _pragma(connection: Connection, statement: str) -> Any:
    """Ask or set something apart from SQLAlchemy, which would begin a transaction."""
    assert connection.connection.dbapi_connection is not None
    cursor = connection.connection.dbapi_connection.cursor()
    cursor.execute(f"PRAGMA {statement}")
    row = cursor.fetchone()
    cursor.close()
    return row[0] if row else None


@contextmanager
def _patient(connection: Connection, wait: float) -> Iterator[None]:
    """Wait for others to unlock the file of SQLite, but not for ever."""
    timeout = _pragma(connection, "busy_timeout")
    _pragma(connection, f"busy_timeout = {int(wait * 1000)}")
    try:
        yield
    except OperationalError as error:
        if "locked" in str(error.orig):
            message = f"somebody else has kept the file locked for {wait:g} s: stop what writes to it, or wait longer"
            raise BusyError(message) from error
        raise
    finally:
        _pragma(connection, f"busy_timeout = {timeout}")


def _run_on_sqlite(context: ModuleType, connection: Connection, options: dict[str, Any]) -> None:
    """Run all steps in one transaction that locks the file from its start.

    Keys are checked at its end, not while tables are rebuilt: SQLite would delete the children of a table that goes.
    """
    state.refuse_unwritable(connection)
    allow_schema_writes(connection)
    connection.rollback()
    dbapi = connection.connection.dbapi_connection
    assert dbapi is not None

    def begin(begun: Connection) -> None:
        begun.exec_driver_sql("BEGIN IMMEDIATE")

    isolation_level, foreign_keys = dbapi.isolation_level, _pragma(connection, "foreign_keys")
    dbapi.isolation_level = None
    _pragma(connection, "foreign_keys = OFF")
    event.listen(connection, "begin", begin)
    try:
        context.configure(
            connection=connection,
            **{**options, "transaction_per_migration": False, "transactional_ddl": True},
        )
        with context.begin_transaction():
            context.run_migrations()
            preflight.require_none(preflight.orphans(connection))
    finally:
        connection.rollback()
        event.remove(connection, "begin", begin)
        _pragma(connection, f"foreign_keys = {foreign_keys}")
        dbapi.isolation_level = isolation_level


def _run_on_postgresql(
    context: ModuleType,
    connection: Connection,
    options: dict[str, Any],
    wait: float,
    report: Report,
    prepare: Callable[[], None],
) -> None:
    """Run each step in a transaction of its own, as the only migrator, and again if a lock is not to be had."""
    state.refuse_unwritable(connection)
    with _alone(connection, wait, report), _bounded_locks(connection, wait):
        deadline = time.monotonic() + wait
        told = ""
        for pause in _pauses():
            try:
                prepare()
                _run_once(context, connection, options)
            except DBAPIError as error:
                connection.rollback()
                if state.sqlstate(error.orig) not in RETRIED or connection.invalidated:
                    raise
                holders = _describe(connection, BLOCKING)
                if time.monotonic() + pause > deadline:
                    message = (
                        f"a lock that a revision needs was not to be had within {wait:g} s, so it was not finished;"
                        f" end these sessions, or run it again when they are done: {holders or 'unknown'}"
                    )
                    raise BusyError(message) from error
                if holders and holders != told:
                    report(f"waiting for a lock held by {holders}")
                    told = holders
                time.sleep(pause)
            else:
                return


def _pauses() -> Iterator[float]:
    """Seconds between attempts: others work while we pause."""
    pause = 0.25
    while True:
        yield pause
        pause = min(2 * pause, 4.0)


@contextmanager
def _bounded_waits(connection: Connection, wait: float) -> Iterator[None]:
    """Wait no longer than that for a table which somebody else has locked, also to read it."""
    bound = lock_timeout(wait)
    event.listen(connection, "begin", bound)
    try:
        yield
    except DBAPIError as error:
        if state.sqlstate(error.orig) != LOCK_NOT_AVAILABLE or connection.invalidated:
            raise
        connection.rollback()
        holders = _describe(connection, BLOCKING)
        message = (
            f"a table has been locked for more than {wait:g} s, so nothing was done; end these sessions, or run it"
            f" again when they are done: {holders or 'unknown'}"
        )
        raise BusyError(message) from error
    finally:
        event.remove(connection, "begin", bound)


@contextmanager
def _alone(connection: Connection, wait: float, report: Report) -> Iterator[None]:
    """Hold the migrators' lock; the session keeps it across transactions, and loses it when the process dies.

    It is polled for, with no transaction open in between: `CREATE INDEX CONCURRENTLY` of the one that holds it waits
    for every transaction that there is, also for one that waits for the lock.
    """
    _introduce(connection)
    deadline = time.monotonic() + wait
    told = ""
    while not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": LOCK_KEY}):
        holders = _describe(connection, LOCK_HOLDERS)
        connection.rollback()
        if time.monotonic() > deadline:
            message = f"another migration has run for more than {wait:g} s: {holders or 'unknown'}; wait for its end"
            raise BusyError(message)
        if holders and holders != told:
            report(f"waiting for another migration: {holders}")
            told = holders
        time.sleep(0.1)
    connection.commit()
    try:
        yield
    finally:
        # A connection that is lost has lost the lock as well.
        with suppress(DBAPIError):
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK_KEY})
            connection.execute(text("RESET application_name"))
            if _notices_lost_clients(connection):
                connection.execute(text("RESET client_connection_check_interval"))
            connection.commit()


def _introduce(connection: Connection) -> None:
    """Say who migrates, for those who wait, and let the server notice soon when this process is killed."""
    name = f"fractal-models {socket.gethostname()} {os.getpid()}"[:63]
    connection.execute(text("SELECT set_config('application_name', :name, false)"), {"name": name})
    if _notices_lost_clients(connection):
        try:
            with connection.begin_nested():
                connection.execute(text("SET client_connection_check_interval = '1s'"))
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            # It is not to be had on every platform.
    connection.commit()


def _notices_lost_clients(connection: Connection) -> bool:
    return (connection.dialect.server_version_info or ()) >= (14,)


def _describe(connection: Connection, query: str) -> str:
    """Name sessions of the server, as an operator finds them in `pg_stat_activity`."""
    rows = connection.execute(text(query), {"key": LOCK_KEY}).all()
    connection.rollback()
    named = [
        # Of the sessions of other roles, an ordinary one does not see how long they have been there.
        f"process {row.pid} ({row.application_name or 'unnamed'}, user {row.usename}"
        + (f", since {row.since})" if row.since else ")")
        for row in rows[:SHOWN_SESSIONS]
    ]
    if len(rows) > SHOWN_SESSIONS:
        named.append(f"… ({len(rows)} in all)")
    return ", ".join(named)


SHOWN_SESSIONS = 5
"""How many sessions a message names, the oldest first."""


SESSION = (
    "pid, application_name, usename, to_char(coalesce(xact_start, backend_start), 'YYYY-MM-DD HH24:MI:SS') AS since"
)

LOCK_HOLDERS = f"""
    SELECT {SESSION} FROM pg_stat_activity WHERE pid IN (
        SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND (classid::bigint << 32) + objid::bigint = :key
    )
"""

BLOCKING = f"""
    SELECT {SESSION} FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND pid IN (
        SELECT pid FROM pg_locks WHERE locktype = 'relation' AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND relation IN (
            SELECT oid FROM pg_class WHERE relkind IN ('r', 'i') AND pg_table_is_visible(oid)
        )
    ) ORDER BY xact_start
"""

LOCK_NOT_AVAILABLE = "55P03"
"""SQLSTATE of a lock that was not to be had in time."""

RETRIED = {LOCK_NOT_AVAILABLE, "40P01"}
"""That, and a deadlock."""


@contextmanager
def _bounded_locks(connection: Connection, wait: float) -> Iterator[None]:
    """Let each transaction queue for strong locks for less than `LOCK_TIMEOUT` in all.

    From the first strong lock that it gets, or queues for, others wait for it: so the time runs from there to its end,
    and what is left of it is set anew for each statement.
    """
    # Others wait for us a little longer than we do for the lock: half is kept back for that.
    patience = LOCK_TIMEOUT / 2
    since: float | None = None

    def before(connection: Connection, _cursor: Any, statement: str, *_: object) -> None:
        nonlocal since
        if not STRONG_LOCK.match(statement):
            return
        if connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
            since = None  # the locks of the statement before are gone
        if WEAK_LOCK.search(statement):
            timeout = wait
        else:
            now = time.monotonic()
            since = since or now
            timeout = max(patience - (now - since), 0.001)
        # Through SQLAlchemy, so that a connection that is lost right here is told like any other.
        connection.exec_driver_sql(f"SET lock_timeout = {max(round(timeout * 1000), 1)}")

    def end(_connection: Connection) -> None:
        nonlocal since
        since = None

    listeners: list[tuple[str, Callable[..., None]]] = [
        ("before_cursor_execute", before),
        ("commit", end),
        ("rollback", end),
    ]
    for name, listener in listeners:
        event.listen(connection, name, listener)
    try:
        yield
    finally:
        for name, listener in listeners:
            event.remove(connection, name, listener)
        with suppress(DBAPIError):
            connection.rollback()
            connection.execute(text("RESET lock_timeout"))
            connection.commit()

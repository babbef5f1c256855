"""Sessions and prepared transactions on PostgreSQL that keep others waiting, and the SQL that ends them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, text

from fractal_models.database.connection.errors import DatabaseState, Status

SHOWN_SESSIONS = 5
"""Number of sessions in a message."""

SESSION = """
    a.pid, a.application_name, a.backend_type, a.usename, a.state,
    to_char(coalesce(a.xact_start, a.backend_start), 'YYYY-MM-DD HH24:MI:SS') AS since,
    coalesce(r.rolsuper, true) AS is_superuser,
    -- Background processes have no user.
    pg_has_role(coalesce(a.usesysid, 10), 'USAGE') AS is_own,
    pg_has_role('pg_signal_backend', 'USAGE') AS may_signal
"""

SESSIONS = f"SELECT {SESSION} FROM pg_stat_activity a LEFT JOIN pg_roles r ON r.oid = a.usesysid"

WAITING = """
    WITH RECURSIVE waiting (pid) AS (
        SELECT CAST(:pid AS integer)
        UNION SELECT blocker FROM waiting, unnest(pg_blocking_pids(pid)) AS blocker
    )
"""
"""A session, those that block it, those that block them, and so on; 0 stands for prepared transactions."""

BLOCKING_SESSIONS = f"""
    {WAITING}
    {SESSIONS} JOIN waiting w ON w.pid = a.pid
    WHERE a.pid NOT IN (:pid, pg_backend_pid())
    -- Those that wait themselves go on when the others end.
    AND NOT EXISTS (SELECT 1 FROM unnest(pg_blocking_pids(a.pid)) AS blocker WHERE blocker <> :pid)
    ORDER BY a.xact_start, a.pid
"""

BLOCKING_TRANSACTIONS = f"""
    {WAITING}, conflicts (wanted, held) AS (VALUES
        ('AccessShareLock', '{{AccessExclusiveLock}}'::text[]),
        ('RowShareLock', '{{ExclusiveLock,AccessExclusiveLock}}'),
        ('RowExclusiveLock', '{{ShareLock,ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}}'),
        ('ShareUpdateExclusiveLock',
            '{{ShareUpdateExclusiveLock,ShareLock,ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}}'),
        ('ShareLock',
            '{{RowExclusiveLock,ShareUpdateExclusiveLock,ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}}'),
        ('ShareRowExclusiveLock', '{{RowExclusiveLock,ShareUpdateExclusiveLock,ShareLock,ShareRowExclusiveLock,
            ExclusiveLock,AccessExclusiveLock}}'),
        ('ExclusiveLock', '{{RowShareLock,RowExclusiveLock,ShareUpdateExclusiveLock,ShareLock,ShareRowExclusiveLock,
            ExclusiveLock,AccessExclusiveLock}}')
    )
    SELECT DISTINCT p.gid, p.owner, to_char(p.prepared, 'YYYY-MM-DD HH24:MI:SS') AS since
    FROM pg_prepared_xacts p
    JOIN pg_locks own ON own.pid IS NULL AND own.transactionid = p.transaction
    JOIN pg_locks held ON held.pid IS NULL AND held.virtualtransaction = own.virtualtransaction
    JOIN pg_locks wanted ON NOT wanted.granted AND wanted.pid IN (SELECT pid FROM waiting)
        AND (wanted.locktype, wanted.database, wanted.relation, wanted.page, wanted.tuple, wanted.transactionid::text)
        IS NOT DISTINCT FROM
        (held.locktype, held.database, held.relation, held.page, held.tuple, held.transactionid::text)
    LEFT JOIN conflicts c ON c.wanted = wanted.mode
    WHERE c.held IS NULL OR held.mode = ANY (c.held) -- an ACCESS EXCLUSIVE lock conflicts with all others
    ORDER BY since, p.gid
"""


@dataclass(frozen=True)
class Blocker:
    """A session or a prepared transaction that others wait for."""

    key: str
    """Process id, or name of the prepared transaction."""

    description: str
    """Such as "process 4711 (psql, user alice, idle in transaction since 2026-03-05 14:21:07)"."""

    remedy: str
    """The statement that ends it, and who may run that where this role may not."""


def describe(blockers: Sequence[Blocker], *, remedies: bool) -> str:
    """Blockers in one line; "unknown" if there are none."""
    shown = [blocker.description + (f": {blocker.remedy}" if remedies else "") for blocker in blockers[:SHOWN_SESSIONS]]
    if len(blockers) > SHOWN_SESSIONS:
        shown.append(f"… ({len(blockers)} in all)")
    return ", ".join(shown) or "unknown"


def held(status: Status, blockers: Sequence[Blocker]) -> Status:
    """Add who holds the lock to the state `locked`; other states stay as they are."""
    if status.state is not DatabaseState.LOCKED or not blockers:
        return status
    remedy = f"wait for its end, or end it: {describe(blockers, remedies=True)}"
    message = f"{status.message}: waiting for {describe(blockers, remedies=False)}"
    return replace(status, message=message, remedy=remedy, command=blockers[0].remedy)


def sessions(connection: Connection, query: str, **parameters: Any) -> tuple[Blocker, ...]:
    """Sessions that a query with the columns of `SESSIONS` finds."""
    return tuple(_session(row) for row in connection.execute(text(query), parameters))


def _session(row: Row[Any]) -> Blocker:
    other = row.backend_type if row.backend_type not in {None, "client backend"} else "unnamed"
    # A role without pg_monitor or pg_read_all_stats does not see more of the sessions of other roles.
    state = f"{row.state or 'at work'} since {row.since}" if row.since else "its state is hidden from this role"
    parts = [row.application_name or other, row.usename and f"user {row.usename}", state]
    remedy = f"SELECT pg_terminate_backend({row.pid});"
    if not (row.is_own or (row.may_signal and not row.is_superuser)):
        remedy += " as a superuser" if row.is_superuser else " as a member of pg_signal_backend"
    return Blocker(str(row.pid), f"process {row.pid} ({', '.join(filter(None, parts))})", remedy)


def _transaction(row: Row[Any]) -> Blocker:
    gid = "'" + row.gid.replace("'", "''") + "'"
    description = f"prepared transaction {gid} (user {row.owner}, since {row.since})"
    return Blocker(row.gid, description, f"ROLLBACK PREPARED {gid}; as its user or a superuser, in its database")


def blockers_of(connection: Connection, pid: int) -> tuple[Blocker, ...]:
    """What the statement of another session waits for: the sessions and prepared transactions at the end of the chain.

    Args:
        connection: In autocommit mode, since an open transaction could itself be waited for.
        pid: Process id of the session that waits.
    """
    blocking = connection.scalar(text("SELECT pg_blocking_pids(:pid)"), {"pid": pid})
    if not blocking:
        return ()
    prepared = connection.execute(text(BLOCKING_TRANSACTIONS), {"pid": pid})
    return sessions(connection, BLOCKING_SESSIONS, pid=pid) + tuple(map(_transaction, prepared))

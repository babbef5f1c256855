"""All timeouts of the package, in seconds."""

SQLITE_BUSY_TIMEOUT = 30.0
"""How long a statement on SQLite waits for another writer, unless `connect_timeout` says otherwise."""

CONNECT_TIMEOUT = 10.0
"""Connection timeout of `maintenance_engine`; libpq has none."""

QUICK_CONNECT_TIMEOUT = 2.0
"""Connection timeout when a run has ended before its time: an operator is waiting."""

READ_LOCK_TIMEOUT = 5.0
"""Lock timeout of statements that only read, such as those of `status` and `check_database`."""

MIGRATION_TIMEOUT = 300.0
"""Default of `--wait`: how long a migration waits for locks of other sessions, all attempts together."""

STRONG_LOCK_TIMEOUT = 0.1
"""How long a migration may make other sessions wait: the time in which it queues for and holds strong locks.

Sessions that arrive later queue behind a lock request. A migration that does not get its lock within half of this time
rolls back, pauses and tries again.
"""

MAX_TIMEOUT = 24 * 24 * 3600.0
"""PostgreSQL and SQLite store timeouts as 32-bit integers of milliseconds, which is 24.8 days."""


def milliseconds(seconds: float) -> int:
    """Convert a timeout for PostgreSQL or SQLite, where 0 would mean no timeout."""
    return max(round(seconds * 1000), 1)

"""A run that a signal, a lost connection or a full disk ends: one line says why, where it stands and how to go on."""

import re
import signal
import sqlite3
import time
from contextlib import closing

import pytest
import sqlalchemy as sa
from sqlalchemy import URL, Connection

from fractal_models.database.connection.engine import connect
from tests.support.catalog import revisions
from tests.support.commandline import ALEMBIC, Outcome, finish, run, start
from tests.support.processes import Forked
from tests.support.server_2_9 import BASELINE

GO_ON = "run the same command again to go on"

OLD_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1"
"""Stops `CREATE INDEX CONCURRENTLY` for as long as the transaction is open."""

AT_WORK = """
    SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'fractal-models%'
    AND query LIKE 'CREATE INDEX CONCURRENTLY%' AND state = 'active' AND wait_event = 'virtualxid'
"""


def session(url: URL) -> Connection:
    return connect_autocommit(url)


def connect_autocommit(url: URL) -> Connection:
    return sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT").connect()


def wait_for_index(other: Connection) -> int:
    """Process of the session that waits within `CREATE INDEX CONCURRENTLY`."""
    deadline = time.monotonic() + 30
    while (process := other.scalar(sa.text(AT_WORK))) is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return int(process)


def test_x(early_url: URL) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        with connect_autocommit(early_url) as other, connect_autocommit(early_url) as watching:
            other.exec_driver_sql(OLD_SNAPSHOT)
            upgrading = Forked("upgrade", "head", url=early_url)
            wait_for_index(watching)
            t = time.time()
            upgrading.send(number)
            outcome = upgrading.finish()
            print(time.time() - t, outcome)
            print(watching.scalar(sa.text(AT_WORK)))
            other.exec_driver_sql("ROLLBACK")
    print(run("upgrade", "head", url=early_url))
    assert 0

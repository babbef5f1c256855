"""Sessions of other processes on a database."""

import time

import sqlalchemy as sa
from sqlalchemy import URL

from fractal_models.database.connection.engine import connect


def wait_for_the_end_of_other_sessions(url: URL) -> None:
    """A server of PostgreSQL notices soon, not at once, that a client has died."""
    if url.get_backend_name() != "postgresql":
        return
    others = sa.text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
    with connect(url) as connection:
        deadline = time.monotonic() + 10
        while connection.scalar(others) != 1:
            assert time.monotonic() < deadline
            connection.rollback()
            time.sleep(0.02)

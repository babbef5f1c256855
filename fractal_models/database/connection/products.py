"""Servers that speak PostgreSQL's protocol, but lack what this package uses of PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import URL

from fractal_models.database.connection.errors import DatabaseState
from fractal_models.database.connection.redaction import masked

UNSUPPORTED = ("CockroachDB", "Aurora DSQL")
"""Products by their names in `version()`."""


def unsupported_refused(url: URL) -> Callable[[Any, object], None]:
    """Create a listener for the first connection of an engine, which refuses products that are not supported.

    It comes before SQLAlchemy, which stops at a version that it cannot parse. It raises UnreachableError.
    """

    def refuse(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute("SELECT version()")
        version = str(cursor.fetchone()[0])
        cursor.close()
        connection.rollback()
        for product in UNSUPPORTED:
            if product.lower() in version.lower():
                connection.close()
                DatabaseState.UNSUPPORTED.status(
                    f"{masked(url)}: {product} is not supported: it lacks advisory locks, `json` that keeps the order "
                    "of its keys, and PL/pgSQL"
                ).raise_for_state()

    return refuse

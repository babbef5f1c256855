"""Tables that a downgrade drops, and the consent that it needs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NoReturn

from sqlalchemy import Connection, func, select

from fractal_models.database.connection.errors import DeclinedError
from fractal_models.database.inspection.contents import own_tables
from fractal_models.database.revisions.history import BASELINE
from fractal_models.tables import METADATA

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import Script

CONSENT = "drop_tables"
"""Attribute of Alembic's configuration that allows a downgrade to drop tables."""

X_CONSENT = "drop-tables=yes"
"""The same as Alembic's option `-x`."""


def dropped_rows(connection: Connection, downgrades: Iterable[Script]) -> dict[str, int]:
    """Number of rows of each table that downgrades drop; empty if they drop none."""
    if all(script.revision != BASELINE for script in downgrades):
        return {}
    present = own_tables(connection)
    return {
        table.name: connection.scalar(select(func.count()).select_from(table)) or 0
        for table in METADATA.sorted_tables
        if table.name in present
    }


def describe_dropped(rows: dict[str, int]) -> tuple[str, list[str]]:
    """What is lost, in words, and a line for each table, the largest first."""
    largest_first = sorted(rows.items(), key=lambda item: (-item[1], item[0]))
    loss = f"this downgrade drops {len(rows)} tables with {sum(rows.values()):,} rows"
    return loss, [f"{table}: {number:,} rows" for table, number in largest_first]


def require_consent(connection: Connection, downgrades: Iterable[Script], config: Config) -> None:
    """Refuse downgrades that drop tables, unless the configuration allows it.

    Raises:
        DeclinedError: They do; the message names the tables with their rows.
    """
    given = X_CONSENT in (getattr(config.cmd_opts, "x", None) or [])
    if not (given or config.attributes.get(CONSENT)) and (rows := dropped_rows(connection, downgrades)):
        refuse_dropped(rows)


def refuse_dropped(rows: dict[str, int]) -> NoReturn:
    """Refuse to drop tables.

    Raises:
        DeclinedError: Always.
    """
    loss, tables = describe_dropped(rows)
    raise DeclinedError(
        f"{loss}, so nothing was changed; to go on, pass --drop-tables beside --yes (under alembic, -x {X_CONSENT}):",
        details=[f"{table}{';' * (table != tables[-1])}" for table in tables],
    )

"""The database that is copied: what it is, and what of it a copy can have."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from fractal_models.archive.manifest import TABLE as MANIFEST
from fractal_models.archive.manifest import read_manifest
from fractal_models.archive.older import older_tables
from fractal_models.archive.reading import Reader
from fractal_models.archive.selection import PROJECTS, TABLES, Selection
from fractal_models.archive.text_form import Rows
from fractal_models.database.connection.errors import (
    BlockedByDataError,
    DatabaseState,
    DriftError,
    Status,
    WrongDatabaseError,
)
from fractal_models.database.conversion.legacy_table import LEGACY
from fractal_models.database.inspection.contents import column_types, own_tables, read_revisions
from fractal_models.database.inspection.other_releases import unknown_revision
from fractal_models.database.inspection.state import inspect_database
from fractal_models.database.revisions.history import BASELINE, known_revision, release_name
from fractal_models.tables import METADATA

NEWER = {DatabaseState.SERVER_NEWER, DatabaseState.UNKNOWN_REVISION}

LAST_VALUES = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = current_schema()"
"""Last values of sequences; null where there is none, or the role may not see it."""


@dataclass(frozen=True)
class Source:
    """A database that is read in one transaction.

    Args:
        reader: On the transaction.
        selection: Options of the copy.

    Raises:
        DatabaseError: It is not one that can be copied.
    """

    reader: Reader
    selection: Selection

    def __post_init__(self) -> None:
        _ = self.revision
        self._require_columns()
        self._require_projects()

    @property
    def connection(self) -> sa.Connection:
        """The connection."""
        return self.reader.connection

    @cached_property
    def _revisions(self) -> tuple[str, ...]:
        return read_revisions(self.connection) or ()

    @cached_property
    def _status(self) -> Status | None:
        """State of a database that is at no revision of this package."""
        if known_revision(self._revisions):
            return None
        if self._revisions:
            return unknown_revision(self.connection, self._revisions)
        if not own_tables(self.connection):
            message = "the source has no tables of Fractal; give the URL or file of a database of Fractal"
            raise WrongDatabaseError(message)
        return inspect_database(self.connection, check_drift=False)

    @cached_property
    def revision(self) -> str:
        """Revision of the tables that the rows are copied into, before a conversion or an upgrade to head."""
        if self._status is None or self.older is not None:
            return self._revisions[0]
        if self._status.state not in NEWER or self.selection.only != "v1":
            self._status.raise_for_state()
        return BASELINE

    @cached_property
    def older(self) -> sa.MetaData | None:
        """Tables of a database before 2.9, which are converted in the copy; None for later ones."""
        is_older = self._status is not None and self._status.state is DatabaseState.SERVER_OLDER
        return older_tables(self._types) if is_older else None

    @cached_property
    def _types(self) -> dict[str, dict[str, Any]]:
        """Types of the columns of each table, those of other applications included."""
        return column_types(self.connection)

    @property
    def columns(self) -> dict[str, set[str]]:
        """Names of the columns of each table, those of other applications included."""
        return {name: set(columns) for name, columns in self._types.items()}

    @cached_property
    def tables(self) -> list[sa.Table]:
        """Tables that can be copied, parents before children."""
        models = METADATA if self.older is None else self.older
        return [*models.sorted_tables, *([LEGACY] if LEGACY.name in self.columns else [])]

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Facts for the manifest."""
        on_server = self.reader.dialect == "postgresql"
        time = self.connection.scalar(sa.text("SELECT now()")) if on_server else datetime.now(UTC)
        version = ".".join(map(str, self.connection.dialect.server_version_info or ()))
        revision = ", ".join(self._revisions)
        return {
            "engine": f"{self.reader.dialect} {version}",
            "revision": revision,
            "release": release_name(revision),
            "time": time.astimezone(UTC).isoformat(" ", "microseconds"),
        }

    @cached_property
    def manifest(self) -> dict[str, Any] | None:
        """Manifest, if it is a copy itself."""
        return read_manifest(self.connection)

    def rows(self) -> list[Rows]:
        """Rows of each table that a copy may have, parents before children."""
        return self.selection.rows(self.tables, self.columns)

    def next_ids(self) -> dict[str, int]:
        """ID that each table would give to its next row."""
        noted = (self.manifest or {}).get("tables", {})
        found = next_ids(self.connection, [table for table in self.tables if table.name in self.columns])
        return {name: max(number, noted.get(name, {}).get("next_id") or 1) for name, number in found.items()}

    def left_out(self) -> tuple[str, ...]:
        """Tables and columns that are not of Fractal."""
        known = {table.name: set(table.columns.keys()) for table in self.tables}
        others = self.columns.keys() - known.keys() - {"alembic_version", MANIFEST}
        columns = {f"{name}.{column}" for name in known for column in self.columns.get(name, set()) - known[name]}
        return tuple(sorted(others | columns))

    def _require_columns(self) -> None:
        """Refuse a source that lacks a column; of a newer server, a nullable one of users may be missing.

        Raises:
            DriftError: It does.
        """
        newer = known_revision(self._revisions) is None
        every = {table.name: set(table.columns.keys()) for table in self.tables}
        chosen = {rows.table.name for rows in self.selection.rows(self.tables, every)}
        missing = [
            f"{table.name}.{column.name}"
            for table in self.tables
            for column in table.columns
            if table.name in chosen
            and column.name not in self.columns.get(table.name, set())
            and not (newer and column.nullable and table.name not in TABLES["v1"])
        ]
        if missing:
            message = f"the source lacks {', '.join(missing)}; see `fractal-models doctor`"
            raise DriftError(message)

    def _require_projects(self) -> None:
        """Refuse projects that are not there.

        Raises:
            BlockedByDataError: One is not.
        """
        for version, ids in self.selection.projects.items():
            table = METADATA.tables[PROJECTS[version]]
            there = table.name in self.columns
            found = {*self.connection.scalars(sa.select(table.c.id).where(table.c.id.in_(ids)))} if there else set()
            if missing := [f"{version}:{id_}" for id_ in ids if id_ not in found]:
                message = f"the source has no project {', '.join(missing)}"
                raise BlockedByDataError(message)


def next_ids(connection: sa.Connection, tables: Iterable[sa.Table]) -> dict[str, int]:
    """ID that each table with a column `id` would give to its next row."""
    sequences: dict[str, int | None] = {}
    if connection.dialect.name == "postgresql":
        sequences = dict(map(tuple, connection.execute(sa.text(LAST_VALUES))))
    found = {}
    for table in tables:
        if "id" in table.columns:
            largest = connection.scalar(sa.text(f'SELECT max(id) FROM "{table.name}"')) or 0
            found[table.name] = max(largest, sequences.get(f"{table.name}_id_seq") or 0) + 1
    return found

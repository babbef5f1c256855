"""The database that is copied: what it is, and what of it a copy can have."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from fractal_models.archive.manifest import TABLE, read_manifest
from fractal_models.archive.reading import Reader
from fractal_models.archive.selection import PROJECTS, TABLES, Selection
from fractal_models.archive.text_form import Rows
from fractal_models.database.connection.errors import BlockedByDataError, DatabaseState, DriftError, WrongDatabaseError
from fractal_models.database.inspection.contents import own_tables, read_revisions
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
    def revision(self) -> str:
        """Revision of the tables that the rows are copied into, before an upgrade to head."""
        if revision := known_revision(self._revisions):
            return revision
        if not own_tables(self.connection):
            message = "the source has no tables of Fractal; give the URL or file of a database of Fractal"
            raise WrongDatabaseError(message)
        status = inspect_database(self.connection, check_drift=False)
        if status.state not in NEWER or self.selection.only != "v1":
            status.raise_for_state()
        return BASELINE

    @cached_property
    def columns(self) -> dict[str, set[str]]:
        """Names of the columns of each table, those of other applications included."""
        found = sa.inspect(self.connection).get_multi_columns()
        return {name: {column["name"] for column in columns} for (_, name), columns in found.items()}

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
        tables = filter(self.selection.selects, METADATA.sorted_tables)
        return [self.selection.rows(table, self.columns[table.name]) for table in tables]

    def next_ids(self) -> dict[str, int]:
        """ID that each table would give to its next row."""
        sequences: dict[str, int | None] = {}
        if self.reader.dialect == "postgresql":
            sequences = dict(map(tuple, self.connection.execute(sa.text(LAST_VALUES))))
        noted = (self.manifest or {}).get("tables", {})
        found = {}
        for table in METADATA.sorted_tables:
            if "id" not in table.columns or table.name not in self.columns:
                continue
            largest = self.connection.scalar(sa.text(f'SELECT max(id) FROM "{table.name}"')) or 0
            last = sequences.get(f"{table.name}_id_seq") or 0
            found[table.name] = max(largest + 1, last + 1, noted.get(table.name, {}).get("next_id") or 1)
        return found

    def left_out(self) -> tuple[str, ...]:
        """Tables and columns that are not of the models."""
        ours = {*METADATA.tables, "alembic_version", TABLE}
        others = self.columns.keys() - ours
        columns = {
            f"{name}.{column}"
            for name, table in METADATA.tables.items()
            for column in self.columns.get(name, set()) - set(table.columns.keys())
        }
        return tuple(sorted(others | columns))

    def _require_columns(self) -> None:
        """Refuse a source that lacks a column; of a newer server, a nullable one of users may be missing.

        Raises:
            DriftError: It does.
        """
        newer = known_revision(self._revisions) is None
        missing = [
            f"{table.name}.{column.name}"
            for table in filter(self.selection.selects, METADATA.sorted_tables)
            for column in table.columns
            if column.name not in self.columns.get(table.name, set())
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
            found = {*self.connection.scalars(sa.select(table.c.id).where(table.c.id.in_(ids)))}
            if missing := [f"{version}:{id_}" for id_ in ids if id_ not in found]:
                message = f"the source has no project {', '.join(missing)}"
                raise BlockedByDataError(message)

"""States of databases of fractal-server before 2.9, by their columns."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection, inspect

from fractal_models.database.connection.errors import DatabaseState, Status
from fractal_models.database.inspection.contents import column_types
from fractal_models.database.revisions.baseline import baseline_operations
from fractal_models.database.revisions.history import BASELINE, ServerRelease, release_name, server_releases
from fractal_models.database.revisions.older_schemas import Column, columns_at, match, nearest, older_revisions, spans
from fractal_models.tables import METADATA

SHOWN_DIFFERENCES = 5
"""Number of differences in a message; `Status.differences` has all of them."""


def read_columns(connection: Connection) -> set[Column]:
    """Columns of all tables that any revision of fractal-server up to 2.9 has."""
    known = {table for table, _ in spans()}
    found = column_types(connection)
    return {(table, column) for table, columns in found.items() if table in known for column in columns}


def older_release(connection: Connection, revision: str) -> Status | None:
    """State at a revision before 2.9, or at one of a pre-release; None if the columns are not of 2.9 or before.

    Args:
        connection: To the database.
        revision: What `alembic_version` says.
    """
    release = server_releases().get(revision)
    columns = read_columns(connection)
    found = match(columns, revision)
    if found is None:
        return _unlike(release, columns) if release else None
    if release is None and found.lower == server_releases()[BASELINE].position and _has_later_indexes(connection):
        return None  # The revisions of this package add no column to those of 2.9.
    if release and found.lower == release.position:
        message = f"the database is at revision {revision} of {release.name}, older than 2.9"
    else:
        origin = f"revision {revision} of {release.name}" if release else f"unknown revision {revision}"
        message = f"the database is at {origin}; its columns are {found.description}"
    return replace(DatabaseState.SERVER_OLDER.status(message), revisions=(revision,), release=release_name(revision))


def _unlike(release: ServerRelease, columns: set[Column]) -> Status:
    """State at a revision before 2.9 whose columns are of no revision."""
    known = columns & spans().keys()
    position = nearest(known, release.revision)
    expected = columns_at(position)
    differences = [f"column {table}.{column} is missing" for table, column in sorted(expected - known)]
    differences += [f"column {table}.{column} is of another release" for table, column in sorted(known - expected)]
    shown = "; ".join(differences[:SHOWN_DIFFERENCES])
    if len(differences) > SHOWN_DIFFERENCES:
        shown += f"; … ({len(differences)} in all)"
    message = (
        f"the database is at revision {release.revision} of {release.name}; of all releases, its schema is nearest to "
        f"that of {release_name(older_revisions()[position])}, but {shown}"
    )
    return replace(
        DatabaseState.DRIFTED.status(message),
        revisions=(release.revision,),
        release=release.name,
        differences=tuple(differences),
    )


def _has_later_indexes(connection: Connection) -> bool:
    """Whether there is an index that revisions of this package create."""
    ours = {str(index.name) for table in METADATA.sorted_tables for index in table.indexes}
    ours -= {
        str(getattr(operation, "index_name", None))
        for operations in baseline_operations().values()
        for operation in operations
    }
    inspector = inspect(connection)
    return any(index["name"] in ours for table in ("applyworkflow", "jobv2") for index in inspector.get_indexes(table))

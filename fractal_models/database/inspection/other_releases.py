"""States of databases whose revision is not one of this package."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from fractal_models.database.connection.errors import DatabaseState, Status
from fractal_models.database.inspection.contents import own_tables
from fractal_models.database.inspection.older_releases import older_release
from fractal_models.database.inspection.readable import missing_parts, readable_tables
from fractal_models.database.revisions.history import ServerRelease, server_releases


def unknown_revision(connection: Connection, revisions: tuple[str, ...]) -> Status:
    """State at revisions that are not of this package."""
    release = server_releases().get(revisions[0]) if len(revisions) == 1 else None
    if len(revisions) == 1 and (release is None or release.is_older):
        older = older_release(connection, revisions[0])
        if older is not None:
            return older
    if release is None:
        status = _at_unknown_revision(connection, ", ".join(revisions))
    else:
        status = _at_newer_server(connection, release)
    return replace(status, revisions=revisions, release=release.name if release else None)


def _at_newer_server(connection: Connection, release: ServerRelease) -> Status:
    message = f"the database is at revision {release.revision} of {release.name}, newer than 2.9"
    return _with_readable(connection, DatabaseState.SERVER_NEWER.status(message, "keep using that"))


def _at_unknown_revision(connection: Connection, revision: str) -> Status:
    present = own_tables(connection)
    if not present:
        return DatabaseState.FOREIGN.status(
            f"the database belongs to another application: it is at revision {revision} and has no table of Fractal"
        )
    message = f"the database has {len(present)} tables of Fractal, but its revision {revision} is unknown here"
    remedy = f"run `{DatabaseState.UNKNOWN_REVISION.command}`, or use its newer fractal-server"
    return _with_readable(connection, DatabaseState.UNKNOWN_REVISION.status(message, remedy))


def _with_readable(connection: Connection, status: Status) -> Status:
    missing = missing_parts(connection)
    readable = readable_tables(missing)
    remedy = f"{status.remedy}; `read_session` reads {len(readable)} of its tables"
    return replace(status, remedy=remedy, readable=readable, missing=missing)

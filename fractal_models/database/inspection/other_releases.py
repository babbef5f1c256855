"""States of databases whose revision is not one of this package."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection, inspect

from fractal_models.database.connection.errors import DatabaseState, Status
from fractal_models.database.inspection.contents import own_tables
from fractal_models.database.inspection.older_releases import older_release
from fractal_models.database.revisions.history import ServerRelease, server_releases
from fractal_models.tables import METADATA


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
    readable = _readable(connection)
    missing = sorted(METADATA.tables.keys() - set(readable))
    message = (
        f"the database is at revision {release.revision} of {release.name}, newer than 2.9; these models can still "
        f"read {', '.join(readable) or 'none of its tables'}" + (f", but not {', '.join(missing)}" if missing else "")
    )
    remedy = "keep using its fractal-server, and read only the tables named here" if readable else None
    return replace(DatabaseState.SERVER_NEWER.status(message, remedy), readable=readable)


def _at_unknown_revision(connection: Connection, revision: str) -> Status:
    present = own_tables(connection)
    if not present:
        return DatabaseState.FOREIGN.status(
            f"the database belongs to another application: it is at revision {revision} and has no table of Fractal"
        )
    readable, newest = _readable(connection), list(server_releases().values())[-1].last
    return replace(
        DatabaseState.UNKNOWN_REVISION.status(
            f"the database has {len(present)} tables of Fractal, but its revision {revision} is unknown here; these "
            f"models can read {', '.join(readable) or 'none of them'}",
            "it was probably upgraded by a newer fractal-models (run `pip install --upgrade fractal-models`), or by a "
            f"fractal-server after {newest} (keep using that)",
        ),
        readable=readable,
    )


def _readable(connection: Connection) -> tuple[str, ...]:
    """Tables that have every column which the models select."""
    inspector = inspect(connection)
    columns = {name: {column["name"] for column in inspector.get_columns(name)} for name in own_tables(connection)}
    return tuple(
        sorted(
            name for name, table in METADATA.tables.items() if columns.get(name, set()).issuperset(table.columns.keys())
        )
    )

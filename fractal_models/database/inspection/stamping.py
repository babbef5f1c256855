"""Whether the schema of a revision is there, before `stamp` records that it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from fractal_models.database.connection.errors import DatabaseState
from fractal_models.database.inspection.schema import differences
from fractal_models.database.revisions.history import BASELINE, scripts

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationStep

SHOWN_DIFFERENCES = 2
"""Number of differences in a message."""


def require_stamped_schema(connection: Connection, steps: Iterable[MigrationStep]) -> None:
    """Refuse to record a revision whose schema is not there.

    Args:
        connection: To the database.
        steps: Those of a command; other steps than those of `stamp` are ignored.

    Raises:
        DriftError: It is not; the message names differences, and the revision whose schema is there.
    """
    from alembic.runtime.migration import StampStep

    for step in steps:
        if isinstance(step, StampStep) and step.to_revisions:
            _require_schema(connection, step.to_revisions[0])


def _require_schema(connection: Connection, revision: str) -> None:
    found = list(differences(connection, revision))
    if not found:
        return
    shown = "; ".join(found[:SHOWN_DIFFERENCES])
    if len(found) > SHOWN_DIFFERENCES:
        shown += f"; … ({len(found)} in all)"
    message = f"the schema of revision {revision} is not there, so nothing was changed: {shown}"
    # The schema of a young 2.9 is also that of the next revision.
    others = [BASELINE, *(script.revision for script in scripts().walk_revisions())]
    there = next((other for other in others if not any(differences(connection, other))), None)
    command = f"fractal-models stamp {there or revision}{'' if there else ' --yes'}"
    remedy = f"it is that of {there}: `{command}`" if there else f"to record it nevertheless: `{command}`"
    DatabaseState.DRIFTED.status(message, remedy, command).raise_for_state()

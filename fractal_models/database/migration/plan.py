"""What a command of Alembic has left to do in a database."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alembic.runtime.migration import MigrationContext, MigrationStep, RevisionStep
from sqlalchemy import Connection

from fractal_models.database.inspection.contents import read_revisions
from fractal_models.database.inspection.other_releases import unknown_revision
from fractal_models.database.inspection.state import refuse_unversioned
from fractal_models.database.revisions import rules
from fractal_models.database.revisions.history import known_revision, pending

if TYPE_CHECKING:
    from alembic.script import Script

Command = Callable[[tuple[str, ...], MigrationContext], Iterable[MigrationStep]]
"""Function of a command: takes the revisions of the database, does what only reads, and gives the steps to run."""


@dataclass
class Plan:
    """Steps that are left to run."""

    revisions: tuple[str, ...]
    """Where the database stands when it is made."""

    steps: list[MigrationStep]

    moves: bool
    """Whether the command is an upgrade or a downgrade."""

    left_over: Script | None
    """Revision above that of the database, if parts of it may be there which the command has to dismantle."""

    @property
    def is_needed(self) -> bool:
        """Whether there is something to run."""
        return bool(self.steps or self.left_over)

    @property
    def targets(self) -> tuple[str, ...]:
        """Where the database will stand."""
        last = next((step for step in reversed(self.steps) if isinstance(step, RevisionStep)), None)
        return self.revisions if last is None else tuple(last.to_revisions)

    def scripts(self, *, up: bool) -> list[Script]:
        """Revisions that are left to upgrade to, or to downgrade from."""
        steps = (step for step in self.steps if isinstance(step, RevisionStep))
        return [step.revision for step in steps if step.is_upgrade is up]


def make_plan(connection: Connection, context: MigrationContext, command: Command) -> Plan:
    """Ask a command for its steps.

    Raises:
        WrongDatabaseError: The database is not one that revisions can run on.
    """
    revisions = () if context.purge else context.get_current_heads()
    assert context.script is not None
    if not {script.revision for script in context.script.walk_revisions()}.issuperset(revisions):
        status = unknown_revision(connection, revisions)
        if set(read_revisions(connection) or ()) != set(revisions):
            return make_plan(connection, context, command)  # another migrator has converted it meanwhile
        status.raise_for_state()
    # `stamp` gives a tuple, other commands have none.
    moves = isinstance(context.opts.get("destination_rev"), str)
    plan = Plan(revisions, list(command(revisions, context)), moves, None)
    if not revisions and any(isinstance(step, RevisionStep) for step in plan.steps):
        refuse_unversioned(connection)
    if moves and context.dialect.name == "postgresql" and not plan.scripts(up=True):
        plan.left_over = _find_left_over(known_revision(revisions))
    return plan


def _find_left_over(revision: str | None) -> Script | None:
    """Revision above one, if an interrupted run may have left parts of it; an upgrade goes on from them."""
    if revision is None:
        return None
    return next((script for script in pending(revision)[:1] if rules.is_restartable(script)), None)

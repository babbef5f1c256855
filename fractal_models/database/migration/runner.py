"""Runs of Alembic's commands, for `env.py`: what they would do first, then its execution.

PostgreSQL: one transaction per revision, under an advisory lock, with a bound on the time for which other sessions
wait. SQLite: one transaction for all revisions. Either way, the database is at a revision whenever a run ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from types import ModuleType
from typing import TYPE_CHECKING, Any

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext, MigrationStep, RevisionStep
from sqlalchemy import Connection

from fractal_models.database.connection.timeouts import MAX_TIMEOUT, MIGRATION_TIMEOUT
from fractal_models.database.inspection.access import refuse_unwritable
from fractal_models.database.inspection.contents import read_revisions
from fractal_models.database.inspection.dependents import require_no_dependents
from fractal_models.database.inspection.other_releases import unknown_revision
from fractal_models.database.inspection.stamping import require_stamped_schema
from fractal_models.database.inspection.state import refuse_drift, refuse_unversioned
from fractal_models.database.migration import postgresql, sqlite
from fractal_models.database.migration.locks import Report, bounded_reads, migrator_lock
from fractal_models.database.revisions import rules
from fractal_models.database.revisions.history import known_revision, pending, title

if TYPE_CHECKING:
    from alembic.script import Script

Steps = Callable[[tuple[str, ...], MigrationContext], Iterable[MigrationStep]]
"""Function of a command: takes the revisions of the database, does what only reads, and gives the steps to run."""


class Migration:
    """A command of Alembic on a connection, with the steps that are left to run.

    Args:
        context: `alembic.context`, within `env.py`. Attribute `wait` of its configuration is the timeout for locks in
            seconds, `report` receives the lines of progress, `yes` lets `stamp` record any revision.
        connection: The database. If it is in a transaction, its caller commits, and guards against other migrators.
        options: Arguments of `context.configure`.
    """

    def __init__(self, context: ModuleType, connection: Connection, options: dict[str, Any]) -> None:
        attributes = context.config.attributes
        self._context = context
        self._connection = connection
        self._options = options
        self._report: Report = attributes.get("report", context.config.print_stdout)
        self._stamps_anything = bool(attributes.get("yes"))
        self._timeout = min(float(attributes.get("wait", MIGRATION_TIMEOUT)), MAX_TIMEOUT)
        self._in_transaction = connection.in_transaction()
        self._on_sqlite = connection.dialect.name == "sqlite"
        self._command: Steps = self._configure().opts["fn"]
        self._steps: list[MigrationStep] = []
        self._left_over: Script | None = None
        self._is_planned = False
        self._reported: list[str] = []

    def timeouts(self) -> AbstractContextManager[None]:
        """Bound all waiting for locks of other sessions.

        Raises:
            BusyError: The timeout has passed.
        """
        if self._in_transaction:
            return nullcontext()
        wait = sqlite.busy_timeout if self._on_sqlite else bounded_reads
        return wait(self._connection, self._timeout)

    def lock(self) -> AbstractContextManager[None]:
        """Keep other migrators out; a caller's transaction is for the caller to guard.

        Raises:
            BusyError: Another migrator was at work for longer than the timeout.
            UnreachableError: Revisions cannot run on this connection.
        """
        if self._in_transaction:
            sqlite.refuse_enforced_keys(self._connection)
            return nullcontext()
        refuse_unwritable(self._connection)
        if self._on_sqlite:
            return sqlite.exclusive(self._connection)
        return migrator_lock(self._connection, self._timeout, self._report)

    def run(self) -> None:
        """Run the steps.

        Raises:
            DatabaseError: Nothing was changed, or whole revisions were.
        """
        if self._in_transaction:
            # Operations then commit nothing.
            self._execute(transaction_of_caller=True)
        elif self._on_sqlite:
            self._refuse_drift()
            self._execute(check_foreign_keys=True, transaction_per_migration=False, transactional_ddl=True)
        else:
            postgresql.retry(self._connection, self._timeout, self._report, self._attempt)

    def _configure(self, **options: Any) -> MigrationContext:
        self._context.configure(connection=self._connection, **{**self._options, **options})
        migration_context: MigrationContext = self._context.get_context()
        return migration_context

    def is_needed(self) -> bool:
        """Plan the command without a lock, and tell whether there is something to run; commands that only read run now.

        Raises:
            WrongDatabaseError: The database is not one that revisions can run on.
        """
        if self._in_transaction:
            return True
        try:
            self._plan(self._configure(dont_mutate=True))
            return bool(self._steps or self._left_over)
        finally:
            self._is_planned = False
            self._connection.rollback()

    def _attempt(self) -> None:
        """Run what is left to run, and keep track of it, under the lock of migrators."""
        if not self._is_planned:
            self._plan(self._configure(dont_mutate=True))
            self._connection.rollback()
        if self._left_over is not None:
            context = self._configure()
            with Operations.context(context):
                self._dismantle(self._left_over, context)
        self._refuse_drift()
        self._execute()

    def _refuse_drift(self) -> None:
        """Refuse to run revisions of this package on a schema that is not at its revision.

        Raises:
            DriftError: The schema differs from its revision.
        """
        revision = known_revision(read_revisions(self._connection) or ())
        step = next(iter(self._steps), None)
        if revision and isinstance(step, RevisionStep) and known_revision([step.revision.revision]):
            refuse_drift(self._connection, revision)
        self._connection.rollback()

    def _execute(self, *, check_foreign_keys: bool = False, **options: Any) -> None:
        """Run the steps.

        Args:
            check_foreign_keys: Whether to check the foreign keys of SQLite at the end.
            **options: Further arguments of `context.configure`.

        Raises:
            BlockedByDataError: Rows block a pending revision, or refer to missing rows; nothing was changed.
        """
        self._configure(fn=self._run_steps, dont_mutate=False, **options)
        with self._context.begin_transaction():
            self._context.run_migrations()
            if check_foreign_keys:
                rules.require_none(rules.orphans(self._connection))

    def _plan(self, context: MigrationContext) -> None:
        revisions = () if context.purge else context.get_current_heads()
        if not {script.revision for script in self._context.script.walk_revisions()}.issuperset(revisions):
            unknown_revision(self._connection, revisions).raise_for_state()
        self._steps = list(self._command(revisions, context))
        if not revisions and any(isinstance(step, RevisionStep) for step in self._steps):
            refuse_unversioned(self._connection)
        if not (context.purge or self._stamps_anything):
            require_stamped_schema(self._connection, self._steps)
        self._left_over = self._find_left_over(known_revision(revisions), context)
        self._is_planned = True

    def _find_left_over(self, revision: str | None, context: MigrationContext) -> Script | None:
        """Revision above that of the database, if parts of it may be there which the command has to dismantle.

        An interrupted run leaves them. An upgrade goes on from them.
        """
        # `stamp` gives a tuple, other commands have none.
        moves = isinstance(context.opts.get("destination_rev"), str)
        upgrades = any(step.is_upgrade for step in self._steps if isinstance(step, RevisionStep))
        if revision is None or not moves or upgrades or context.dialect.name != "postgresql":
            return None
        return next((script for script in pending(revision)[:1] if rules.is_restartable(script)), None)

    def _run_steps(self, revisions: tuple[str, ...], context: MigrationContext) -> Iterator[MigrationStep]:
        """Give the steps to Alembic; a step is done when it asks for the next one."""
        if not self._is_planned:
            self._plan(context)
        self._require_valid_rows(revisions, context)
        self._require_no_dependents(context)
        while self._steps:
            step = self._steps[0]
            self._announce(step)
            yield from self._version_first(step, context)

    def _version_first(self, step: MigrationStep, context: MigrationContext) -> Iterator[MigrationStep]:
        """Run a step; a restartable downgrade records its revision before it dismantles the one above.

        So the parts that an interrupted run leaves belong to the revision above that of the database, whichever way it
        went.
        """
        commits = context.dialect.name == "postgresql" and not context.opts.get("transaction_of_caller")
        if commits and isinstance(step, RevisionStep) and not step.is_upgrade and rules.is_restartable(step.revision):
            step.migration_fn = _change_nothing
            yield step
            self._left_over = step.revision
            self._steps = self._steps[1:]
            self._dismantle(step.revision, context)
        else:
            yield step
            self._steps = self._steps[1:]

    def _dismantle(self, script: Script, context: MigrationContext) -> None:
        # As Alembic does for each step: a transaction that `autocommit_block` may interrupt.
        with context.begin_transaction(_per_migration=True):
            script.module.downgrade()
        self._left_over = None

    def _require_valid_rows(self, revisions: tuple[str, ...], context: MigrationContext) -> None:
        """Run the pre-flight rules of all pending revisions before the first of them."""
        upgrades = [step.revision for step in self._steps if isinstance(step, RevisionStep) and step.is_upgrade]
        if not (revisions and upgrades and context.connection is not None):
            return
        findings = rules.examine(context.connection, upgrades)
        if context.dialect.name == "sqlite":
            findings += rules.orphans(context.connection)
        rules.require_none(findings)

    def _require_no_dependents(self, context: MigrationContext) -> None:
        """Look for dependent objects before the first of all downgrades."""
        downgrades = [step.revision for step in self._steps if isinstance(step, RevisionStep) and not step.is_upgrade]
        if downgrades and context.connection is not None:
            require_no_dependents(context.connection, downgrades)

    def _announce(self, step: MigrationStep) -> None:
        """Report a step, once."""
        if not isinstance(step, RevisionStep) or step.revision.revision in self._reported:
            return
        self._reported.append(step.revision.revision)
        number = len(self._reported)
        verb = "upgrade to" if step.is_upgrade else "downgrade from"
        total = number + len(self._steps) - 1
        self._report(f"{number}/{total} {verb} {step.revision.revision}: {title(step.revision)}")


def _change_nothing(**_: Any) -> None:
    """Stand in for the function of a step."""

"""Runs of Alembic's commands, for `env.py`: what they would do first, then its execution.

PostgreSQL: one transaction per revision, under an advisory lock, with a bound on the time for which other sessions
wait. SQLite: one transaction for all revisions. Either way, the database is at a revision whenever a run ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from types import ModuleType
from typing import TYPE_CHECKING, Any

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext, MigrationStep, RevisionStep
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from fractal_models import signals
from fractal_models.database.connection.timeouts import MAX_TIMEOUT, MIGRATION_TIMEOUT
from fractal_models.database.inspection.contents import read_revisions
from fractal_models.database.inspection.dependents import require_no_dependents
from fractal_models.database.inspection.dropped import require_consent
from fractal_models.database.inspection.environment import require_environment
from fractal_models.database.inspection.stamping import require_stamped_schema
from fractal_models.database.inspection.state import refuse_drift
from fractal_models.database.inspection.watch import Watch
from fractal_models.database.migration import postgresql, sqlite
from fractal_models.database.migration.locks import make_durable, migrator_lock
from fractal_models.database.migration.plan import Command, Plan, make_plan
from fractal_models.database.migration.progress import Progress, position
from fractal_models.database.revisions import rules
from fractal_models.database.revisions.history import known_revision

if TYPE_CHECKING:
    from alembic.script import Script


class Migration:
    """A command of Alembic on a connection, with the steps that are left to run.

    Args:
        context: `alembic.context`, within `env.py`. Attribute `wait` of its configuration is the timeout for locks in
            seconds, `report` receives the lines of progress, `working` what is at work (see `Progress`); `yes` lets
            `stamp` record any revision.
        connection: The database. If it is in a transaction, its caller commits, and guards against other migrators.
        options: Arguments of `context.configure`.
    """

    def __init__(self, context: ModuleType, connection: Connection, options: dict[str, Any]) -> None:
        attributes = context.config.attributes
        self._context = context
        self._connection = connection
        self._options = options
        self._progress = Progress(context.config)
        self._stamps_anything = bool(attributes.get("yes"))
        self._timeout = min(float(attributes.get("wait", MIGRATION_TIMEOUT)), MAX_TIMEOUT)
        self._in_transaction = connection.in_transaction()
        self._on_sqlite = connection.dialect.name == "sqlite"
        self._watch = Watch(connection)
        self._command: Command = self._configure().opts["fn"]
        self._plan = Plan((), [], moves=False, left_over=None)
        self._is_planned = False

    def timeouts(self) -> AbstractContextManager[None]:
        """Bound all waiting for locks of other sessions.

        Raises:
            BusyError: The timeout has passed.
        """
        if self._on_sqlite:
            return nullcontext() if self._in_transaction else sqlite.busy_timeout(self._connection, self._timeout)
        return postgresql.timeouts(self._connection, self._timeout, self._watch)

    def lock(self) -> AbstractContextManager[None]:
        """Keep other migrators out; a caller's transaction is for the caller to guard.

        Raises:
            BusyError: Another migrator was at work for longer than the timeout.
            UnreachableError: Revisions cannot run on this connection.
        """
        if self._in_transaction:
            sqlite.refuse_enforced_keys(self._connection)
            return nullcontext()
        self._ask_environment()
        if self._on_sqlite:
            return sqlite.exclusive(self._connection)
        return migrator_lock(self._connection, self._timeout, self._progress.waiting)

    def _ask_environment(self) -> None:
        revisions = [*self._plan.scripts(up=True), *self._plan.scripts(up=False)]
        require_environment(self._connection, revisions, self._progress.line)

    def run(self) -> None:
        """Run the steps.

        Raises:
            DatabaseError: Nothing was changed, or whole revisions were.
        """
        with self._progress.ticking():
            if self._in_transaction:
                # Operations then commit nothing.
                self._execute(transaction_of_caller=True)
            elif self._on_sqlite:
                self._refuse_drift()
                self._execute(check_foreign_keys=True, transaction_per_migration=False, transactional_ddl=True)
            else:
                postgresql.retry(self._connection, self._timeout, self._progress.waiting, self._attempt, self._watch)
                self._progress.at("waiting for the disk and for synchronous standbys")
                make_durable(self._connection)
        if self._plan.moves:
            self._progress.ended(read_revisions(self._connection) or ())

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
            self._make_plan(self._configure(dont_mutate=True))
            return self._plan.is_needed
        finally:
            self._connection.rollback()

    def _make_plan(self, context: MigrationContext) -> None:
        """Ask the command for its steps, and report them once; it then does what only reads."""
        plan = make_plan(self._connection, context, self._command)
        require_consent(self._connection, plan.scripts(up=False), self._context.config)
        if not (context.purge or self._stamps_anything):
            require_stamped_schema(self._connection, plan.steps)
        if plan.moves and not self._plan.moves:
            self._progress.planned(self._connection.engine.url, plan)
        self._plan = plan

    def _attempt(self) -> None:
        """Run what is left to run, and keep track of it, under the lock of migrators."""
        if not self._is_planned:
            self._make_plan(self._configure(dont_mutate=True))
            self._is_planned = True
            self._connection.rollback()
        if self._plan.left_over is not None:
            context = self._configure()
            with Operations.context(context):
                self._dismantle(self._plan.left_over, context)
        self._refuse_drift()
        try:
            self._execute()
        except IntegrityError:
            self._connection.rollback()
            # Rows came in after the rules had been checked, and stopped a revision.
            self._require_valid_rows()
            raise

    def _refuse_drift(self) -> None:
        """Refuse to run revisions of this package on a schema that is not at its revision.

        Raises:
            DriftError: The schema differs from its revision.
        """
        self._progress.at("checking the schema")
        revision = known_revision(read_revisions(self._connection) or ())
        step = next(iter(self._plan.steps), None)
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
        self._configure(fn=self._run_steps, dont_mutate=False, at_work=self._progress.at, **options)
        with self._context.begin_transaction():
            self._context.run_migrations()
            if check_foreign_keys:
                rules.require_none(rules.orphans(self._connection))

    def _run_steps(self, revisions: tuple[str, ...], context: MigrationContext) -> Iterator[MigrationStep]:
        """Give the steps to Alembic; a step is done when it asks for the next one."""
        if not self._is_planned:
            self._make_plan(context)
            self._is_planned = True
        if self._in_transaction:
            self._ask_environment()
        if revisions:
            self._require_valid_rows()
        if downgrades := self._plan.scripts(up=False):
            require_no_dependents(self._connection, downgrades)
        while self._plan.steps:
            signals.check()
            self._progress.begins(self._plan.steps)
            yield from self._version_first(self._plan.steps[0], context)

    def _version_first(self, step: MigrationStep, context: MigrationContext) -> Iterator[MigrationStep]:
        """Run a step; a restartable downgrade records its revision before it dismantles the one above.

        So the parts that an interrupted run leaves belong to the revision above that of the database, whichever way it
        went.
        """
        commits = context.dialect.name == "postgresql" and not context.opts.get("transaction_of_caller")
        if commits and isinstance(step, RevisionStep) and not step.is_upgrade and rules.is_restartable(step.revision):
            step.migration_fn = _change_nothing
            yield step
            self._plan.left_over = step.revision
            del self._plan.steps[0]
            self._dismantle(step.revision, context)
        else:
            yield step
            del self._plan.steps[0]

    def _dismantle(self, script: Script, context: MigrationContext) -> None:
        # As Alembic does for each step: a transaction that `autocommit_block` may interrupt.
        with context.begin_transaction(_per_migration=True):
            script.module.downgrade()
        self._plan.left_over = None

    def _require_valid_rows(self) -> None:
        """Check the pre-flight rules of all revisions that are left to upgrade to.

        Raises:
            BlockedByDataError: Rows break them; the message says whether the run has changed something.
        """
        upgrades = self._plan.scripts(up=True)
        if not upgrades:
            return
        self._progress.at("checking the rows")
        findings = rules.examine(self._connection, upgrades)
        if self._on_sqlite:
            findings += rules.orphans(self._connection, findings)
        where = ""
        if findings and self._progress.has_begun:
            where = f"the run stopped {position(read_revisions(self._connection) or ())}"
        rules.require_none(findings, where)


def _change_nothing(**_: Any) -> None:
    """Stand in for the function of a step."""

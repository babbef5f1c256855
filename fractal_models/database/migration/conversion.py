"""Upgrades of older databases: the conversion to the baseline and the later revisions, in one transaction."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import ModuleType

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from fractal_models.database.connection.errors import (
    BusyError,
    DatabaseError,
    DatabaseState,
    Status,
    WrongDatabaseError,
)
from fractal_models.database.connection.redaction import sqlstate
from fractal_models.database.connection.timeouts import MAX_TIMEOUT, MIGRATION_TIMEOUT
from fractal_models.database.conversion.convert import convert
from fractal_models.database.conversion.old_database import OldDatabase
from fractal_models.database.conversion.preflight import nul_characters
from fractal_models.database.conversion.progress import Progress
from fractal_models.database.inspection.contents import read_revisions
from fractal_models.database.inspection.older_releases import older_release
from fractal_models.database.migration.progress import Progress as RunProgress
from fractal_models.database.revisions import rules
from fractal_models.database.revisions.history import BASELINE, known_revision, server_releases

UNTRANSLATABLE_CHARACTER = "22P05"
"""SQLSTATE of JSON with a NUL character, which `json` stores, but no function reads."""

OTHER_SESSIONS = """
    SELECT pid, coalesce(nullif(application_name, ''), 'unnamed'), usename FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND usename IS NOT NULL
    AND coalesce(backend_type, 'client backend') = 'client backend' AND application_name NOT LIKE 'fractal-models %'
    ORDER BY pid
"""
"""Sessions of others; migrators that wait for their turn go on afterwards."""

SHOWN_SESSIONS = 5
"""Number of sessions in a message."""


class Conversion:
    """What an upgrade does first where the database is older than 2.9.

    Args:
        context: `alembic.context`, configured for a command. Attributes of its configuration, or `-x` arguments, are
            the consent (`convert`) and the e-mail of the owner of task groups (`task_owner`).
        connection: The database.
    """

    def __init__(self, context: ModuleType, connection: Connection) -> None:
        given = context.get_x_argument(as_dictionary=True)
        attributes = context.config.attributes
        self._connection = connection
        self._options = context.get_context().opts
        self._consent = bool(attributes.get("convert")) or given.get("convert") == "yes"
        self._task_owner: str | None = attributes.get("task_owner") or given.get("task-owner")
        self._timeout = min(float(attributes.get("wait", MIGRATION_TIMEOUT)), MAX_TIMEOUT)
        self._progress = Progress(RunProgress(context.config).line, attributes.get("working"))

    def is_due(self) -> bool:
        """Whether the command is an upgrade of an older database, which the operator wants to be converted.

        Raises:
            DatabaseError: The command is to lead to an older database, or the transaction is that of a caller.
        """
        refuse_way_back(self._options.get("destination_rev"))
        if not self._consent or self._options["fn"].__name__ != "upgrade":
            return False
        if self._connection.in_transaction():
            if self._older() is not None:
                message = "an older database is converted in a transaction of its own; pass an engine, or no connection"
                raise DatabaseError(message)
            return False
        try:
            return self._older() is not None
        finally:
            self._connection.rollback()

    def _older(self) -> Status | None:
        revisions = read_revisions(self._connection) or ()
        if len(revisions) != 1 or known_revision(revisions):
            return None
        status = older_release(self._connection, revisions[0])
        if read_revisions(self._connection) != revisions:
            return self._older()  # another migrator has converted it meanwhile
        return status if status is not None and status.state is DatabaseState.SERVER_OLDER else None

    def run(self, upgrade: Callable[[], None]) -> None:
        """Convert the database and upgrade it, under the lock of migrators.

        Args:
            upgrade: Runs the later revisions in the transaction of the connection.

        Raises:
            DatabaseError: Nothing was changed.
        """
        if self._connection.dialect.name == "postgresql":
            self._wait_for_others()
        try:
            self._convert(upgrade)
        except DBAPIError as error:
            if sqlstate(error.orig) != UNTRANSLATABLE_CHARACTER:
                raise
            with self._connection.begin():
                rules.require_none(nul_characters(OldDatabase.read(self._connection)))
            raise

    def _convert(self, upgrade: Callable[[], None]) -> None:
        with self._connection.begin():
            # Another migrator may have been first.
            if (status := self._older()) is None:
                return
            self._progress.line(f"{status.message}; converting it to {BASELINE}")
            convert(self._connection, self._task_owner, self._progress)
            upgrade()
            if self._connection.dialect.name == "sqlite":
                rules.require_none(rules.orphans(self._connection))

    def _wait_for_others(self) -> None:
        """Wait until no other session is connected: the old server cannot run on the result.

        Raises:
            BusyError: The timeout has passed.
        """
        deadline, reported = time.monotonic() + self._timeout, ""
        while (sessions := self._other_sessions()) and self._older() is not None:
            self._connection.rollback()
            if time.monotonic() > deadline:
                message = (
                    f"other sessions have been connected for {self._timeout:g} s: {sessions}; nothing was changed. The "
                    "old server cannot run on the converted database: stop it, and what else is connected"
                )
                raise BusyError(message)
            if sessions != reported:
                self._progress.line(f"waiting for the end of other sessions: {sessions}")
                reported = sessions
            time.sleep(0.2)
        self._connection.rollback()

    def _other_sessions(self) -> str:
        rows = self._connection.execute(text(OTHER_SESSIONS)).all()
        shown = [f"process {pid} ({application}, user {user})" for pid, application, user in rows[:SHOWN_SESSIONS]]
        return ", ".join(shown) + (f", … ({len(rows)} in all)" if len(rows) > SHOWN_SESSIONS else "")


def refuse_way_back(destination: object) -> None:
    """Refuse a revision of an older server as destination.

    Raises:
        WrongDatabaseError: It is one.
    """
    release = server_releases().get(destination) if isinstance(destination, str) else None
    if release is not None and release.is_older:
        message = (
            f"{destination} is a revision of {release.name}: there is no way back to it but a backup, "
            "restored into a database of its own"
        )
        raise WrongDatabaseError(message)

"""Exceptions, and the states of a database with the exception, remedy and command of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Self

UPGRADE = "fractal-models upgrade head"
"""The command that brings a database to head."""


class DatabaseError(Exception):
    """Base class. The message is one line: what is wrong, then what to do. `exit_code` is that of a command."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, status: Status | None = None, details: Sequence[str] = ()) -> None:
        super().__init__(" ".join([message, *details]))
        self.lines = (message, *details)
        """The message, broken into one line for what is wrong and one for each finding."""
        self.status = status
        """State of the database, where the error is about that."""


class NeedsUpgradeError(DatabaseError):
    """The database is empty, behind head, or older than 2.9; exit code 3."""

    exit_code = 3


class BlockedByDataError(DatabaseError):
    """Rows block a revision, a copy or an export, or break a documented rule; a target is not empty; exit code 4."""

    exit_code = 4


class WrongDatabaseError(DatabaseError):
    """The database is newer than these models, or of another application; exit code 5."""

    exit_code = 5


class DriftError(DatabaseError):
    """The schema differs from its revision; exit code 6."""

    exit_code = 6


class UnreachableError(DatabaseError):
    """The database is unreachable, the connection is lost or read-only, or the disk is full; exit code 7."""

    exit_code = 7


class BusyError(DatabaseError):
    """Another session held a lock for longer than the timeout, or the statement was cancelled; exit code 8."""

    exit_code = 8


class DeclinedError(DatabaseError):
    """The operator did not confirm; exit code 9."""

    exit_code = 9


class DependentObjectsError(DatabaseError):
    """Objects of another application depend on what a downgrade or a conversion drops; exit code 10."""

    exit_code = 10


WAIT = "fractal-models wait"


class DatabaseState(StrEnum):
    """States of a database.

    Each has the name by which programs know it, a condition in words, an exception class (None at head), a remedy, and
    the command that helps. Remedy and command are empty where they depend on the database.
    """

    condition: str
    error: type[DatabaseError] | None
    remedy: str
    command: str

    AT_HEAD = "at_head", "at head", None
    EMPTY = "empty", "empty", NeedsUpgradeError, f"run `{UPGRADE}`", UPGRADE
    BEHIND = "behind", "behind", NeedsUpgradeError, f"run `{UPGRADE}`", UPGRADE
    SERVER_2_9 = "server_2_9", "at fractal-server 2.9", NeedsUpgradeError, f"run `{UPGRADE}`", UPGRADE
    SERVER_OLDER = (
        "server_older",
        "at an older fractal-server",
        NeedsUpgradeError,
        f"stop its server, back it up, and run `{UPGRADE} --convert`",
        f"{UPGRADE} --convert",
    )
    SERVER_NEWER = "server_newer", "at a newer fractal-server", WrongDatabaseError, "use its fractal-server"
    UNKNOWN_REVISION = (
        "unknown_revision",
        "at an unknown revision",
        WrongDatabaseError,
        "",
        "pip install --upgrade fractal-models",
    )
    FOREIGN = (
        "foreign",
        "of another application",
        WrongDatabaseError,
        "give the URL of a database of Fractal, or of an empty one",
    )
    UNVERSIONED = (
        "unversioned",
        "without a revision",
        WrongDatabaseError,
        "run the `fractal-models stamp` that `status` names; if it names none, restore alembic_version from a backup",
    )
    DRIFTED = (
        "drifted",
        "drifted",
        DriftError,
        "undo the manual changes, or restore a backup, before any upgrade",
        "fractal-models doctor",
    )
    HOST_NOT_FOUND = "host_not_found", "host not found", UnreachableError, "check the host name in the URL", WAIT
    REFUSED = (
        "refused",
        "connection refused",
        UnreachableError,
        "start the server, or check host and port (or the folder of its socket) in the URL",
        WAIT,
    )
    NOT_RESPONDING = "not_responding", "not responding", UnreachableError, "check network and firewall on the way", WAIT
    STARTING = "starting", "starting or stopping", UnreachableError, f"wait for it: `{WAIT}`", WAIT
    TOO_MANY_CONNECTIONS = (
        "too_many_connections",
        "too many connections",
        UnreachableError,
        f"wait for it: `{WAIT}`, or raise the limit of the server, the role or the database",
        WAIT,
    )
    AUTHENTICATION = (
        "authentication",
        "authentication failed",
        UnreachableError,
        "check user and password in the URL, and pg_hba.conf of the server",
    )
    NO_DATABASE = (
        "no_database",
        "no such database",
        UnreachableError,
        "create it (`createdb NAME`), or check the name in the URL",
        "createdb NAME",
    )
    NO_PERMISSION = (
        "no_permission",
        "permission denied",
        UnreachableError,
        "grant the role what it needs: see `fractal-models roles`",
        "fractal-models roles",
    )
    LOCKED = "locked", "locked", BusyError, "end the session that holds the lock, or try again when it is done"
    FILE_NOT_FOUND = "file_not_found", "file not found", UnreachableError, "check the path"
    CANCELED = "canceled", "statement canceled", BusyError, "set statement_timeout to 0 if that was the reason"
    NOT_A_DATABASE = (
        "not_a_database",
        "not a database",
        UnreachableError,
        "check the path: not a SQLite file, or damaged",
    )
    READ_ONLY = (
        "read_only",
        "read-only",
        UnreachableError,
        "make file and folder writable; on PostgreSQL, use a role and a server that can write",
    )
    STANDBY = "standby", "standby", UnreachableError, "give the URL of the primary"
    DISK_FULL = (
        "disk_full",
        "disk full",
        UnreachableError,
        "make room on the disk, then run the same command again to go on",
    )
    POOLER = "pooler", "behind a connection pooler", UnreachableError, "give the URL of the PostgreSQL server itself"
    UNSUPPORTED = "unsupported", "not supported", UnreachableError, "use PostgreSQL or SQLite"
    UNREACHABLE = "unreachable", "unreachable", UnreachableError, "see the message of the driver"

    def __new__(
        cls, value: str, condition: str, error: type[DatabaseError] | None, remedy: str = "", command: str = ""
    ) -> Self:
        """Make a member of its row of the table."""
        state = str.__new__(cls, value)
        state._value_ = value
        state.condition = condition
        state.error, state.remedy, state.command = error, remedy, command
        return state

    def status(self, message: str, remedy: str | None = None, command: str | None = None) -> Status:
        """Make a status of this state; remedy and command default to those of the state."""
        return Status(
            self,
            message,
            self.remedy if remedy is None else remedy,
            self.command if command is None else command,
        )


@dataclass(frozen=True)
class Status:
    """State of a database, and the facts that it follows from.

    Attributes:
        state: State of the database.
        message: One-line summary of the state.
        remedy: Remedy in one line; empty at head.
        command: Command to run; empty if none helps.
        revisions: Rows of `alembic_version`.
        release: Releases of fractal-server at that revision.
        pending: Id and title of each revision up to head, the next one first.
        differences: Differences between the schema and its revision.
        readable: Tables that `read_session` reads; given where the revision is not one of this package.
        missing: Tables, columns and relationships that it cannot read, such as `user_settings.cache_dir`.
        obstacles: What keeps the pending revisions from running on this connection, each with its remedy.
        notes: What else an operator should know, a sentence each: room that is needed, journals, invalid indexes.
    """

    state: DatabaseState
    message: str
    remedy: str = ""
    command: str = ""
    revisions: tuple[str, ...] = ()
    release: str | None = None
    pending: tuple[tuple[str, str], ...] = ()
    differences: tuple[str, ...] = ()
    readable: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    obstacles: tuple[Status, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """Exit code of the state's exception class; 0 at head."""
        return self.state.error.exit_code if self.state.error else 0

    @property
    def line(self) -> str:
        """Message and remedy."""
        return f"{self.message}; {self.remedy}" if self.remedy else self.message

    def raise_for_state(self) -> None:
        """Raise the exception of the state; return at head.

        Raises:
            DatabaseError: The exception class of the state, with this status.
        """
        if self.state.error is not None:
            raise self.state.error(self.line, self)

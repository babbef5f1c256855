"""What can be wrong with a database, as one exception class and one exit code per family."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from fractal_models.database.inspection.state import Status


class DatabaseError(Exception):
    """Base of all: one line that says what is wrong and what to do."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, status: Status | None = None) -> None:
        super().__init__(message)
        self.status = status
        """State of the database, where the error is about that."""


class NeedsUpgradeError(DatabaseError):
    """The database is empty or behind: `upgrade head` is all it needs."""

    exit_code = 3


class BlockedByDataError(DatabaseError):
    """Rows stand in the way of a revision, or break a documented rule."""

    exit_code = 4


class WrongDatabaseError(DatabaseError):
    """The database is too old, too new, or somebody else's."""

    exit_code = 5


class DriftError(DatabaseError):
    """The schema is not what its revision says."""

    exit_code = 6


class UnreachableError(DatabaseError):
    """There is no way to the database, or none by which it could be changed."""

    exit_code = 7


class BusyError(DatabaseError):
    """Somebody else held a lock for longer than we were to wait."""

    exit_code = 8


class DeclinedError(DatabaseError):
    """The operator did not confirm."""

    exit_code = 9

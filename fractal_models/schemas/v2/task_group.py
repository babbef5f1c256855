"""Task groups of version 2 and what is done to them."""

from enum import StrEnum


class TaskGroupV2OriginEnum(StrEnum):
    """Where the package of a task group was taken from."""

    PYPI = "pypi"
    WHEELFILE = "wheel-file"
    OTHER = "other"


class TaskGroupActivityStatusV2(StrEnum):
    """How far an activity has come."""

    PENDING = "pending"
    ONGOING = "ongoing"
    FAILED = "failed"
    OK = "OK"


class TaskGroupActivityActionV2(StrEnum):
    """What an activity does to its task group."""

    COLLECT = "collect"
    """Install the package and record its tasks."""

    DEACTIVATE = "deactivate"
    """Remove the virtual environment, keep the record of how to rebuild it."""

    REACTIVATE = "reactivate"
    """Rebuild the virtual environment of a deactivated group."""

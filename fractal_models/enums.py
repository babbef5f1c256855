"""Enumerations of both versions: values of columns, and of JSON in them."""

from enum import StrEnum


class JobStatusTypeV1(StrEnum):
    """How far a job has come."""

    SUBMITTED = "submitted"
    """Created. It may still wait in the queue of the cluster: not necessarily running."""

    DONE = "done"
    """Reached its end without an error."""

    FAILED = "failed"
    """Ended with an error."""


class WorkflowTaskStatusTypeV1(StrEnum):
    """How far one step of a job has come, as the history of a dataset records it."""

    SUBMITTED = "submitted"
    DONE = "done"
    FAILED = "failed"


class JobStatusTypeV2(StrEnum):
    """How far a job has come."""

    SUBMITTED = "submitted"
    """Created. It may still wait in the queue of the cluster: not necessarily running."""

    DONE = "done"
    """Reached its end without an error."""

    FAILED = "failed"
    """Ended with an error."""


class WorkflowTaskStatusTypeV2(StrEnum):
    """How far one step of a job has come, as the history of a dataset records it."""

    SUBMITTED = "submitted"
    DONE = "done"
    FAILED = "failed"


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

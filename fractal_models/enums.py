"""Enumerations of both versions: values of columns, and of JSON in them."""

from enum import StrEnum


class JobStatusTypeV1(StrEnum):
    """Status of a job."""

    SUBMITTED = "submitted"
    """Created; running, or still waiting in the queue of the cluster."""

    DONE = "done"
    """Ended without an error."""

    FAILED = "failed"
    """Ended with an error."""


class WorkflowTaskStatusTypeV1(StrEnum):
    """Status of one step of a job, as recorded in the history of a dataset."""

    SUBMITTED = "submitted"
    DONE = "done"
    FAILED = "failed"


class JobStatusTypeV2(StrEnum):
    """Status of a job."""

    SUBMITTED = "submitted"
    """Created; running, or still waiting in the queue of the cluster."""

    DONE = "done"
    """Ended without an error."""

    FAILED = "failed"
    """Ended with an error."""


class WorkflowTaskStatusTypeV2(StrEnum):
    """Status of one step of a job, as recorded in the history of a dataset."""

    SUBMITTED = "submitted"
    DONE = "done"
    FAILED = "failed"


class TaskGroupV2OriginEnum(StrEnum):
    """Origin of the package of a task group."""

    PYPI = "pypi"
    WHEELFILE = "wheel-file"
    OTHER = "other"


class TaskGroupActivityStatusV2(StrEnum):
    """Status of an activity."""

    PENDING = "pending"
    ONGOING = "ongoing"
    FAILED = "failed"
    OK = "OK"


class TaskGroupActivityActionV2(StrEnum):
    """Operation that an activity performs on its task group."""

    COLLECT = "collect"
    """Install the package and record its tasks."""

    DEACTIVATE = "deactivate"
    """Remove the virtual environment, but keep the information to rebuild it."""

    REACTIVATE = "reactivate"
    """Rebuild the virtual environment of a deactivated group."""

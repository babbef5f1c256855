"""Enumerations of both versions: values of columns, and of JSON in them.

`str(JobStatusTypeV2.DONE)` is "JobStatusTypeV2.DONE", as in the server; its text is `JobStatusTypeV2.DONE.value`.
"""

from enum import Enum


class JobStatusTypeV1(str, Enum):
    """Status of a job."""

    SUBMITTED = "submitted"
    """Created; running, or still waiting in the queue of the cluster."""

    DONE = "done"
    """Ended without an error."""

    FAILED = "failed"
    """Ended with an error."""


class WorkflowTaskStatusTypeV1(str, Enum):
    """Status of one step of a job, as recorded in the history of a dataset."""

    SUBMITTED = "submitted"
    DONE = "done"
    FAILED = "failed"


class JobStatusTypeV2(str, Enum):
    """Status of a job."""

    SUBMITTED = "submitted"
    """Created; running, or still waiting in the queue of the cluster."""

    DONE = "done"
    """Ended without an error."""

    FAILED = "failed"
    """Ended with an error."""


class WorkflowTaskStatusTypeV2(str, Enum):
    """Status of one step of a job, as recorded in the history of a dataset."""

    SUBMITTED = "submitted"
    DONE = "done"
    FAILED = "failed"


class TaskGroupV2OriginEnum(str, Enum):
    """Origin of the package of a task group."""

    PYPI = "pypi"
    """From the Python Package Index."""

    WHEELFILE = "wheel-file"
    """From a wheel on the server."""

    OTHER = "other"
    """Written down by hand, without a package."""


class TaskGroupActivityStatusV2(str, Enum):
    """Status of an activity."""

    PENDING = "pending"
    """Not yet begun."""

    ONGOING = "ongoing"
    """Begun, and not ended."""

    FAILED = "failed"
    """Ended with an error."""

    OK = "OK"
    """Ended without an error."""


class TaskGroupActivityActionV2(str, Enum):
    """Operation that an activity performs on its task group."""

    COLLECT = "collect"
    """Install the package and record its tasks."""

    DEACTIVATE = "deactivate"
    """Remove the virtual environment, but keep the information to rebuild it."""

    REACTIVATE = "reactivate"
    """Rebuild the virtual environment of a deactivated group."""

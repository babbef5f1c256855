"""Jobs of version 1."""

from enum import StrEnum

from pydantic import BaseModel


class JobStatusTypeV1(StrEnum):
    """How far a job has come."""

    SUBMITTED = "submitted"
    """Created. It may still wait in the queue of the cluster: not necessarily running."""

    DONE = "done"
    """Reached its end without an error."""

    FAILED = "failed"
    """Ended with an error."""


class _ApplyWorkflowBaseV1(BaseModel):
    """What the table of jobs and the bodies of the API share."""

    worker_init: str | None = None
    """Shell lines that each worker runs before its first task."""

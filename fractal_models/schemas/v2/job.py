"""Jobs of version 2."""

from enum import StrEnum


class JobStatusTypeV2(StrEnum):
    """How far a job has come."""

    SUBMITTED = "submitted"
    """Created. It may still wait in the queue of the cluster: not necessarily running."""

    DONE = "done"
    """Reached its end without an error."""

    FAILED = "failed"
    """Ended with an error."""

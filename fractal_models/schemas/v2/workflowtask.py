"""Workflow steps of version 2."""

from enum import StrEnum


class WorkflowTaskStatusTypeV2(StrEnum):
    """How far one step of a job has come, as the history of a dataset records it."""

    SUBMITTED = "submitted"
    DONE = "done"
    FAILED = "failed"

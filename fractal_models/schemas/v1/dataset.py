"""Datasets of version 1 and their resources."""

from typing import Any

from pydantic import BaseModel, Field


class _DatasetBaseV1(BaseModel):
    """What the table of datasets and the bodies of the API share."""

    name: str

    type: str | None = None
    """What the dataset holds, as `Task.input_type` names it; null if it was never said."""

    meta: dict[str, Any] = Field(default_factory=dict)
    """What its last workflow left for the next one, keyed by the tasks' own names."""

    history: list[dict[str, Any]] = Field(default_factory=list)
    """One entry per task that ran on it, oldest first.

    `{"workflowtask": {…dump…}, "status": "submitted|done|failed", "parallelization": {…}|null}`
    """

    read_only: bool = False


class _ResourceBaseV1(BaseModel):
    """What the table of resources and the bodies of the API share."""

    path: str
    """Absolute path of a folder or file."""

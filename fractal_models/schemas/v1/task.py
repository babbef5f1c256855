"""Tasks of version 1."""

from typing import Annotated

from pydantic import BaseModel, StringConstraints


class _TaskBaseV1(BaseModel):
    """What the table of tasks and the bodies of the API share."""

    source: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
    """Where the task comes from: its identity, unique among all tasks."""

"""Status of the steps of a workflow on a dataset, in version 2."""

from pydantic import Field

from fractal_models.enums import WorkflowTaskStatusTypeV2
from fractal_models.schemas.body import Response

__all__ = ["StatusReadV2"]


class StatusReadV2(Response):
    """Status of the steps of a workflow on a dataset."""

    status: dict[str, WorkflowTaskStatusTypeV2] = Field(default_factory=dict)
    """Status by ID of the step."""

"""Results of background operations."""

from typing import Any

from fractal_models.schemas.body import Response
from fractal_models.schemas.stored import StoredDict, UtcDatetime

__all__ = ["StateRead"]


class StateRead(Response, of="State"):
    """Result of a background operation."""

    id: int | None = None
    data: StoredDict[Any]
    timestamp: UtcDatetime | None

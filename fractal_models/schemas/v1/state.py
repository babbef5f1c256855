"""Results of background operations."""

from typing import Any

from fractal_models.schemas.body import Read
from fractal_models.schemas.fields import StoredDict, UtcDatetime

__all__ = ["StateRead"]


class StateRead(Read, of="State"):
    """Result of a background operation."""

    data: StoredDict[Any]
    timestamp: UtcDatetime | None

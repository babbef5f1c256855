"""Results of long operations in the background."""

from typing import Any

from fractal_models.schemas.body import Read
from fractal_models.schemas.fields import Moment, StoredDict

__all__ = ["StateRead"]


class StateRead(Read, of="State"):
    """What a long background operation has left to read."""

    data: StoredDict[Any]
    timestamp: Moment | None

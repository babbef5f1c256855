"""Results of background operations."""

from datetime import datetime
from typing import Any

from fractal_models.base import Base
from fractal_models.columns import json_object, primary_key, timestamp_now


class State(Base, table=True):
    """Result of a background operation, for later requests; nothing refers to it."""

    __tablename__ = "state"

    id: int | None = primary_key()

    data: dict[str, Any] = json_object(default_factory=dict, nullable=True)
    """Result; its keys depend on the operation."""

    timestamp: datetime = timestamp_now(nullable=True)
    """Time of the result."""

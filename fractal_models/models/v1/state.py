"""Results of long operations in the background."""

from datetime import datetime
from typing import Any

from fractal_models.base import Base
from fractal_models.columns import json_object, primary_key, timestamp_now


class State(Base, table=True):
    """What a long background operation leaves for a later request to read."""

    __tablename__ = "state"

    id: int | None = primary_key()

    data: dict[str, Any] = json_object(default_factory=dict, nullable=True)
    """Whatever the operation wants to say; its shape is the operation's own."""

    timestamp: datetime = timestamp_now(nullable=True)
    """When `data` was written."""

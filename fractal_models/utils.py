"""Helpers that know nothing of the database."""

from datetime import UTC, datetime


def get_timestamp() -> datetime:
    """Get the current time, aware of its timezone (UTC)."""
    return datetime.now(UTC)

"""Progress of copies and exports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Step = Literal["copy", "convert", "verify", "export"]


@dataclass(frozen=True)
class Progress:
    """Progress with a table."""

    step: Step
    """What is done with the rows of the table."""

    table: str
    """Name of the table."""

    rows: int
    """Rows that are done."""

    total: int
    """Rows that there are."""


Report = Callable[[Progress], None]
"""Receives progress: once before the first row of each table, then after each block of some hundred kilobytes."""


def ignore(_progress: Progress) -> None:
    """Receive progress, and do nothing."""

"""Progress of a conversion: lines, and a bar on a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

Report = Callable[[str], None]
"""Receives one line at a time."""

BAR = 30
"""Width of the bar, in characters."""

PAUSE = 10.0
"""Seconds between two lines about one table, where there is no bar."""


class Progress:
    """Reports of a conversion.

    Args:
        line: Receives a line for each event.
        working: Receives what is at work, to be shown in place of what it was before; without it, lines tell what
            takes long.
    """

    def __init__(self, line: Report, working: Report | None = None) -> None:
        self.line = line
        self._working = working

    def count(self, what: str, total: int, numbers: Iterable[int]) -> None:
        """Report rows.

        Args:
            what: What is done with the rows, such as "applyworkflow".
            total: Number of rows.
            numbers: Rows that each step has done; the steps are taken here.
        """
        done, told = 0, time.monotonic()
        for number in numbers:
            done += number
            if self._working is not None:
                filled = BAR * done // max(total, done, 1)
                self._working(f"{what} {'━' * filled}{'─' * (BAR - filled)} {done:,} of {total:,} rows")
            elif time.monotonic() - told > PAUSE:
                told = time.monotonic()
                self.line(f"  {what}: {done:,} of {total:,} rows so far")
        if done:
            self.line(f"  {what}: {done:,} rows")

"""Two ways to do the same, timed in turns: the ratio holds on any machine, the times on this one."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.progress import track
from rich.table import Table


@dataclass
class Comparison:
    """What our way costs in relation to the other one."""

    name: str
    against: str
    limit: float
    own: Callable[[], float]
    other: Callable[[], float]
    seconds: list[tuple[float, float]] = field(default_factory=list)

    @property
    def own_ms(self) -> float:
        """Median time of our way."""
        return 1000 * statistics.median(own for own, _ in self.seconds)

    @property
    def other_ms(self) -> float:
        """Median time of the other way."""
        return 1000 * statistics.median(other for _, other in self.seconds)

    @property
    def ratio(self) -> float:
        """Our median by the other one."""
        return self.own_ms / self.other_ms

    def as_json(self) -> dict[str, Any]:
        """What a later run is compared with."""
        return {
            "name": self.name,
            "against": self.against,
            "own_ms": round(self.own_ms, 2),
            "other_ms": round(self.other_ms, 2),
            "ratio": round(self.ratio, 3),
            "limit": self.limit,
        }


def run(comparisons: Sequence[Comparison], rounds: int) -> None:
    """Measure each pair in turns, so that whatever else the machine does meets both; then a round of all again.

    The first round warms up caches, and does not count.
    """
    for number in track(range(rounds + 1), description="Measuring", transient=True):
        for comparison in comparisons:
            pair = comparison.own(), comparison.other()
            if number:
                comparison.seconds.append(pair)


def table(comparisons: Sequence[Comparison]) -> Table:
    """Show the medians."""
    shown = Table("", "ms", "against", "ms", "ratio", "limit")
    for comparison in comparisons:
        ratio = f"{comparison.ratio:.2f}"
        shown.add_row(
            comparison.name,
            f"{comparison.own_ms:,.0f}",
            comparison.against,
            f"{comparison.other_ms:,.0f}",
            ratio if comparison.ratio <= comparison.limit else f"[bold red]{ratio}[/]",
            f"{comparison.limit:.2f}",
        )
    for index in (1, 3, 4, 5):
        shown.columns[index].justify = "right"
    return shown

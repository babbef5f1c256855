"""Shared parts of the benchmarks: options, repeated measurements, tables with limits, JSON."""

import json
import os
import platform
import statistics
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from math import floor, log10
from pathlib import Path
from time import perf_counter
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import track
from rich.table import Table

Figures = Mapping[str, float]
Samples = dict[str, list[float]]
Row = dict[str, Any]
"""Name and figures of one case; `limits` holds the maximum of each figure that has one."""


PICTURE_STYLE: Any = {
    "svg.hashsalt": "fractal-models",
    "svg.fonttype": "none",
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
"""Settings of matplotlib: small files that are the same for the same figures."""

UNREPORTED = {"benchmark", "start", "json", "picture"}
"""Options that have no effect on the figures."""


def option_parser(command: str, description: str, **numbers: tuple[int, str]) -> ArgumentParser:
    """Parser with `--json` and an integer option for each of `numbers`: its default and help."""
    parser = ArgumentParser(
        prog=f"python -m benchmarks.{command}", description=description, formatter_class=RawDescriptionHelpFormatter
    )
    parser.set_defaults(benchmark=command, start=perf_counter())
    for name, (default, text) in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=default, metavar="N", help=f"{text} (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to FILE as JSON")
    return parser


def measure(cases: Mapping[str, Callable[[], Figures]], rounds: int) -> dict[str, Samples]:
    """Run all cases in turns, so that other load on the machine affects them alike; the first round does not count."""
    samples: dict[str, Samples] = {name: defaultdict(list) for name in cases}
    for number in track(range(rounds + 1), description="Measuring", transient=True):
        for name, run in cases.items():
            for figure, value in run().items():
                if number:
                    samples[name][figure].append(value)
    return samples


def medians(samples: Samples) -> Row:
    """Median of each time, and the maximum of each count."""
    return {
        figure: max(values) if isinstance(values[0], int) else round(statistics.median(values), 3)
        for figure, values in samples.items()
    }


def milliseconds(run: Callable[[], object]) -> float:
    """Time of one call."""
    start = perf_counter()
    run()
    return 1000 * (perf_counter() - start)


def text_of(value: float | str) -> str:
    """Three significant digits, but at most three decimals."""
    if not isinstance(value, float):
        return value if isinstance(value, str) else f"{value:,}"
    return f"{value:,.{min(3, max(0, 2 - floor(log10(value))))}f}" if value > 0 else "0"


def table(rows: Iterable[Row], headings: Mapping[str, str], title: str | None = None) -> Table:
    """Table with one heading for each figure; values above their limit are red."""
    rows = list(rows)
    shown = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    for figure, heading in headings.items():
        is_text = all(isinstance(row.get(figure, ""), str) for row in rows)
        shown.add_column(heading, no_wrap=figure == next(iter(headings)), justify="left" if is_text else "right")
    for row in rows:
        shown.add_row(*(cell(row, figure) for figure in headings))
    return shown


def cell(row: Row, figure: str, exceeding: str = "[bold red]{}[/]") -> str:
    """Figure with its limit; `exceeding` marks one above it."""
    value, limit = row.get(figure, ""), row.get("limits", {}).get(figure)
    if limit is None:
        return text_of(value)
    return f"{text_of(value)} ≤ {limit:g}" if value <= limit else exceeding.format(f"{text_of(value)} > {limit:g}")


def publish(options: Namespace, versions: Mapping[str, str], results: Any, *tables: Table, **more: Any) -> None:
    """Print tables and circumstances; write them with the results to the file of `--json`."""
    figures = {
        "benchmark": options.benchmark,
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "seconds": round(perf_counter() - options.start, 1),
        "processors": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "options": {
            name: value
            for name, value in vars(options).items()
            if name not in ("benchmark", "start", "json", "picture")
        },
        "versions": {"python": platform.python_version(), **versions},
        **more,
    }
    console = Console()
    console.width = max(console.width, 110)
    console.print(*tables, sep="\n")
    for name, value in figures.items():
        printed = ", ".join(f"{key} {each}" for key, each in value.items()) if isinstance(value, dict) else value
        console.print(f"{name}: {printed}", highlight=False)
    if options.json:
        options.json.write_text(json.dumps({**figures, "results": results}, indent=2) + "\n")


def package_versions(*packages: str) -> dict[str, str]:
    """Versions of the packages that the figures depend on."""
    return {package: version(package) for package in packages}

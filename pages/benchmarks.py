"""Figures of the last runs of the benchmarks, from the JSON in `benchmarks/results`, as regions of pages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks import check, conversion, fixtures, loading, models
from benchmarks.copies import __main__ as copies
from benchmarks.core import Row, cell, text_of
from benchmarks.site.report import COMPARISON_HEADINGS, PATH_HEADINGS, TARGET_HEADINGS, comparisons, path_row
from pages.markdown import items, table

RESULTS = Path(__file__).parent.parent / "benchmarks" / "results"

TABLES = {
    "models": models.HEADINGS,
    "bodies": models.HEADINGS,
    "loading": loading.HEADINGS,
    "check": check.HEADINGS,
    "fixtures": fixtures.HEADINGS,
    "conversion": conversion.HEADINGS,
    "copies": copies.HEADINGS,
}
"""Headings of the benchmarks with one table."""

SHOWN_PATH_HEADINGS = {
    "path": "median ms",
    **{name: PATH_HEADINGS[name] for name in ("rows", "before", "after", "speed_up")},
}
"""Headings of access paths, without the rows by key that are their limit."""


@cache
def run(benchmark: str) -> dict[str, Any]:
    """The last run of a benchmark, as `--json` wrote it."""
    found: dict[str, Any] = json.loads((RESULTS / f"{benchmark}.json").read_text())
    return found


def regions() -> Iterator[tuple[str, str]]:
    """Names and texts."""
    for name, headings in TABLES.items():
        yield f"benchmark-{name}", _table(run(name)["results"], headings) + f"\n{_circumstances(run(name))}\n"
    site = run("site")
    largest = site["results"]["sites"][-1]
    rows = map(path_row, largest["paths"])
    yield (
        "benchmark-site",
        _table(rows, SHOWN_PATH_HEADINGS)
        + "\n"
        + _table(comparisons(largest), COMPARISON_HEADINGS)
        + "\n"
        + _table(_marked(site["results"]["targets"]), TARGET_HEADINGS)
        + f"\n{_circumstances(site)}\n",
    )
    yield "site-growth", _growth()
    yield "site-summary", items(_summary(largest))


def _marked(targets: Iterable[Row]) -> Iterator[Row]:
    for target in targets:
        yield {**target, "mark": "reached" if target["reached"] else "**missed**"}


def _table(rows: Iterable[Row], headings: Mapping[str, str]) -> str:
    return table(list(headings.values()), [[cell(row, figure, "**{}**") for figure in headings] for row in rows])


def _circumstances(figures: dict[str, Any]) -> str:
    """When, how and with what a benchmark was run."""
    versions = ", ".join(f"{name} {version}" for name, version in figures["versions"].items())
    options = " ".join(f"--{name} {_words(value)}" for name, value in figures["options"].items() if value is not None)
    return f"*{figures['date']}, `python -m benchmarks.{figures['benchmark']} {options}`, {versions}.*"


def _words(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _growth() -> str:
    """Table of the access paths at two sizes of a site."""
    smaller, larger = run("site")["results"]["sites"][-2:]
    before = {path["path"]: path for path in smaller["paths"]}
    sizes = [f"{site['jobs']:,}" for site in (smaller, larger)]
    headings = [
        "median ms, by jobs of each version",
        *(f"{when}: {size}" for when in ("2.9", "head") for size in sizes),
    ]
    rows = [
        [
            path["path"],
            *(text_of(site[when]) for when in ("before", "after") for site in (before[path["path"]], path)),
            f"{path['after'] / before[path['path']]['after']:.2f}",
        ]
        for path in larger["paths"]
    ]
    return table([*headings, "growth at head"], rows)


def _summary(largest: dict[str, Any]) -> Iterator[str]:
    upgrade, disk = largest["upgrade"], largest["disk_mb"]
    reader, writer = upgrade["reader"], upgrade["writer"]
    inserted = max(after / before for before, after in largest["insert"]["seconds"].values())
    rows, gigabytes, growth = sum(largest["rows"].values()), disk["after"] / 1000, disk["after"] / disk["before"]
    yield (
        f"**Size.** The largest site has {largest['jobs']:,} jobs of each version, {rows:,} rows in all, and "
        f"{gigabytes:.1f} GB at head, {growth:.2f} times as much as at 2.9."
    )
    yield f"**Inserting** jobs through the ORM takes {inserted:.2f} times as long at head as at 2.9."
    yield (
        f"**The upgrade** from 2.9 took {upgrade['seconds']:.0f} s, while clients read and wrote. The longest response "
        f"of a reader was {reader['longest_ms']:.0f} ms, that of a writer {writer['longest_ms']:.0f} ms; just before, "
        f"they were {reader['longest_before_ms']:.0f} and {writer['longest_before_ms']:.0f} ms."
    )


def waits(revision: str) -> str:
    """Table of the time that a revision took, and of the longest responses meanwhile, by size of the site."""
    found = [
        [f"{site['jobs']:,}", *(text_of(part[name]) for name in ("seconds", "reader_longest_ms", "writer_longest_ms"))]
        for site in run("site")["results"]["sites"]
        for part in site["upgrade"]["parts"]
        if part["part"] == revision
    ]
    return table(("jobs of each version", "seconds", "longest response of a reader, ms", "of a writer, ms"), found)

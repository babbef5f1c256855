"""Targets for a site with a million jobs, and whether the figures reach them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from benchmarks.core import Row

Figures = dict[str, Any]
"""All results of one run, as in the JSON file."""

LARGE_TABLES = {"applyworkflow", "jobv2", "dataset", "datasetv2", "workflowtask", "workflowtaskv2"}
"""Tables that are read from beginning to end at 2.9."""


@dataclass(frozen=True)
class Target:
    """One target, with the worst figure found."""

    name: str
    wanted: str
    found: str
    reached: bool


def targets(figures: Figures) -> Iterator[Target]:
    """Compare the largest site with the targets, and waits during the upgrade at every size."""
    site = figures["sites"][-1]
    yield from _path_targets(figures, site)
    for client, wanted in (("reader", 100), ("writer", 1000)):
        waits = [(each["upgrade"][client], f"{each['jobs']:,} jobs") for each in figures["sites"]]
        yield _at_most(
            f"longest response of a {client} during the upgrade, ms",
            wanted,
            [(wait["longest_ms"], f"{wait['longest_at']}, {jobs}") for wait, jobs in waits],
        )
    yield _at_most(
        "time to insert jobs through the ORM, head / 2.9",
        1.3,
        ((after / before, generation) for generation, (before, after) in site["insert"]["seconds"].items()),
    )
    disk = site["disk_mb"]
    yield _at_most("disk space, head / 2.9", 1.1, [(disk["after"] / disk["before"], "all tables")])
    full, slim = figures["listing"]["full"], figures["listing"]["slim"]
    yield _at_least("time of a listing, full / slim", 50, [(full["ms"] / slim["ms"], "datasets")])
    yield _at_least("peak memory of a listing, full / slim", 20, [(full["peak_mb"] / slim["peak_mb"], "datasets")])
    growing = [kind for kind, numbers in figures["statements"].items() if len(set(numbers.values())) > 1]
    found = ", ".join(growing) or "equal"
    yield Target("statements to delete an object, for any number of jobs", "equal", found, not growing)


def _path_targets(figures: Figures, site: dict[str, Any]) -> Iterator[Target]:
    large = [path for path in site["paths"] if path["kind"] == "delete" or path["table"] in LARGE_TABLES]
    yield _at_least(
        "paths over jobs, datasets and steps, and deletions: 2.9 / head", 50, _ratios(large, "before", "after")
    )
    every_size = (_ratios(each["paths"], "after", "before", f", {each['jobs']:,} jobs") for each in figures["sites"])
    yield _at_most("any path at any size: head / 2.9", 1.1, chain.from_iterable(every_size))
    reading = [path for path in site["paths"] if path["kind"] == "read"]
    yield _at_most("reading at head: path / same rows by primary key", 3, _ratios(reading, "after", "limit"))
    if smaller := next_smaller(figures, site):
        grown = [{**path, "smaller": smaller[path["path"]]["after"]} for path in reading]
        yield _at_most("reading at head: growth from the next smaller site", 1.5, _ratios(grown, "after", "smaller"))


def _ratios(paths: Iterable[Row], upper: str, lower: str, suffix: str = "") -> Iterator[tuple[float, str]]:
    return ((path[upper] / path[lower], f"{path['path']}{suffix}") for path in paths)


def next_smaller(figures: Figures, site: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Paths, by name, of the largest of the smaller sites, if one was measured."""
    smaller = [each for each in figures["sites"] if each["jobs"] < site["jobs"]]
    largest = max(smaller, key=lambda each: int(each["jobs"]), default=None)
    return {path["path"]: path for path in largest["paths"]} if largest else {}


def _at_least(name: str, wanted: float, found: Iterable[tuple[float, str]]) -> Target:
    worst, where = min(found)
    return Target(name, f"≥ {wanted:g}", f"{worst:,.1f} ({where})", worst >= wanted)


def _at_most(name: str, wanted: float, found: Iterable[tuple[float, str]]) -> Target:
    worst, where = max(found)
    return Target(name, f"≤ {wanted:g}", f"{worst:,.2f} ({where})", worst <= wanted)

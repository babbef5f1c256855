"""What was measured: tables for the terminal, and how far it is from what the project has set itself."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from math import floor, log10
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

Figures = dict[str, Any]
"""All that one run has measured, as it is written to a file."""

LARGE_TABLES = {"applyworkflow", "jobv2", "dataset", "datasetv2", "workflowtask", "workflowtaskv2"}
"""Paths over these, and all deletions, read whole tables at 2.9."""


@dataclass(frozen=True)
class Target:
    """One thing that the project has set itself."""

    name: str
    wanted: str
    found: str
    reached: bool

    def as_json(self) -> dict[str, Any]:
        """As it is written to a file."""
        return asdict(self)


def targets(figures: Figures) -> Iterator[Target]:
    """Compare the largest site with what is wanted of one with a million jobs."""
    site = figures["sites"][-1]
    paths = site["paths"]
    yield _at_least(
        "speed-up of paths over jobs, datasets and steps, and of deletions",
        50,
        ((path["before"] / path["after"], path["path"]) for path in paths if _is_large(path)),
    )
    yield _at_most(
        "slow-down of any path, at any size",
        1.1,
        (
            (path["after"] / path["before"], f"{path['path']}, {each['jobs']:,} jobs")
            for each in figures["sites"]
            for path in each["paths"]
        ),
    )
    reading = [path for path in paths if path["kind"] == "read"]
    yield _at_most(
        "reading, by the time for the same rows by primary key",
        3,
        ((path["after"] / path["limit"], path["path"]) for path in reading),
    )
    smaller = {path["path"]: path for path in _tenth(figures, site)}
    if smaller:
        yield _at_most(
            "growth of reading with ten times the jobs",
            1.5,
            ((path["after"] / smaller[path["path"]]["after"], path["path"]) for path in reading),
        )
    upgrade = site["upgrade"]
    for client, wanted in (("reader", 100), ("writer", 1000)):
        longest = upgrade[client]["longest_ms"]
        yield Target(
            f"longest wait of a {client} during the upgrade",
            f"≤ {wanted:,} ms",
            f"{longest:,.0f} ms ({upgrade[client]['longest_at']})",
            longest <= wanted,
        )
    yield _at_most(
        "inserting jobs through the ORM, by the time at 2.9",
        1.3,
        ((after / before, generation) for generation, (before, after) in site["insert"]["seconds"].items()),
    )
    disk = site["disk_mb"]
    yield _at_most("disk, by that at 2.9", 1.1, [(disk["after"] / disk["before"], "all tables")])
    full, slim = figures["listing"]["full"], figures["listing"]["slim"]
    yield _at_least("speed-up of a slim listing", 50, [(full["ms"] / slim["ms"], "datasets")])
    yield _at_least(
        "memory of a full listing, by that of a slim one", 20, [(full["peak_mb"] / slim["peak_mb"], "peak")]
    )
    growing = [kind for kind, numbers in figures["statements"].items() if len(set(numbers.values())) > 1]
    yield Target(
        "statements to delete an object, whatever the number of its jobs",
        "equal",
        ", ".join(growing) or "equal",
        not growing,
    )


def _is_large(path: dict[str, Any]) -> bool:
    return path["kind"] == "delete" or path["table"] in LARGE_TABLES


def _tenth(figures: Figures, site: dict[str, Any]) -> list[dict[str, Any]]:
    """The paths of the site that is a tenth of this one."""
    return next((each["paths"] for each in figures["sites"] if each["jobs"] * 10 == site["jobs"]), [])


def _at_least(name: str, wanted: float, found: Iterable[tuple[float, str]]) -> Target:
    worst, where = min(found)
    return Target(name, f"≥ {wanted:g}", f"{worst:,.1f} ({where})", worst >= wanted)


def _at_most(name: str, wanted: float, found: Iterable[tuple[float, str]]) -> Target:
    worst, where = max(found)
    return Target(name, f"≤ {wanted:g}", f"{worst:,.2f} ({where})", worst <= wanted)


def show(figures: Figures, console: Console) -> None:
    """Print everything."""
    for site in figures["sites"]:
        console.print(_paths(figures, site))
        console.print(_rest(site))
    console.print(_listing(figures["listing"]))
    console.print(_statements(figures["statements"]))
    console.print(_targets(figures["targets"]))


def _table(title: str, first: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    table.add_column(first, no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _paths(figures: Figures, site: dict[str, Any]) -> Table:
    """The paths of one site; by how much they grow, in relation to the site that is a tenth of it."""
    smaller = {path["path"]: path for path in _tenth(figures, site)}
    growth = ("2.9 grows", "head grows") if smaller else ()
    table = _table(
        f"{site['jobs']:,} jobs of each generation: median times in ms",
        "path",
        "rows",
        "2.9",
        "head",
        "2.9 / head",
        "by key",
        "head / by key",
        *growth,
    )
    for path in site["paths"]:
        limit = path["limit"]
        before = smaller.get(path["path"])
        table.add_row(
            path["path"],
            f"{path['rows']:g}" if path["kind"] == "read" else "",
            _digits(path["before"]),
            _digits(path["after"]),
            _digits(path["before"] / path["after"]),
            _digits(limit) if limit else "",
            f"{path['after'] / limit:.2f}" if limit else "",
            *(f"{path[when] / before[when]:.2f}" for when in ("before", "after") if before),
        )
    return table


def _digits(number: float) -> str:
    """Three significant digits, but no more than three behind the point."""
    return f"{number:,.{min(3, max(0, 2 - floor(log10(number))))}f}"


def _rest(site: dict[str, Any]) -> Table:
    table = _table(f"{site['jobs']:,} jobs of each generation", "", "2.9", "head", "ratio")
    disk = site["disk_mb"]
    rows = [("disk, MB", disk["before"], disk["after"])]
    for generation, (before, after) in site["insert"]["seconds"].items():
        rows.append((f"insert {site['insert']['jobs'] // 2:,} jobs ({generation}), s", before, after))
    for name, before, after in rows:
        table.add_row(name, f"{before:,.1f}", f"{after:,.1f}", f"{after / before:.3f}")
    upgrade = site["upgrade"]
    table.add_row("upgrade, s", "", f"{upgrade['seconds']:,.1f}")
    for client in ("reader", "writer"):
        waits = upgrade[client]
        table.add_row(
            f"longest wait of a {client} before, and during the upgrade, ms",
            f"{waits['longest_before_ms']:,.0f}",
            f"{waits['longest_ms']:,.0f}",
        )
    return table


def _listing(listing: dict[str, Any]) -> Table:
    title = f"Listing {listing['datasets']:,} datasets with {listing['images']:,} images each"
    table = _table(title, "", "full", "slim", "ratio")
    for name, key in (("time, ms", "ms"), ("peak memory, MB", "peak_mb")):
        full, slim = listing["full"][key], listing["slim"][key]
        table.add_row(name, f"{full:,.2f}", f"{slim:,.2f}", f"{full / slim:,.0f}")
    return table


def _statements(statements: dict[str, dict[int, int]]) -> Table:
    numbers = list(next(iter(statements.values())))
    table = _table("Statements of session.delete and commit", "", *(f"{number:,} jobs" for number in numbers))
    for kind, counts in statements.items():
        table.add_row(kind, *(str(counts[number]) for number in numbers))
    return table


def _targets(found: list[dict[str, Any]]) -> Table:
    table = Table(title="What is wanted at 1,000,000 jobs", title_justify="left", box=SIMPLE_HEAD)
    for column in ("", "wanted", "worst found", ""):
        table.add_column(column)
    for target in found:
        mark = "reached" if target["reached"] else "[red]missed[/red]"
        table.add_row(target["name"], target["wanted"], target["found"], mark)
    return table

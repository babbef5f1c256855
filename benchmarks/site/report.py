"""Tables of all figures, for the terminal."""

from collections.abc import Iterator
from typing import Any

from rich.table import Table

from benchmarks.core import Row, table
from benchmarks.site.targets import Figures, next_smaller

PATH_HEADINGS = {
    "path": "path",
    "rows": "rows",
    "before": "2.9",
    "after": "head",
    "speed_up": "2.9 / head",
    "limit": "by key",
    "slow_down": "head / by key",
}
GROWTH_HEADINGS = {"growth_before": "2.9 grows", "growth_after": "head grows"}
COMPARISON_HEADINGS = {"name": "", "before": "2.9", "after": "head", "ratio": "ratio"}
LISTING_HEADINGS = {"name": "", "full": "full", "slim": "slim", "ratio": "ratio"}
PART_HEADINGS = {
    "part": "upgrade",
    "seconds": "s",
    "reader_longest_ms": "longest response of a reader, ms",
    "writer_longest_ms": "of a writer, ms",
}
TARGET_HEADINGS = {"name": "", "wanted": "target", "found": "worst found", "mark": ""}


def report(figures: Figures) -> Iterator[Table]:
    """Generate all tables."""
    for site in figures["sites"]:
        size = f"{site['jobs']:,} jobs of each version"
        smaller = next_smaller(figures, site)
        headings = PATH_HEADINGS | (GROWTH_HEADINGS if smaller else {})
        yield table(
            [path_row(path, smaller.get(path["path"])) for path in site["paths"]], headings, f"{size}: median ms"
        )
        yield table(comparisons(site), COMPARISON_HEADINGS, size)
        yield table(site["upgrade"]["parts"], PART_HEADINGS, f"{size}: upgrade while clients read and write")
    listing = figures["listing"]
    title = f"Listing {listing['datasets']:,} datasets with {listing['images']:,} images each"
    yield table(_listings(listing), LISTING_HEADINGS, title)
    yield _statements(figures["statements"])
    marked = [{**target, "mark": "reached" if target["reached"] else "[red]missed[/]"} for target in figures["targets"]]
    jobs = figures["sites"][-1]["jobs"]
    yield table(marked, TARGET_HEADINGS, f"Targets for 1,000,000 jobs, compared with {jobs:,}")


def path_row(path: Row, smaller: Row | None = None) -> Row:
    """Row of an access path, with its growth from a smaller site."""
    row = {**path, "speed_up": path["before"] / path["after"]}
    if path["kind"] == "read":
        row["slow_down"] = path["after"] / path["limit"]
    else:
        row |= {"rows": "", "limit": ""}
    if smaller:
        row |= {f"growth_{when}": path[when] / smaller[when] for when in ("before", "after")}
    return row


def comparisons(site: dict[str, Any]) -> Iterator[Row]:
    """Generate the rows of disk space, inserts and the upgrade."""
    insert, upgrade = site["insert"], site["upgrade"]
    pairs = {"disk, MB": (site["disk_mb"]["before"], site["disk_mb"]["after"])}
    pairs |= {
        f"insert {insert['jobs'] // 2:,} jobs ({generation}), s": seconds
        for generation, seconds in insert["seconds"].items()
    }
    for name, (before, after) in pairs.items():
        yield {"name": name, "before": before, "after": after, "ratio": after / before}
    yield {"name": "upgrade, s", "after": upgrade["seconds"]}
    for client in ("reader", "writer"):
        name = f"longest response of a {client} before and during the upgrade, ms"
        yield {"name": name, "before": upgrade[client]["longest_before_ms"], "after": upgrade[client]["longest_ms"]}


def _listings(listing: dict[str, Any]) -> Iterator[Row]:
    for name, key in (("time, ms", "ms"), ("peak memory, MB", "peak_mb")):
        full, slim = listing["full"][key], listing["slim"][key]
        yield {"name": name, "full": full, "slim": slim, "ratio": full / slim}


def _statements(statements: dict[str, dict[int, int]]) -> Table:
    numbers = next(iter(statements.values()))
    headings = {"name": "", **{str(number): f"{int(number):,} jobs" for number in numbers}}
    rows = [{"name": kind, **{str(key): count for key, count in counts.items()}} for kind, counts in statements.items()]
    return table(rows, headings, "Statements of session.delete and commit")

"""The site benchmark runs on both engines with a valid site and equivalent queries; figures are not tested."""

import json
from pathlib import Path
from typing import Any

import pytest
from rich.progress import Progress

from benchmarks.site import __main__ as benchmark
from benchmarks.site import upgrade as upgrading
from benchmarks.site.fill import fill, row_counts
from benchmarks.site.layout import Site
from benchmarks.site.measure import Database
from benchmarks.site.paths import PATHS, Deletion, Reading
from benchmarks.site.rows import tables
from benchmarks.site.targets import targets
from fractal_models.database import create_engine
from fractal_models.database.revisions.history import BASELINE, pending
from fractal_models.testing.databases import Databases
from tests.support.databases import upgrade


@pytest.mark.parametrize("engine", ["postgresql", pytest.param("sqlite", marks=pytest.mark.thorough)])
def test_benchmark_measures_a_site_before_and_after_the_upgrade(
    engine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, thorough: bool
) -> None:
    monkeypatch.setattr(benchmark, "REFERRING_JOBS", (2, 20))
    monkeypatch.setattr(benchmark, "LISTED_DATASETS", 5)
    monkeypatch.setattr(upgrading, "WARM_UP", 0.1)
    file, picture = tmp_path / "figures.json", tmp_path / "picture.svg"
    drawn = ["--picture", str(picture)] if thorough else []
    small = ["--jobs", "60", "--rounds", "1", "--inserts", "10", "--images", "5"]

    benchmark.main([*small, "--engine", engine, "--json", str(file), *drawn])

    printed = capsys.readouterr().out
    written = json.loads(file.read_text())
    figures = written["results"]
    (site,) = figures["sites"]
    assert engine in written["versions"]
    assert site["rows"]["jobv2"] == site["rows"]["applyworkflow"] == 60
    assert [path["path"] for path in site["paths"]] == list(PATHS)
    assert all(path["before"] > 0 and path["after"] > 0 for path in site["paths"])
    assert min(site["upgrade"][client]["answers"] for client in ("reader", "writer")) > 0
    parts = site["upgrade"]["parts"]
    assert [part["part"] for part in parts] == ["checks", *(script.revision for script in pending(BASELINE))]
    assert sum(part["seconds"] for part in parts) == pytest.approx(site["upgrade"]["seconds"])
    assert max(part["reader_longest_ms"] for part in parts) == site["upgrade"]["reader"]["longest_ms"]
    assert [counts["2"] - counts["20"] for counts in figures["statements"].values()] == [0] * 6
    assert all(target["name"] for target in figures["targets"])
    assert "60 jobs of each version" in printed
    assert not drawn or "jobs of a project, newest 25" in picture.read_text()


def test_benchmark_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        benchmark.main(["--help"])

    assert "python -m benchmarks.site --jobs 100000 1000000" in capsys.readouterr().out


@pytest.fixture
def site_database(databases: Databases) -> Any:
    """A small site at 2.9, and its layout."""
    url = databases.create()
    upgrade(url, BASELINE)
    engine = create_engine(url)
    site = Site(300)
    with Progress(disable=True) as progress:
        fill(engine, site, progress)
    engine.dispose()
    database = Database(url)
    yield database, site
    database.close()
    databases.drop(url)


def test_site_has_the_rows_that_it_promises(site_database: tuple[Database, Site]) -> None:
    database, site = site_database

    found = row_counts(database.engine)

    assert found == {table.name: table.number for table in tables(site)}
    assert min(found.values()) > 0


def test_site_refers_to_no_row_that_is_not_there(site_database: tuple[Database, Site]) -> None:
    database, _ = site_database
    url = database.engine.url

    # The upgrade checks the data rules of all revisions, and validates every foreign key.
    upgrade(url)

    assert row_counts(database.engine)["jobv2"] == 300


def test_limit_of_a_path_is_its_own_rows(site_database: tuple[Database, Site]) -> None:
    database, site = site_database
    for name, path in PATHS.items():
        if isinstance(path, Reading):
            anchor = site.anchors(str(path.anchor.__tablename__))[0]
            rows = database.rows(database.sql(path.statement(anchor)))
            keys = [key for (key,) in database.rows(database.sql(path.keys(anchor)))]

            limit = database.rows(database.sql(path.by_primary_key(keys)))

            assert sorted(map(str, limit)) == sorted(map(str, rows)), name


def test_what_a_deletion_did_is_undone(site_database: tuple[Database, Site]) -> None:
    database, site = site_database
    before = row_counts(database.engine)
    for path in PATHS.values():
        if isinstance(path, Deletion):
            anchor = site.anchors(str(path.anchor.__tablename__))[0]
            assert database.delete_ms([*path.clearing(anchor), *path.statements(anchor)]) > 0

    assert row_counts(database.engine) == before


def figures_with(**changes: Any) -> dict[str, Any]:
    """Figures that reach every target, except for the changes."""
    path = {"path": "jobs", "kind": "read", "table": "jobv2", "before": 100.0, "after": 1.0, "limit": 0.5}
    waits = {"longest_ms": 50.0, "longest_at": "jobv2"}
    site = {
        "jobs": 1_000_000,
        "paths": [{**path, **changes}],
        "upgrade": {"reader": waits, "writer": waits},
        "insert": {"seconds": {"v2": [10.0, 11.0]}},
        "disk_mb": {"before": 100.0, "after": 105.0},
    }
    smaller = {"jobs": 100_000, "paths": [path], "upgrade": {"reader": waits, "writer": waits}}
    listing = {"full": {"ms": 1000.0, "peak_mb": 100.0}, "slim": {"ms": 1.0, "peak_mb": 1.0}}
    return {"sites": [smaller, site], "listing": listing, "statements": {"dataset": {10: 4, 10_000: 4}}}


def missed(figures: dict[str, Any]) -> list[str]:
    return [target.name for target in targets(figures) if not target.reached]


def test_good_figures_reach_every_target() -> None:
    assert missed(figures_with()) == []


@pytest.mark.parametrize(
    ("changes", "target"),
    [
        ({"before": 49.0}, "paths over jobs, datasets and steps, and deletions: 2.9 / head"),
        ({"limit": 0.3}, "reading at head: path / same rows by primary key"),
        ({"before": 200.0, "after": 1.6, "limit": 1.0}, "reading at head: growth from the next smaller site"),
    ],
)
def test_bad_figures_miss_their_target(changes: dict[str, float], target: str) -> None:
    assert missed(figures_with(**changes)) == [target]

"""The benchmark of copies runs in both directions; figures are not tested."""

import json
from pathlib import Path

import pytest

from benchmarks.copies import __main__ as benchmark
from benchmarks.copies.loops import ALL
from fractal_models.tables import METADATA


@pytest.mark.thorough
def test_benchmark_measures_both_directions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, picture = tmp_path / "figures.json", tmp_path / "picture.svg"

    benchmark.main(["--rows", "100", "--json", str(file), "--picture", str(picture)])

    figures = json.loads(file.read_text())
    assert [row["direction"] for row in figures["results"]] == ["PostgreSQL → SQLite", "SQLite → PostgreSQL"]
    for row in figures["results"]:
        assert row["rows"] == 100
        assert min(row[name] for name in ("bare_seconds", "copy_seconds", "verify_seconds", "memory_mb", "mb")) > 0
    assert "copy / bare" in capsys.readouterr().out
    assert "seconds for 100 jobs" in picture.read_text()


def test_bare_loops_copy_every_table() -> None:
    assert {rows.table.name for rows in ALL} == METADATA.tables.keys()

"""Benchmarks run and compare equal work; figures are not tested."""

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from benchmarks import models
from benchmarks.models import BareJob, Rows
from fractal_models.models import ApplyWorkflow


def test_benchmark_prints_a_table_and_writes_its_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, thorough: bool
) -> None:
    file = tmp_path / "figures.json"
    number = 4 if thorough else 2
    if not thorough:  # The others start processes.
        every = models.comparisons
        monkeypatch.setattr(models, "comparisons", lambda rows, folder: every(rows, folder)[1:3])

    models.main(["--rows", "20", "--rounds", "1", "--json", str(file)])

    printed = capsys.readouterr().out
    figures = json.loads(file.read_text())
    assert len(figures["results"]) == number
    for result in figures["results"]:
        assert result["name"] in printed
        assert result["ratio"] == pytest.approx(result["own_ms"] / result["other_ms"], rel=0.05)
    assert figures["versions"].keys() >= {"python", "sqlmodel", "sqlalchemy"}


def test_benchmark_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        models.main(["--help"])

    assert {"--rows", "--rounds", "--json"} <= set(capsys.readouterr().out.replace("[", " ").split())


def test_bare_class_has_the_columns_of_the_job() -> None:
    def columns(cls: type[ApplyWorkflow] | type[BareJob]) -> set[tuple[str, bool, bool]]:
        return {(c.name, bool(c.nullable), c.primary_key) for c in sa.inspect(cls).columns}

    assert columns(BareJob) == columns(ApplyWorkflow)


def test_both_classes_store_and_load_the_same_rows() -> None:
    rows = Rows(3)
    for cls in (ApplyWorkflow, BareJob):
        rows.write(cls)
        rows.read(cls)
    names = [column.name for column in sa.inspect(BareJob).columns if column.name != "start_timestamp"]

    with rows.engine.connect() as connection:
        stored = [
            connection.execute(sa.text(f"SELECT {', '.join(names)} FROM {table}")).all()
            for table in ("applyworkflow", "barejob")
        ]

    rows.engine.dispose()
    assert len(stored[0]) == 3
    assert stored[0] == stored[1]

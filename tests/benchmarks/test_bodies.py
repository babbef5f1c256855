"""The benchmark of bodies runs and compares equal work; figures are not tested."""

import json
from pathlib import Path

import pytest
from pydantic import TypeAdapter
from sqlmodel import Session, select

from benchmarks import bodies
from benchmarks.bodies import PlainWorkflow, create_workflows, write_json
from fractal_models.models import WorkflowV2
from fractal_models.schemas.v2 import WorkflowReadV2


def test_benchmark_prints_a_table_and_writes_its_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "figures.json"

    bodies.main(["--rows", "3", "--rounds", "1", "--json", str(file)])

    (result,) = json.loads(file.read_text())["results"]
    assert result["name"] in capsys.readouterr().out
    assert result["ratio"] == pytest.approx(result["own_ms"] / result["other_ms"], rel=0.05)


def test_both_classes_write_the_same_json(session: Session) -> None:
    create_workflows(session, 2)
    rows = session.exec(select(WorkflowV2)).all()
    written = [
        json.loads(write_json(TypeAdapter(list[body]), rows))  # type: ignore[valid-type]
        for body in (WorkflowReadV2, PlainWorkflow)
    ]
    assert written[0] == written[1]
    assert len(written[0][1]["task_list"]) == bodies.STEPS

"""Pydantic bases and enumerations, shared by API bodies and tables."""

from enum import Enum
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from fractal_models.models import ApplyWorkflow, Dataset, Project, Resource, Task, Workflow, WorkflowTask
from fractal_models.schemas.v1 import (
    JobStatusTypeV1,
    WorkflowTaskStatusTypeV1,
    _ApplyWorkflowBaseV1,
    _DatasetBaseV1,
    _ProjectBaseV1,
    _ResourceBaseV1,
    _TaskBaseV1,
    _WorkflowBaseV1,
    _WorkflowTaskBaseV1,
)
from fractal_models.schemas.v2 import (
    JobStatusTypeV2,
    TaskGroupActivityActionV2,
    TaskGroupActivityStatusV2,
    TaskGroupV2OriginEnum,
    WorkflowTaskStatusTypeV2,
)

STATUS = {"SUBMITTED": "submitted", "DONE": "done", "FAILED": "failed"}

ENUMERATIONS: dict[type[Enum], dict[str, str]] = {
    JobStatusTypeV1: STATUS,
    JobStatusTypeV2: STATUS,
    WorkflowTaskStatusTypeV1: STATUS,
    WorkflowTaskStatusTypeV2: STATUS,
    TaskGroupV2OriginEnum: {"PYPI": "pypi", "WHEELFILE": "wheel-file", "OTHER": "other"},
    TaskGroupActivityStatusV2: {"PENDING": "pending", "ONGOING": "ongoing", "FAILED": "failed", "OK": "OK"},
    TaskGroupActivityActionV2: {"COLLECT": "collect", "DEACTIVATE": "deactivate", "REACTIVATE": "reactivate"},
}

FIELDS: dict[type[BaseModel], tuple[type, dict[str, Any], dict[str, Any]]] = {
    _ApplyWorkflowBaseV1: (ApplyWorkflow, {}, {"worker_init": None}),
    _DatasetBaseV1: (Dataset, {"name": "n"}, {"type": None, "meta": {}, "history": [], "read_only": False}),
    _ResourceBaseV1: (Resource, {"path": "/data"}, {}),
    _ProjectBaseV1: (Project, {"name": "n"}, {"read_only": False}),
    _TaskBaseV1: (Task, {"source": "s"}, {}),
    _WorkflowBaseV1: (Workflow, {"name": "n"}, {}),
    _WorkflowTaskBaseV1: (WorkflowTask, {}, {"meta": None, "args": None}),
}
"""Table, required values and optional values of each base."""


@pytest.mark.parametrize("enumeration", ENUMERATIONS)
def test_enumerations_are_texts_and_print_their_names(enumeration: type[Enum]) -> None:
    members = {member.name: member.value for member in enumeration}
    assert members == ENUMERATIONS[enumeration]
    for member in enumeration:
        assert isinstance(member, str)
        assert str(member) == f"{member}" == f"{enumeration.__name__}.{member.name}"
        assert member == member.value
        assert enumeration(member.value) is member


@pytest.mark.parametrize("base", FIELDS)
def test_bases_are_shared_by_tables_and_bodies(base: type[BaseModel]) -> None:
    table, needed, defaults = FIELDS[base]
    assert issubclass(table, base)
    assert base(**needed).model_dump() == needed | defaults
    if needed:
        with pytest.raises(ValidationError, match="Field required"):
            base()


def test_defaults_of_bases_are_fresh() -> None:
    one, other = _DatasetBaseV1(name="one"), _DatasetBaseV1(name="other")
    one.meta["a"] = 1
    one.history.append({})
    assert (other.meta, other.history) == ({}, [])


def test_a_source_is_stripped_and_never_empty() -> None:
    assert _TaskBaseV1(source=" package:task\n").source == "package:task"
    for empty in ("", " \t\n"):
        with pytest.raises(ValidationError, match="String should have at least 1 character"):
            _TaskBaseV1(source=empty)


def test_arguments_hold_no_reserved_names() -> None:
    for allowed in (None, {}, {"a": {"component": 1}}):
        assert _WorkflowTaskBaseV1(args=allowed).args == allowed
    with pytest.raises(
        ValidationError,
        match="args should not contain reserved arguments, which the runner sets: input_paths, output_path",
    ):
        _WorkflowTaskBaseV1(args={"output_path": "", "input_paths": [], "a": 1})

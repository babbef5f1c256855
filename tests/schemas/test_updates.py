"""Updates: omitted fields keep their values, and null is valid for nullable columns only."""

from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import BaseModel, ValidationError
from sqlmodel import Session

from fractal_models.models import Project, TaskV2
from fractal_models.schemas.body import Update
from fractal_models.schemas.v1 import ProjectUpdateV1
from fractal_models.types import JSONArray, JSONObject
from tests.schemas.test_fields import STEP
from tests.support.bodies import REQUIRED, UPDATES, least_row, model_of

NO_COLUMNS = {"password", "reordered_workflowtask_ids"}

CHANGES = {update: body for update, body in UPDATES.items() if body._table}
"""Updates of one row each."""

FIELDS = [(update, name) for update, body in CHANGES.items() for name in body.model_fields]

KEPT = {
    # The API requires these columns, which are nullable in the database.
    ("DatasetUpdateV1", "meta"),
    ("TaskUpdateV2", "command_non_parallel"),
    ("TaskUpdateV2", "command_parallel"),
    ("TaskUpdateV2", "input_types"),
    ("TaskUpdateV2", "output_types"),
}


@pytest.fixture(params=CHANGES)
def update(request: pytest.FixtureRequest) -> type[Update]:
    return UPDATES[request.param]


def test_only_what_the_server_requires_has_to_be_given(update: type[Update]) -> None:
    required = REQUIRED.get(update.__name__, {})
    empty = update.model_validate(required)
    assert empty.model_dump(exclude_unset=True) == required
    assert {value for name, value in empty.model_dump().items() if name not in required} <= {None}


def test_every_field_is_a_column(update: type[Update]) -> None:
    assert set(update.model_fields) - NO_COLUMNS <= set(model_of(update).model_fields)


@pytest.mark.parametrize(("update_name", "name"), FIELDS)
def test_null_is_taken_where_the_column_takes_it(update_name: str, name: str) -> None:
    update = UPDATES[update_name]
    column = sa.inspect(model_of(update)).columns.get(name)
    if update_name in REQUIRED:
        with pytest.raises(ValidationError, match=rf"{name}\n  Input should be .*"):
            update.model_validate({name: None})
    elif column is not None and column.nullable and (update_name, name) not in KEPT:
        assert update.model_validate({name: None}).model_dump(exclude_unset=True) == {name: None}
    else:
        with pytest.raises(ValidationError, match=rf"{name}\n  should not be null; omit it to keep the current value"):
            update.model_validate({name: None})


@pytest.mark.parametrize(("update_name", "name"), FIELDS)
def test_the_json_schema_says_so(update_name: str, name: str) -> None:
    schema = UPDATES[update_name].model_json_schema()
    field = schema["properties"][name]
    assert "default" not in field
    assert schema.get("required", []) == [*REQUIRED.get(update_name, ())]
    try:
        UPDATES[update_name].model_validate({name: None})
    except ValidationError:
        assert {"type": "null"} not in field.get("anyOf", [])
    else:
        assert {"type": "null"} in field["anyOf"]


OTHER_VALUES: dict[str, Any] = {
    "email": "other@example.org",
    "docs_link": "https://example.org",
    "status": "failed",
    "filters": {"attributes": {"a": 1}, "types": {"b": True}},
    "input_filters": {"attributes": {"a": 1}, "types": {"b": True}},
    "history": [{"workflowtask": STEP, "status": "done", "parallelization": None}],
    "tags": ["/a"],
    "slurm_accounts": ["/a"],
    "viewer_paths": ["/a"],
    "user_group_id": None,
    "input_types": {"a": True},
    "output_types": {"a": True},
    "read_only": True,
    "is_superuser": True,
    "is_verified": True,
    "is_active": False,
}


def other_value(update: type[Update], name: str) -> Any:
    """Value that is not a default."""
    if name in OTHER_VALUES:
        return OTHER_VALUES[name]
    column = sa.inspect(model_of(update)).columns[name]
    return {"a": 1} if isinstance(column.type, JSONObject | JSONArray) else "/other"


def test_what_is_given_is_all_that_changes(session: Session) -> None:
    for update in CHANGES.values():
        columns = list(sa.inspect(model_of(update)).columns.keys())
        row = least_row(session, model_of(update))
        for name in update.model_fields.keys() - NO_COLUMNS:
            before = {column: getattr(row, column) for column in columns}
            value = other_value(update, name)

            body = update.model_validate(REQUIRED.get(update.__name__, {}) | {name: value})
            row.sqlmodel_update(body.model_dump(exclude_unset=True))
            session.commit()
            session.refresh(row)
            assert {column: getattr(row, column) for column in columns} == before | {name: value}


def test_what_is_left_out_reads_as_none() -> None:
    update = ProjectUpdateV1(read_only=True)
    assert (update.name, update.read_only) == (None, True)


def test_a_default_of_the_table_is_none_of_an_update(session: Session) -> None:
    project = least_row(session, Project)
    project.sqlmodel_update({"read_only": True})
    project.sqlmodel_update(ProjectUpdateV1(name="other").model_dump(exclude_unset=True))
    assert (project.name, project.read_only) == ("other", True)


def test_updates_of_tasks_leave_the_package_alone() -> None:
    task: type[BaseModel] = UPDATES["TaskUpdateV2"]
    assert {"name", "version", "type", "source"} <= set(TaskV2.model_fields) - set(task.model_fields)

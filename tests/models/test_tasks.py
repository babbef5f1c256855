"""Tasks and task groups."""

import logging
from typing import Any

import pytest
from sqlmodel import Session, select

from fractal_models.models import Task, TaskGroupActivityV2, TaskGroupV2, TaskV2
from fractal_models.testing.factories import (
    TaskFactory,
    TaskGroupV2Factory,
    TaskV2Factory,
    UserGroupFactory,
    UserOAuthFactory,
)
from tests.support.databases import saved


@pytest.mark.parametrize(
    ("meta", "level"),
    [(None, None), ({}, None), ({"parallelization_level": None}, None), ({"parallelization_level": "image"}, "image")],
)
def test_a_task_is_parallel_if_it_has_a_parallelization_level(meta: dict[str, Any] | None, level: str | None) -> None:
    task = TaskFactory.build(meta=meta)
    assert task.parallelization_level == level
    assert task.is_parallel is (level is not None)


def test_a_validated_task_has_a_source_that_is_stripped_and_never_empty() -> None:
    values = {"name": "task", "command": "run", "input_type": "image", "output_type": "zarr"}
    assert Task.model_validate(values | {"source": " package:task\n"}).source == "package:task"
    with pytest.raises(ValueError, match="String should have at least 1 character"):
        Task.model_validate(values | {"source": " \t"})


SCHEMA = {
    "properties": {
        "required": {"type": "string"},
        "null": {"default": None},
        "false": {"default": False},
        "zero": {"default": 0},
        "empty": {"default": ""},
        "nested": {"default": {"a": [1]}},
        "anything": True,
    }
}


@pytest.mark.parametrize(
    ("schema", "defaults"),
    [
        (None, {}),
        ({"properties": {}}, {}),
        (SCHEMA, {"false": False, "zero": 0, "empty": "", "nested": {"a": [1]}}),
    ],
)
def test_default_arguments_are_those_of_the_schema_that_are_not_null(
    schema: dict[str, Any] | None, defaults: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    assert TaskFactory.build(args_schema=schema).default_args_from_args_schema == defaults
    assert caplog.records == []


def test_a_schema_without_properties_gives_no_defaults_and_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    task = TaskFactory.build(id=7, name="convert", args_schema={"type": "object"})
    assert task.default_args_from_args_schema == {}
    assert caplog.record_tuples == [
        (
            "fractal_models.models.v1.task",
            logging.WARNING,
            "Task 7 (convert): args_schema has no 'properties', so no defaults.",
        )
    ]


def test_the_key_order_of_a_schema_is_kept(session: Session) -> None:
    task = TaskFactory.create(session, args_schema=SCHEMA)
    assert task.args_schema is not None
    assert list(task.args_schema["properties"]) == list(SCHEMA["properties"])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"version": "1.2"}, "package==1.2"),
        ({"version": "1.2", "pip_extras": "a,b"}, "package[a,b]==1.2"),
        ({"wheel_path": "/w/package-1.2-py3-none-any.whl"}, "/w/package-1.2-py3-none-any.whl"),
        ({"wheel_path": "/w/package.whl", "pip_extras": "a", "version": "1.2"}, "/w/package.whl[a]"),
        ({"wheel_path": "", "version": "1.2"}, "package==1.2"),
    ],
)
def test_a_task_group_says_what_pip_installs(values: dict[str, Any], expected: str) -> None:
    assert TaskGroupV2Factory.build(pkg_name="package", **values).pip_install_string == expected


def test_a_task_group_without_wheel_and_version_cannot_be_installed() -> None:
    group = TaskGroupV2Factory.build(id=3, pkg_name="package", version=None)
    with pytest.raises(
        ValueError, match=r"^Task group 3 \(package\) has neither wheel_path nor version to install from$"
    ):
        _ = group.pip_install_string


@pytest.mark.parametrize(
    ("pinned", "expected"), [(None, ""), ({}, ""), ({"a": "1"}, "a==1"), ({"b": "2.0", "a": "1"}, "b==2.0 a==1")]
)
def test_pinned_packages_are_written_as_arguments(pinned: dict[str, str] | None, expected: str) -> None:
    group = TaskGroupV2Factory.build(pinned_package_versions=pinned)
    assert group.pinned_package_versions_string == expected


@pytest.mark.parametrize("properties", [None, [], "text"])
def test_properties_that_are_no_object_give_no_defaults(properties: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert TaskFactory.build(args_schema={"properties": properties}).default_args_from_args_schema == {}
    assert "has no 'properties'" in caplog.text


def test_tasks_are_deleted_with_their_group_or_when_taken_out(session: Session) -> None:
    owner = UserOAuthFactory.create(session)
    names = ["b", "a", "c"]
    group = TaskGroupV2Factory.build(user_id=owner.id, task_list=[TaskV2Factory.build(name=name) for name in names])
    other = TaskGroupV2Factory.build(user_id=owner.id, task_list=[TaskV2Factory.build(name="other")])
    session.add_all([group, other])
    session.commit()
    assert [task.name for task in group.task_list] == names

    del group.task_list[0]
    session.commit()
    assert [task.name for task in group.task_list] == ["a", "c"]
    session.delete(group)
    session.commit()
    assert session.exec(select(TaskV2.name)).all() == ["other"]


def test_an_activity_outlives_its_group(session: Session) -> None:
    owner = UserOAuthFactory.create(session)
    group = TaskGroupV2Factory.create(session, user_id=owner.id, version="1.2")
    values: dict[str, Any] = {"pkg_name": group.pkg_name, "version": "1.2", "status": "OK", "action": "collect"}
    activity = TaskGroupActivityV2(**values | {"user_id": owner.id, "taskgroupv2_id": group.id})
    saved(session, activity)

    activity.taskgroupv2_id = None
    session.flush()
    session.delete(group)
    session.commit()
    assert session.exec(select(TaskGroupV2)).all() == []
    assert (activity.taskgroupv2_id, activity.pkg_name) == (None, group.pkg_name)


def test_the_owner_of_a_task_group_may_share_it_with_a_group_of_users(session: Session) -> None:
    owner, users = UserOAuthFactory.create(session), UserGroupFactory.create(session)
    group = TaskGroupV2Factory.create(session, user_id=owner.id, user_group_id=users.id)
    assert (group.user_id, group.user_group_id) == (owner.id, users.id)

"""`Base` and the tracked containers: names, conversions, in-place edits, identity, memory."""

import copy
import gc
import pickle
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import InvalidRequestError
from sqlmodel import Session

from fractal_models.models import Dataset, Project, State, WorkflowTask
from fractal_models.testing.factories import (
    DatasetFactory,
    ProjectFactory,
    ResourceFactory,
    TaskFactory,
    UserOAuthFactory,
    WorkflowFactory,
    WorkflowTaskFactory,
)
from fractal_models.tracking import TrackedDict, TrackedList
from tests.support.databases import saved


def test_unknown_names_are_a_type_error_that_lists_them() -> None:
    with pytest.raises(TypeError, match=r"^Project has no column or relationship nmae, titel$"):
        ProjectFactory.build(titel="A", nmae="B")


def test_a_property_is_no_name_to_construct_with() -> None:
    with pytest.raises(TypeError, match=r"^UserOAuth has no column or relationship slurm_user$"):
        UserOAuthFactory.build(slurm_user="alice")


def test_assigning_an_unknown_name_is_an_error() -> None:
    with pytest.raises(ValueError, match='"Project" object has no field "titel"'):
        setattr(ProjectFactory.build(), "titel", "A")  # noqa: B010 (type checkers find it too)


@pytest.mark.parametrize("make", [Project, lambda **values: Project.model_validate(values)])
def test_what_a_validator_makes_of_a_value_is_kept(make: Callable[..., Project]) -> None:
    def strip(_target: Project, value: str, *_: object) -> str:
        return value.strip()

    event.listen(Project.name, "set", strip, retval=True)
    try:
        project = make(name=" constructed ")
        assert project.name == "constructed"
        project.name = " assigned "
        assert project.name == "assigned"
    finally:
        event.remove(Project.name, "set", strip)


def test_what_was_given_is_what_counts_as_set() -> None:
    project = Project(name="project")
    project.read_only = True
    assert project.model_dump(exclude_unset=True) == {"name": "project", "read_only": True}


def test_a_row_dumps_its_json_as_plain_collections() -> None:
    dataset = DatasetFactory.build(meta={"a": 1}, history=[{}])
    dumped = dataset.model_dump(include={"meta", "history"})
    assert (type(dumped["meta"]), type(dumped["history"])) == (dict, list)
    assert dataset.model_dump_json(include={"meta", "history"}) == '{"meta":{"a":1},"history":[{}]}'


def test_rows_are_equal_to_themselves_alone() -> None:
    one, other = ResourceFactory.build(), ResourceFactory.build()
    assert one == one
    assert one != other
    assert len({one, other, one}) == 2


def test_taking_one_of_two_like_entries_out_of_a_list_takes_that_one(session: Session) -> None:
    one, other = ResourceFactory.build(), ResourceFactory.build()
    dataset = DatasetFactory.build(resource_list=[one, other])
    session.add(dataset)

    dataset.resource_list.remove(other)
    session.commit()
    assert dataset.resource_list == [one]


def test_taking_an_expired_entry_out_of_a_list_takes_that_one(session: Session) -> None:
    one, other = ResourceFactory.build(path="/one"), ResourceFactory.build(path="/other")
    dataset = DatasetFactory.create(session, resource_list=[one, other])

    resources = dataset.resource_list
    session.expire(one)
    session.expire(other)
    resources.remove(other)
    session.commit()
    assert [resource.path for resource in dataset.resource_list] == ["/one"]


META: dict[str, Any] = {"b": 1, "a": {"nested": [1]}}
HISTORY: list[Any] = [{"status": "done"}, {"b": 1}, {"a": 2}]


def new(**values: Any) -> Dataset:
    return DatasetFactory.build(**{"meta": copy.deepcopy(META), "history": copy.deepcopy(HISTORY), **values})


def flushed(session: Session) -> Dataset:
    dataset = new()
    session.add(dataset)
    session.flush()
    return dataset


def loaded(session: Session) -> Dataset:
    key = saved(session, new()).id
    session.expunge_all()
    return session.get_one(Dataset, key)


def refreshed(session: Session) -> Dataset:
    dataset = saved(session, new())
    session.refresh(dataset)
    return dataset


def validated(session: Session) -> Dataset:
    project = ProjectFactory.create(session)
    values = {"name": "dataset", "project_id": project.id, "meta": META, "history": HISTORY}
    dataset = Dataset.model_validate(copy.deepcopy(values))
    session.add(dataset)
    session.flush()
    return dataset


def merged(session: Session) -> Dataset:
    dataset = loaded(session)
    session.expunge_all()
    return session.merge(dataset)


def merged_without_load(session: Session) -> Dataset:
    dataset = loaded(session)
    session.expunge_all()
    return session.merge(dataset, load=False)


def unpickled(session: Session) -> Dataset:
    dataset: Dataset = pickle.loads(pickle.dumps(loaded(session)))
    session.expunge_all()
    session.add(dataset)
    return dataset


ORIGINS = [flushed, loaded, refreshed, validated, merged, merged_without_load, unpickled]


@pytest.mark.parametrize("origin", ORIGINS)
def test_edits_in_place_are_saved_wherever_an_object_comes_from(
    session: Session, origin: Callable[[Session], Dataset]
) -> None:
    dataset = origin(session)
    session.flush()

    dataset.meta["new"] = {"c": 3}
    dataset.history.append({"status": "failed"})
    session.commit()
    session.refresh(dataset)
    assert dataset.meta == {**META, "new": {"c": 3}}
    assert dataset.history == [*HISTORY, {"status": "failed"}]


DICT_EDITS: list[Callable[[dict[str, Any]], Any]] = [
    lambda meta: meta.__setitem__("a", 2),
    lambda meta: meta.update({"c": 2}, d=3),
    lambda meta: meta.setdefault("c", []),
    lambda meta: meta.__ior__({"c": 2}),
    lambda meta: meta.__delitem__("a"),
    lambda meta: meta.pop("b"),
    lambda meta: meta.popitem(),
    lambda meta: meta.clear(),
]

LIST_EDITS: list[Callable[[list[Any]], Any]] = [
    lambda history: history.__setitem__(0, {}),
    lambda history: history.__setitem__(slice(0, 2), [{}, {}, {}]),
    lambda history: history.append({}),
    lambda history: history.extend([{}, {}]),
    lambda history: history.insert(1, {}),
    lambda history: history.__iadd__([{}]),
    lambda history: history.__imul__(2),
    lambda history: history.__delitem__(0),
    lambda history: history.__delitem__(slice(1, None)),
    lambda history: history.remove({"b": 1}),
    lambda history: history.pop(),
    lambda history: history.reverse(),
    lambda history: history.sort(key=str),
    lambda history: history.clear(),
]


def test_every_way_to_edit_a_dict_is_saved(session: Session) -> None:
    for edit in DICT_EDITS:
        dataset = loaded(session)
        expected = copy.deepcopy(META)
        edit(expected)
        edit(dataset.meta)
        session.commit()
        session.refresh(dataset)
        assert list(dataset.meta.items()) == list(expected.items())


def test_every_way_to_edit_a_list_is_saved(session: Session) -> None:
    for edit in LIST_EDITS:
        dataset = loaded(session)
        expected = copy.deepcopy(HISTORY)
        edit(expected)
        edit(dataset.history)
        session.commit()
        session.refresh(dataset)
        assert dataset.history == expected


@pytest.mark.parametrize("origin", ORIGINS)
def test_an_edit_further_down_is_not_seen_until_the_attribute_is_assigned_again(
    session: Session, origin: Callable[[Session], Dataset]
) -> None:
    dataset = origin(session)
    session.commit()

    dataset.meta["a"]["nested"].append(2)
    dataset.history[0]["status"] = "failed"
    session.commit()
    assert (dataset.meta, dataset.history) == (META, HISTORY)

    dataset.meta["a"]["nested"].append(2)
    dataset.history[0]["status"] = "failed"
    dataset.meta = dataset.meta
    dataset.history = dataset.history
    session.commit()
    assert dataset.meta["a"] == {"nested": [1, 2]}
    assert dataset.history[0] == {"status": "failed"}


def test_a_collection_that_was_assigned_again_is_still_tracked(session: Session) -> None:
    dataset = loaded(session)
    dataset.meta = dataset.meta
    session.flush()
    dataset.meta["new"] = 1
    session.commit()
    assert dataset.meta == {**META, "new": 1}


def test_an_equal_dict_in_another_order_is_saved(session: Session) -> None:
    dataset = loaded(session)
    dataset.meta = dict(reversed(META.items()))
    session.commit()
    assert list(dataset.meta) == ["a", "b"]


def test_an_equal_value_of_another_type_is_saved(session: Session) -> None:
    dataset = loaded(session)
    dataset.meta = {**META, "b": True}
    session.commit()
    assert dataset.meta["b"] is True


def test_a_collection_of_two_rows_is_saved_in_both(session: Session) -> None:
    one = loaded(session)
    other = new(meta=one.meta)
    session.add(other)
    session.flush()

    one.meta["new"] = 1
    session.commit()
    assert one.meta == other.meta == {**META, "new": 1}


def test_a_collection_that_was_replaced_belongs_to_the_row_no_more(session: Session) -> None:
    dataset = loaded(session)
    replaced = dataset.meta
    dataset.meta = {}
    session.flush()

    replaced["new"] = 1
    assert dataset not in session.dirty


def test_a_collection_outlives_its_row(session: Session) -> None:
    dataset = loaded(session)
    meta, history = dataset.meta, dataset.history
    session.expunge_all()
    del dataset

    meta["new"] = 1
    history.append({})
    assert (meta, history) == ({**META, "new": 1}, [*HISTORY, {}])


def test_a_collection_from_before_a_commit_cannot_be_edited_unnoticed(session: Session) -> None:
    dataset = loaded(session)
    meta = dataset.meta
    session.commit()
    with pytest.raises(InvalidRequestError, match="Can't flag attribute 'meta' modified"):
        meta["new"] = 1


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_copies_of_a_collection_belong_to_no_row(session: Session, duplicate: Callable[[Any], Any]) -> None:
    dataset = loaded(session)
    meta, history = duplicate(dataset.meta), duplicate(dataset.history)
    assert (type(meta), type(history)) == (TrackedDict, TrackedList)

    meta["new"] = 1
    history.append({})
    assert dataset not in session.dirty
    assert (dataset.meta, dataset.history) == (META, HISTORY)


def test_a_workflow_survives_pickling_with_its_steps(session: Session) -> None:
    steps = [WorkflowTaskFactory.build(args={"n": n}) for n in range(3)]
    workflow = WorkflowFactory.create(session, task_list=steps)
    session.refresh(workflow)
    restored = pickle.loads(pickle.dumps(workflow))
    session.expunge_all()
    session.add(restored)

    restored.task_list.insert(0, restored.task_list.pop())
    restored.task_list[0].args["n"] = 20
    session.commit()
    assert [(step.order, step.args) for step in restored.task_list] == [(0, {"n": 20}), (1, {"n": 0}), (2, {"n": 1})]


@pytest.mark.parametrize("origin", ORIGINS)
def test_a_row_is_freed_when_it_is_dropped(session: Session, origin: Callable[[Session], Dataset]) -> None:
    gc.disable()
    try:
        dataset = origin(session)
        dataset.meta["new"] = 1
        session.commit()
        session.refresh(dataset)
        alive = weakref.ref(dataset)
        meta = dataset.meta
        gc.collect(0)  # Whatever refers to the row is young.
        del dataset
        assert alive() is None
    finally:
        gc.enable()
    assert meta["new"] == 1


def test_a_refused_value_leaves_the_old_one(session: Session) -> None:
    step = WorkflowTaskFactory.build(args={"a": 1})
    WorkflowFactory.create(session, task_list=[step])

    with pytest.raises(ValueError, match="component"):
        step.args = {"component": 1}
    assert step.args == {"a": 1}
    step.args["component"] = 1
    with pytest.raises(ValueError, match="component"):
        step.args = step.args
    assert step.args == {"a": 1, "component": 1}
    del step.args["component"]
    step.args["b"] = 2
    session.commit()
    assert step.args == {"a": 1, "b": 2}


def test_columns_and_relationships_can_be_given_by_name(session: Session) -> None:
    project = ProjectFactory.create(session)
    values: dict[str, Any] = {"name": "dataset"}
    by_column = saved(session, Dataset(**values | {"project_id": project.id}))
    by_relationship = saved(session, Dataset(**values | {"project": project}))
    assert by_column.project is by_relationship.project is project


def test_a_row_can_be_built_in_steps(session: Session) -> None:
    step = WorkflowTask(**{})
    step.task = TaskFactory.build()
    step.args = {"a": 1}
    WorkflowFactory.create(session, task_list=[step])
    assert step.args == {"a": 1}


def test_state_keeps_what_a_background_operation_says(session: Session) -> None:
    state = saved(session, State())
    state.data["status"] = "pending"
    session.commit()
    state.data |= {"status": "done", "log": ["one", "two"]}
    session.commit()
    assert state.data == {"status": "done", "log": ["one", "two"]}


@pytest.mark.parametrize("options", ["", ", table=True"])
@pytest.mark.parametrize("body", ["pass", "nickname: str = ''"])
def test_subclass_of_a_table_is_a_type_error_that_says_what_to_do(options: str, body: str) -> None:
    with pytest.raises(TypeError, match=r"^Mine cannot extend table project; define another table with a foreign key"):
        exec(f"class Mine(Project{options}): {body}", {"Project": Project})

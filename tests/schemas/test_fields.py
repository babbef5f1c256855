"""Validation of request bodies."""

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from packaging.utils import InvalidName, canonicalize_name
from packaging.version import InvalidVersion, Version
from pydantic import TypeAdapter, ValidationError

from fractal_models.schemas.fields import MAX_DEPTH, PackageName, PackageVersion
from tests.support.bodies import BODIES, LEAST, MAX, REQUIRED, WRITES

NUL = "should not contain NUL characters, which PostgreSQL cannot store"
SURROGATE = "should not contain lone surrogates, which are not valid Unicode"
NAN = "should not contain NaN or Infinity, which JSON cannot represent; use null or text"
EMPTY = "String should have at least 1 character"
RELATIVE = "should be an absolute path, such as /data/plate-1"
NO_ZARR = "should be an absolute path or a URL such as s3://bucket/folder"
NO_LINK = "should be a URL that starts with http:// or https://"
REPEATED = "should not contain duplicates"
UNKNOWN = "Extra inputs are not permitted"
TOO_LARGE = "Input should be less than or equal to 2147483647"

NAMES = [
    *((body, name) for body in ("ApplyWorkflowCreateV1", "JobCreateV2") for name in ("slurm_account", "worker_init")),
    ("DatasetCreateV1", "name"),
    ("DatasetCreateV1", "type"),
    ("DatasetUpdateV1", "name"),
    ("DatasetUpdateV1", "type"),
    ("DatasetCreateV2", "name"),
    ("DatasetImportV2", "name"),
    ("DatasetUpdateV2", "name"),
    ("ProjectCreateV1", "name"),
    ("ProjectUpdateV1", "name"),
    ("ProjectCreateV2", "name"),
    ("ProjectUpdateV2", "name"),
    *((body, name) for body in ("TaskCreateV1", "TaskUpdateV1") for name in ("name", "source", "command", "version")),
    *((body, name) for body in ("TaskCreateV1", "TaskUpdateV1") for name in ("input_type", "output_type")),
    *(("TaskCreateV2", name) for name in ("name", "version", "args_schema_version")),
    *(("TaskGroupCreateV2", name) for name in ("pkg_name", "version")),
    *(("TaskImportV2", name) for name in ("name", "pkg_name", "version")),
    *(("TaskImportV1", name) for name in ("source",)),
    *(("TaskCollectCustomV2", name) for name in ("label", "version")),
    ("WorkflowImportV1", "name"),
    ("WorkflowImportV2", "name"),
    *(
        (body, name)
        for body in ("TaskCreateV2", "TaskUpdateV2")
        for name in ("command_parallel", "command_non_parallel", "category", "modality", "authors")
    ),
    ("UserCreate", "username"),
    ("UserUpdate", "username"),
    ("UserGroupCreate", "name"),
    *(("UserSettingsUpdate", name) for name in ("ssh_host", "ssh_username", "slurm_user")),
    ("WorkflowCreateV1", "name"),
    ("WorkflowUpdateV1", "name"),
    ("WorkflowCreateV2", "name"),
    ("WorkflowUpdateV2", "name"),
]

TEXTS = [
    ("TaskCreateV1", "docs_info"),
    ("TaskUpdateV1", "docs_info"),
    ("TaskCreateV2", "docs_info"),
    ("TaskGroupCreateV2", "pip_freeze"),
]

PATHS = [
    ("ResourceCreateV1", "path"),
    ("ResourceUpdateV1", "path"),
    *(("TaskGroupCreateV2", name) for name in ("path", "venv_path", "wheel_path")),
    *(
        ("UserSettingsUpdate", name)
        for name in ("ssh_private_key_path", "ssh_tasks_dir", "ssh_jobs_dir", "cache_dir", "project_dir")
    ),
]

ZARRS = [("DatasetCreateV2", "zarr_dir"), ("DatasetImportV2", "zarr_dir"), ("DatasetUpdateV2", "zarr_dir")]
ZARRS += [("SingleImage", "zarr_url"), ("SingleImage", "origin")]

LINKS = [("TaskCreateV1", "docs_link"), ("TaskUpdateV1", "docs_link"), ("TaskCreateV2", "docs_link")]

DICTS = [
    ("DatasetCreateV1", "meta"),
    ("DatasetUpdateV1", "meta"),
    *((body, name) for body in ("TaskCreateV1", "TaskUpdateV1") for name in ("meta", "args_schema")),
    *(("TaskCreateV2", name) for name in ("meta_parallel", "meta_non_parallel")),
    *(("TaskCreateV2", name) for name in ("args_schema_parallel", "args_schema_non_parallel")),
    *((body, name) for body in ("WorkflowTaskCreateV1", "WorkflowTaskUpdateV1") for name in ("meta", "args")),
    *(
        (body, name)
        for body in ("WorkflowTaskCreateV2", "WorkflowTaskUpdateV2")
        for name in ("meta_parallel", "meta_non_parallel", "args_parallel", "args_non_parallel")
    ),
]

TYPES = [("Filters", "types"), ("SingleImage", "types"), ("TaskCreateV2", "input_types")]
TYPES += [("TaskCreateV2", "output_types"), ("TaskUpdateV2", "input_types"), ("TaskUpdateV2", "output_types")]

LEAST_OF = (
    {body.__name__: values for body, values in LEAST.items()} | REQUIRED | {"SingleImage": {"zarr_url": "/image"}}
)


def accept(body: str, **values: Any) -> Any:
    """Return the validated value of the last field."""
    checked = WRITES[body].model_validate(LEAST_OF.get(body, {}) | values)
    return getattr(checked, [*values][-1])


def refuse(body: str, says: str, *place: str | int, **values: Any) -> None:
    """Expect one error, at this location (by default, the last field)."""
    with pytest.raises(ValidationError) as caught:
        WRITES[body].model_validate(LEAST_OF.get(body, {}) | values)
    (error,) = caught.value.errors()
    assert says.lower() in error["msg"].lower()
    assert error["loc"] == (place or ([*values][-1],))


@pytest.mark.parametrize(("body", "name"), NAMES)
def test_names_are_stripped_and_not_empty(body: str, name: str) -> None:
    assert accept(body, **{name: " \tA name\n"}) == "A name"
    for empty in ("", " \n\t"):
        refuse(body, EMPTY, **{name: empty})


@pytest.mark.parametrize(("body", "name"), TEXTS)
def test_texts_stay_as_they_are(body: str, name: str) -> None:
    for text in ("", " first\n\tsecond \n", "é 😀"):
        assert accept(body, **{name: text}) == text


@pytest.mark.parametrize(("body", "name"), NAMES + TEXTS + PATHS + ZARRS + [("UserCreate", "password")])
def test_no_text_holds_what_a_database_cannot_store(body: str, name: str) -> None:
    refuse(body, NUL, **{name: "/a\0b"})
    refuse(body, "unicode", **{name: "/a\ud800b"})


@pytest.mark.parametrize(("body", "name"), PATHS)
def test_paths_are_absolute(body: str, name: str) -> None:
    for path in ("/", "/data", "/data/plate 1/../é.zarr", "/two\nlines"):
        assert accept(body, **{name: f" {path}\n"}) == path
    for path in ("data", "./data", "~/data", "C:\\data", "file:///data", "s3://bucket/data"):
        refuse(body, RELATIVE, **{name: path})
    refuse(body, EMPTY, **{name: " "})


@pytest.mark.parametrize("body", ["UserGroupCreate", "UserGroupUpdate"])
def test_each_path_that_a_group_may_view_is_absolute_and_named_once(body: str) -> None:
    assert accept(body, viewer_paths=["/a", " /b "]) == ["/a", "/b"]
    refuse(body, RELATIVE, "viewer_paths", 1, viewer_paths=["/a", "b"])
    refuse(body, REPEATED, viewer_paths=["/a", " /a"])


@pytest.mark.parametrize(("body", "name"), ZARRS)
def test_places_of_zarrs_are_absolute_paths_or_on_s3_in_one_form(body: str, name: str) -> None:
    for written, stored in {
        "/": "/",
        " /data/plate.zarr/ ": "/data/plate.zarr",
        "//data//x/../plate.zarr/./B/03": "/data/plate.zarr/B/03",
        "/../data": "/data",
        "s3://bucket": "s3://bucket",
        "s3://bucket/": "s3://bucket",
        "s3://bucket/a//b/": "s3://bucket/a//b",
    }.items():
        assert accept(body, **{name: written}) == stored
        assert accept(body, **{name: stored}) == stored
    for place in ("data", "../data", "s3:/bucket", "s3://", "s3:///key", "https://host/data", "file:///data"):
        refuse(body, NO_ZARR, **{name: place})


@pytest.mark.parametrize(("body", "name"), LINKS)
def test_links_are_http_or_https_and_stay_as_they_are(body: str, name: str) -> None:
    for link in ("http://example.org", "https://example.org:8000/a%20b?c=d#e", "https://localhost", "http://[::1]/é"):
        assert accept(body, **{name: f" {link} "}) == link
    for link in (
        "example.org",
        "ftp://example.org",
        "javascript:alert(1)",
        "http:example.org",
        "https://a b",
        "http://",
    ):
        refuse(body, NO_LINK, **{name: link})
    for link in ("http://:80", "https://example.org:99999", "https://[::1"):
        refuse(body, "Input should be a valid URL", **{name: link})
    refuse(body, NUL, **{name: "https://example.org/\0"})


@pytest.mark.parametrize("body", ["ApplyWorkflowCreateV1", "JobCreateV2"])
def test_task_indexes_are_counted_from_0_and_in_order(body: str) -> None:
    for first, last in ((0, 0), (0, MAX), (3, 3), (None, 0), (MAX, None), (None, None)):
        assert accept(body, first_task_index=first, last_task_index=last) == last
    for name in ("first_task_index", "last_task_index"):
        refuse(body, "Input should be greater than or equal to 0", **{name: -1})
        refuse(body, TOO_LARGE, **{name: MAX + 1})
        refuse(body, "Input should be a valid integer", **{name: 0.5})
    with pytest.raises(ValidationError, match="last_task_index should not be less than first_task_index"):
        WRITES[body].model_validate({"first_task_index": 1, "last_task_index": 0})


@pytest.mark.parametrize("body", ["WorkflowTaskCreateV1", "WorkflowTaskUpdateV1", "WorkflowTaskImportV1"])
def test_steps_of_version_1_hold_no_reserved_arguments(body: str) -> None:
    names = "component, input_paths, metadata, output_path"
    says = f"args should not contain reserved arguments, which the runner sets: {names}"
    refuse(body, says, args={"a": 1, "metadata": {}, "output_path": "", "input_paths": [], "component": ""})
    nested = {"a": {"component": "", "parallelization_level": None}, "zarr_url": ""}
    for name in ("args", "meta"):
        for allowed in (nested, {}, None):
            assert accept(body, **{name: allowed}) == allowed


def test_an_update_of_a_step_of_version_1_holds_no_parallelization_level() -> None:
    meta = {"parallelization_level": "image"}
    says = "should not contain parallelization_level, which only the task sets"
    refuse("WorkflowTaskUpdateV1", says, meta=meta)
    assert accept("WorkflowTaskCreateV1", meta=meta) == meta


@pytest.mark.parametrize("body", ["WorkflowTaskCreateV2", "WorkflowTaskUpdateV2"])
@pytest.mark.parametrize("name", ["args_parallel", "args_non_parallel"])
def test_steps_of_version_2_hold_no_reserved_arguments(body: str, name: str) -> None:
    says = "should not contain reserved arguments, which the runner sets: init_args, zarr_dir, zarr_url, zarr_urls"
    refuse(body, says, **{name: {"zarr_urls": [], "zarr_url": "", "zarr_dir": "", "init_args": {}, "a": 1}})
    for allowed in ({"a": {"zarr_url": ""}, "component": ""}, {}, None):
        assert accept(body, **{name: allowed}) == allowed


def test_a_step_of_version_1_has_a_place_from_0_on() -> None:
    for order in (0, MAX):
        assert accept("WorkflowTaskCreateV1", order=order) == order
    refuse("WorkflowTaskCreateV1", "should not be null; omit it", order=None)
    refuse("WorkflowTaskCreateV1", "greater than or equal to 0", order=-1)
    refuse("WorkflowTaskCreateV1", TOO_LARGE, order=MAX + 1)


@pytest.mark.parametrize("body", ["WorkflowUpdateV1", "WorkflowUpdateV2"])
def test_steps_are_moved_by_naming_each_of_them_once(body: str) -> None:
    name = "reordered_workflowtask_ids"
    for ids in ([], [3, 0, MAX]):
        assert accept(body, **{name: ids}) == ids
    refuse(body, REPEATED, **{name: [1, 2, 1]})
    refuse(body, "greater than or equal to 0", name, 0, **{name: [-1]})
    refuse(body, TOO_LARGE, name, 1, **{name: [1, MAX + 1]})


@pytest.mark.parametrize(("body", "name"), DICTS)
def test_json_holds_what_both_engines_store_and_an_answer_can_send(body: str, name: str) -> None:
    stored = {"z": 1, "a": [None, True, -0.5, 10**30, "\\u0000 \\ud800 é 😀"], "": {}}
    assert list(accept(body, **{name: stored}).items()) == list(stored.items())
    for value in (float("nan"), float("inf"), [{"a": float("-inf")}]):
        refuse(body, NAN, **{name: {"a": value}})
    for odd in ({"a": ["\udfff 😀"]}, {"\ud800": 1}):
        refuse(body, SURROGATE, **{name: odd})
    values_with_nul: list[dict[str, Any]] = [{"a": [{"b": "é\0"}]}, {"a": "\\\0"}, {"\0": 1}, {"a": {"b\0": 1}}]
    for with_nul in values_with_nul:
        refuse(body, NUL, **{name: with_nul})
    refuse(body, "Exceeds the limit", **{name: {"a": 10**5000}})
    refuse(body, "not JSON serializable", **{name: {"a": {1}}})
    for text in ("", "{}"):
        refuse(body, "Input should be an object, not a string", **{name: text})
    refuse(body, "Input should be an object, not an array", **{name: [1]})


def nested(levels: int) -> Any:
    value: Any = 1
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


@pytest.mark.parametrize(("body", "name"), DICTS)
def test_json_is_not_nested_too_deeply(body: str, name: str) -> None:
    accept(body, **{name: {"a": nested(MAX_DEPTH - 1)}})
    refuse(body, f"should not be nested more than {MAX_DEPTH} levels deep", **{name: {"a": nested(MAX_DEPTH)}})


def test_json_that_python_cannot_walk_is_refused_in_words() -> None:
    refuse("DatasetCreateV1", f"should not be nested more than {MAX_DEPTH} levels deep", meta={"a": nested(100_000)})


STEP = {
    "id": 1,
    "order": 0,
    "workflow_id": 1,
    "task_id": 1,
    "task": {
        "id": 1,
        "source": "s",
        "name": "n",
        "command": "run",
        "input_type": "Any",
        "output_type": "None",
        "owner": None,
        "version": None,
    },
}


@pytest.mark.parametrize("body", ["DatasetCreateV1", "DatasetUpdateV1"])
def test_a_history_is_a_list_of_runs(body: str) -> None:
    run = {"workflowtask": STEP, "status": "done", "parallelization": {"a": 1}}
    assert [item.model_dump() for item in accept(body, history=[run])] == [run]
    assert accept(body, history=[]) == []
    refuse(body, NAN, "history", 0, "parallelization", history=[run | {"parallelization": {"a": float("nan")}}])
    refuse(body, NUL, history=[run | {"workflowtask": STEP | {"task": STEP["task"] | {"name": "\0"}}}])  # type: ignore[operator]
    refuse(body, "Field required", "history", 0, "workflowtask", history=[{"status": "done"}])
    refuse(body, "Input should be an object, not an array", "history", 0, history=[[]])


@pytest.mark.parametrize(("body", "name"), TYPES)
def test_types_are_true_or_false_by_name(body: str, name: str) -> None:
    types = {"3D": True, "registered": False}
    assert accept(body, **{name: types}) == types
    for value in (None, 1, "true"):
        refuse(body, "Input should be a valid boolean", name, "3D", **{name: {"3D": value}})
    refuse(body, NUL, name, "\0", "[key]", **{name: {"\0": True}})


@pytest.mark.parametrize("body", ["Filters", "SingleImage"])
def test_attributes_are_scalars_of_their_own_type(body: str) -> None:
    for value in (True, 1, 1.0, "B/03", 10**30, ""):
        attributes = accept(body, attributes={"a": value})
        assert attributes == {"a": value}
        assert type(attributes["a"]) is type(value)
    refused: list[Any] = [[], {}, float("nan"), "\0"]
    for value in refused:
        with pytest.raises(ValidationError):
            accept(body, attributes={"a": value})


def test_null_lifts_a_filter_and_is_no_attribute_of_an_image() -> None:
    assert accept("Filters", attributes={"a": None}) == {"a": None}
    with pytest.raises(ValidationError):
        accept("SingleImage", attributes={"a": None})


@pytest.mark.parametrize("body", ["DatasetCreateV2", "DatasetImportV2", "DatasetUpdateV2"])
def test_filters_of_a_dataset_have_their_shape(body: str) -> None:
    filters = {"attributes": {"plate": "a", "well": None}, "types": {"3D": True}}
    assert accept(body, filters=filters).model_dump() == filters
    assert accept(body, filters={}).model_dump() == {"attributes": {}, "types": {}}
    refuse(body, UNKNOWN, "filters", "name", filters={"name": "a"})


@pytest.mark.parametrize("body", ["WorkflowTaskCreateV2", "WorkflowTaskUpdateV2"])
def test_filters_of_a_step_have_their_shape(body: str) -> None:
    assert accept(body, input_filters={}).model_dump() == {"attributes": {}, "types": {}}
    refuse(body, UNKNOWN, "input_filters", "name", input_filters={"name": "a"})


def test_images_have_a_place_and_nothing_unknown() -> None:
    (image,) = accept("DatasetImportV2", images=[{"zarr_url": "/zarr/a/"}])
    assert image.model_dump() == {"zarr_url": "/zarr/a", "origin": None, "attributes": {}, "types": {}}
    refuse("DatasetImportV2", "Field required", "images", 0, "zarr_url", images=[{"types": {}}])
    refuse("DatasetImportV2", UNKNOWN, "images", 0, "path", images=[{"zarr_url": "/a", "path": "/a"}])
    repeated = [{"zarr_url": "/a"}, {"zarr_url": "/b"}, {"zarr_url": "/a/"}]
    refuse(
        "DatasetImportV2",
        "should not contain several images with the same zarr_url, as 0 and 2",
        "images",
        images=repeated,
    )


def test_a_task_of_version_2_has_a_command_and_the_type_that_follows() -> None:
    create = BODIES["TaskCreateV2"]
    for commands, expected in {
        ("a", None): "non_parallel",
        (None, "a"): "parallel",
        ("a", "b"): "compound",
    }.items():
        values = dict(zip(("command_non_parallel", "command_parallel"), commands, strict=True))
        assert create.model_validate({"name": "n", **values}).type == expected  # type: ignore[attr-defined]
    with pytest.raises(ValidationError, match="should have command_non_parallel or command_parallel"):
        create.model_validate({"name": "n"})


@pytest.mark.parametrize(("body", "name"), [("TaskCreateV2", "tags"), ("TaskUpdateV2", "tags")])
def test_tags_are_names_and_given_once(body: str, name: str) -> None:
    assert accept(body, **{name: [" a", "b"]}) == ["a", "b"]
    refuse(body, REPEATED, **{name: ["a", "a "]})
    refuse(body, EMPTY, name, 0, **{name: [""]})


def test_slurm_accounts_are_names_and_given_once() -> None:
    assert accept("UserSettingsUpdate", slurm_accounts=[" a", "b"]) == ["a", "b"]
    refuse("UserSettingsUpdate", REPEATED, slurm_accounts=["a", "a"])


def test_task_groups_hold_names_and_versions_of_packages() -> None:
    group = "TaskGroupCreateV2"
    # A task that is no package has a group of its own, with any name and version.
    assert accept(group, pkg_name=" My tasks ") == "My tasks"
    assert accept(group, version=" latest ") == "latest"
    assert accept(group, pip_extras="a, fractal-tasks") == "a, fractal-tasks"
    assert accept(group, python_version="3.12") == "3.12"
    assert accept(group, pinned_package_versions={"a": "1", "b": "2!1.0.post1"}) == {"a": "1", "b": "2!1.0.post1"}
    for version in ("", "latest", "1.x", "1 0", ">=1", "1.0;echo"):
        refuse(group, "should be a version", "pinned_package_versions", "a", pinned_package_versions={"a": version})
    for python in ("3", "python3.12", "2.7", "3.12 "[:-1] + "x"):
        refuse(group, "should be a version of Python", python_version=python)
    for extras in ("a b", "[a]", "a,", ","):
        refuse(group, "should be a list of extras", pip_extras=extras)
    refuse(group, "Input should be 'pypi', 'wheel-file' or 'other'", origin="conda")
    for name in ("user_id", "user_group_id"):
        refuse(group, "greater than or equal to 1", **{name: 0})
        refuse(group, TOO_LARGE, **{name: MAX + 1})


@pytest.mark.parametrize("body", ["TaskCollectPipV1", "TaskCollectPipV2"])
def test_a_package_to_install_has_a_name_or_is_a_wheel(body: str) -> None:
    for package in ("fractal-tasks_core.v2", "/wheels/my tasks.whl"):
        assert accept(body, package=f" {package} ") == package
    for package in ("-a", "a b", "a==1", "a;rm -rf /", "é", "a[b]", "/tasks", "tasks.whl/", "../tasks/a.whl"):
        refuse(body, "should be a name of a Python package (PEP 508), or the absolute path of a wheel", package=package)
    assert accept(body, package_version=" 1.0RC1 ") == "1.0rc1"
    for version in ("", "latest", ">=1", "1.0;echo"):
        refuse(body, "should be a version of a Python package (PEP 440)", package_version=version)
    assert accept(body, package_extras="a, b") == "a, b"
    refuse(body, "should be a list of extras", package_extras="[a]")
    assert accept(body, pinned_package_versions={"a": "1"}) == {"a": "1"}


def test_versions_of_python_are_those_of_the_server() -> None:
    assert accept("TaskCollectPipV2", python_version="3.12") == "3.12"
    refuse("TaskCollectPipV2", "Input should be '3.9', '3.10', '3.11' or '3.12'", python_version="3.8")
    assert accept("TaskCollectPipV1", python_version="3.8") == "3.8"


def test_an_installed_package_is_found_by_its_folder_or_by_its_name() -> None:
    body = {"label": "n", "manifest": {"manifest_version": "2", "task_list": []}, "python_interpreter": "/python"}
    create = WRITES["TaskCollectCustomV2"].model_validate
    create(body | {"package_root": "/a"})
    for places in ({}, {"package_root": "/a", "package_name": "a"}):
        with pytest.raises(ValidationError, match="should have either package_root or package_name"):
            create(body | places)
    refuse("TaskCollectCustomV2", RELATIVE, python_interpreter="python")


def test_a_group_to_install_from_a_wheel_has_its_path() -> None:
    group = "TaskGroupCreateV2Strict"
    assert accept(group, origin="wheel-file", wheel_path="/a.whl") == "/a.whl"
    assert accept(group, origin="other") == "other"
    with pytest.raises(ValidationError, match="should have a wheel_path, because origin is wheel-file"):
        accept(group, origin="wheel-file")


TASKS: dict[str, list[dict[str, Any]]] = {
    "ManifestV1": [{"name": "n", "executable": "a.py", "input_type": "Any", "output_type": "None"}],
    "ManifestV2": [{"name": "n", "executable_parallel": "a.py"}],
}


@pytest.mark.parametrize(("body", "version"), [("ManifestV1", "1"), ("ManifestV2", "2")])
def test_a_manifest_has_its_version_and_the_schemas_that_it_promises(body: str, version: str) -> None:
    manifest = {"manifest_version": version, "task_list": TASKS[body]}
    schema = "args_schema" if version == "1" else "args_schema_parallel"
    read = BODIES[body].model_validate
    read(manifest)
    read(manifest | {"has_args_schemas": True, "task_list": [task | {schema: {}} for task in TASKS[body]]})
    with pytest.raises(ValidationError, match="task_list should have an args_schema"):
        read(manifest | {"has_args_schemas": True})
    with pytest.raises(ValidationError, match=f'should be "{version}"'):
        read(manifest | {"manifest_version": "3"})


def test_tasks_of_a_manifest_of_version_2_have_an_executable_and_a_name_each() -> None:
    read, (task,) = BODIES["ManifestV2"].model_validate, TASKS["ManifestV2"]
    with pytest.raises(ValidationError, match="should not contain several tasks with the same name"):
        read({"manifest_version": "2", "task_list": [task, task]})
    with pytest.raises(ValidationError, match="should have executable_non_parallel or executable_parallel"):
        read({"manifest_version": "2", "task_list": [{"name": "n"}]})


def accepts(field: Any, text: str) -> bool:
    try:
        TypeAdapter(field).validate_python(text)
    except ValidationError:
        return False
    return True


def is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def is_name(text: str) -> bool:
    try:
        canonicalize_name(text, validate=True)
    except InvalidName:
        return False
    return True


PARTS = "0 1 23 . ! + - _ v a alpha b beta c rc RC pre preview post rev r dev local x"


@settings(max_examples=20 * settings().max_examples)
@given(
    st.one_of(st.lists(st.sampled_from(PARTS.split()), max_size=8).map("".join), st.from_regex(r"\d(\.\d)*[a-z.]*\d*"))
)
@example("1!1.0a1.post2.dev3+ubuntu.1")
@example("1.0-1")
@example("1.0.post")
def test_versions_are_those_of_pep_440(text: str) -> None:
    assert accepts(PackageVersion, text) == is_version(text)


@settings(max_examples=20 * settings().max_examples)
@given(st.text("aZ09._- é[", min_size=1, max_size=6))
def test_names_are_those_of_pep_508(text: str) -> None:
    assert accepts(PackageName, text) == is_name(text.strip())


@pytest.mark.parametrize("body", WRITES)
def test_an_unknown_field_is_refused_where_the_server_refuses_it(body: str) -> None:
    if WRITES[body].model_config["extra"] == "forbid":
        refuse(body, UNKNOWN, **{"nmae": "A"})
    else:
        WRITES[body].model_validate(LEAST_OF.get(body, {}) | {"nmae": "A"})


@pytest.mark.parametrize("body", LEAST, ids=lambda body: body.__name__)
def test_what_must_be_given_is_enough(body: Any) -> None:
    body.model_validate(LEAST[body])
    required = set(body.model_json_schema().get("required", []))
    assert required <= set(LEAST[body])
    for name in required:
        with pytest.raises(ValidationError, match=rf"{name}\n  Field required"):
            body.model_validate({key: value for key, value in LEAST[body].items() if key != name})


def test_passwords_are_of_any_length_and_not_shown() -> None:
    for body in ("UserCreate", "UserUpdate"):
        for password in (" pass ", ""):
            assert accept(body, password=password) == password
        given = WRITES[body].model_validate(LEAST_OF.get(body, {}) | {"password": "marked-secret"})
        assert "marked-secret" not in f"{given!r} {given}"


def test_addresses_are_addresses() -> None:
    for body in ("UserCreate", "UserUpdate"):
        assert accept(body, email="Alice@Example.ORG") == "Alice@example.org"
        for address in ("alice", "alice@", "a\0@example.org", "\ud800@example.org"):
            refuse(body, "value is not a valid email address", email=address)

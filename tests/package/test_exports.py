"""Import paths, exported names, and modules that an import loads."""

import importlib
import json
import subprocess
import sys
from importlib.metadata import version

import pytest
from sqlalchemy import MetaData, make_url
from sqlalchemy.schema import CreateIndex
from sqlmodel import SQLModel

import fractal_models.models
from fractal_models.base import Base
from fractal_models.models import TABLES, JobStatusTypeV1
from fractal_models.tables import METADATA
from fractal_models.utils import get_timestamp

MODULES = {
    "models.linkusergroup": "LinkUserGroup",
    "models.linkuserproject": "LinkUserProject LinkUserProjectV2",
    "models.security": "OAuthAccount UserGroup UserOAuth",
    "models.user_settings": "UserSettings",
    "models.v1": "ApplyWorkflow Dataset JobStatusTypeV1 LinkUserProject Project Resource State Task Workflow "
    "WorkflowTask",
    "models.v1.dataset": "Dataset Resource",
    "models.v1.job": "ApplyWorkflow JobStatusTypeV1",
    "models.v1.project": "Project",
    "models.v1.state": "State",
    "models.v1.task": "Task",
    "models.v1.workflow": "Workflow WorkflowTask",
    "models.v2": "DatasetV2 JobV2 LinkUserProjectV2 ProjectV2 TaskGroupActivityV2 TaskGroupV2 TaskV2 WorkflowTaskV2 "
    "WorkflowV2",
    "models.v2.dataset": "DatasetV2",
    "models.v2.job": "JobV2",
    "models.v2.project": "ProjectV2",
    "models.v2.task": "TaskV2",
    "models.v2.task_group": "TaskGroupActivityV2 TaskGroupV2",
    "models.v2.workflow": "WorkflowV2",
    "models.v2.workflowtask": "WorkflowTaskV2",
    "schemas.v1.applyworkflow": "JobStatusTypeV1 _ApplyWorkflowBaseV1",
    "schemas.v1.dataset": "_DatasetBaseV1 _ResourceBaseV1",
    "schemas.v1.project": "_ProjectBaseV1",
    "schemas.v1.task": "_TaskBaseV1",
    "schemas.v1.workflow": "WorkflowTaskStatusTypeV1 _WorkflowBaseV1 _WorkflowTaskBaseV1",
    "schemas.v2": "JobStatusTypeV2 TaskGroupActivityActionV2 TaskGroupActivityStatusV2 TaskGroupV2OriginEnum "
    "WorkflowTaskStatusTypeV2",
    "utils": "get_timestamp",
}
"""Names that a server imports after changing the prefix, by module."""

DOCUMENTED = {
    "ApplyWorkflow": "id project_id input_dataset_id output_dataset_id workflow_id status workflow_dump "
    "input_dataset_dump output_dataset_dump start_timestamp end_timestamp log user_email slurm_account "
    "first_task_index last_task_index worker_init project_dump working_dir working_dir_user",
    "Dataset": "id project_id meta history resource_list name type read_only project timestamp_created paths",
    "DatasetV2": "name project_id project history timestamp_created zarr_dir images filters image_zarr_urls",
    "JobStatusTypeV1": "SUBMITTED DONE FAILED",
    "JobV2": "project_id workflow_id dataset_id user_email slurm_account dataset_dump workflow_dump project_dump "
    "worker_init working_dir working_dir_user first_task_index last_task_index start_timestamp end_timestamp status "
    "log",
    "LinkUserGroup": "group_id user_id timestamp_created",
    "LinkUserProject": "project_id user_id",
    "LinkUserProjectV2": "project_id user_id",
    "OAuthAccount": "id user_id user oauth_name access_token expires_at refresh_token account_id account_email",
    "Project": "id name read_only timestamp_created user_list",
    "ProjectV2": "id name timestamp_created user_list",
    "Resource": "id path dataset_id",
    "State": "id data timestamp",
    "Task": "id command input_type output_type meta source name args_schema args_schema_version owner version "
    "docs_info docs_link parallelization_level is_parallel default_args_from_args_schema",
    "TaskGroupActivityV2": "user_id taskgroupv2_id pkg_name version status action log timestamp_started "
    "timestamp_ended",
    "TaskGroupV2": "task_list user_id user_group_id origin pkg_name version python_version path venv_path wheel_path "
    "pip_extras pinned_package_versions pip_freeze venv_size_in_kB venv_file_number active timestamp_created "
    "timestamp_last_used pip_install_string pinned_package_versions_string",
    "TaskV2": "name type command_non_parallel command_parallel source meta_non_parallel meta_parallel "
    "args_schema_non_parallel args_schema_parallel args_schema_version docs_info docs_link input_types output_types "
    "taskgroupv2_id category modality authors tags version",
    "UserGroup": "id name timestamp_created viewer_paths",
    "UserOAuth": "id email hashed_password is_active is_superuser is_verified slurm_user slurm_accounts cache_dir "
    "username oauth_accounts settings",
    "UserSettings": "slurm_accounts ssh_host ssh_username ssh_private_key_path ssh_tasks_dir ssh_jobs_dir slurm_user "
    "cache_dir project_dir",
    "Workflow": "id project_id task_list name project timestamp_created input_type output_type",
    "WorkflowTask": "id workflow_id task_id order meta args task validate_args is_parallel parallelization_level",
    "WorkflowTaskV2": "workflow_id order task_type task_id task meta_parallel meta_non_parallel args_parallel "
    "args_non_parallel input_filters",
    "WorkflowV2": "id project_id project name timestamp_created task_list",
}
"""Documented attributes, by class."""


def test_the_tables_and_the_documented_enumerations_are_exported_in_order() -> None:
    tables = {mapper.class_ for mapper in SQLModel._sa_registry.mappers if issubclass(mapper.class_, Base)}
    exported = fractal_models.models.__all__
    assert {getattr(fractal_models.models, name) for name in exported} == tables | {JobStatusTypeV1, TABLES}
    assert exported == ["TABLES", *sorted({*exported} - {"TABLES"})]
    assert len(exported) == len(set(exported)) == 25


def test_every_table_of_the_metadata_has_a_class() -> None:
    mapped = {str(mapper.local_table) for mapper in Base._sa_registry.mappers if issubclass(mapper.class_, Base)}
    assert mapped == set(SQLModel.metadata.tables) == set(METADATA.tables)
    assert len(mapped) == len(TABLES) == 23


def test_tables_are_sorted_by_name_and_in_the_metadata_by_dependency() -> None:
    assert list(TABLES) == sorted(TABLES, key=lambda table: table.__name__)
    created: set[str] = set()
    for table in METADATA.sorted_tables:
        created.add(table.name)
        assert {key.column.table.name for key in table.foreign_keys} <= created


PATHS = f"import sys; sys.path[:] = {sys.path!r}\n"
"""For an interpreter without `site`, which imports modules of its own."""

TABLE_OF_A_SERVER = """
class {name}({base}, table=True):
    __table_args__ = (UniqueConstraint("room"),)
    id: int | None = Field(default=None, primary_key=True)
    room: str = Field(index=True)
    user_id: int | None = Field(default=None, foreign_key="user_oauth.id")
"""
PRINT_NAMES = """
import json
from fractal_models.tables import METADATA, TABLES
def names(metadata):
    return {
        name: sorted(str(item.name) for item in (*table.constraints, *table.indexes))
        for name, table in metadata.tables.items()
    }
print(json.dumps([names(SQLModel.metadata), names(METADATA), [table.__name__ for table in TABLES]]))
"""
CONVENTION = (
    "{'ix': 'i_%(column_0_label)s', 'uq': 'u_%(column_0_name)s', 'fk': 'f_%(column_0_name)s', 'pk': 'p', 'ck': 'c'}"
)


def default_names(table: str) -> list[str]:
    return ["None", "None", "None", f"ix_{table}_room"]


def names_by_convention(table: str) -> list[str]:
    return ["f_user_id", f"i_{table}_room", "p", "u_room"]


@pytest.mark.parametrize("convention", ["none", "before", "after"])
def test_tables_of_a_server_and_ours_do_not_change_each_other(convention: str) -> None:
    set_convention = f"SQLModel.metadata.naming_convention = {CONVENTION}"
    code = (
        "from sqlmodel import Field, SQLModel, UniqueConstraint",
        set_convention if convention == "before" else "",
        TABLE_OF_A_SERVER.format(name="Early", base="SQLModel"),
        "from fractal_models.base import Base",
        TABLE_OF_A_SERVER.format(name="OnBase", base="Base"),
        "import fractal_models.models",
        set_convention if convention == "after" else "",
        TABLE_OF_A_SERVER.format(name="Late", base="SQLModel"),
        PRINT_NAMES,
    )
    printed = subprocess.check_output([sys.executable, "-W", "error", "-c", "\n".join(code)], text=True)
    everybodys, ours, classes = json.loads(printed)

    assert everybodys.pop("early") == (names_by_convention if convention == "before" else default_names)("early")
    assert everybodys.pop("late") == (default_names if convention == "none" else names_by_convention)("late")
    assert everybodys.pop("onbase")
    assert everybodys == ours
    assert ours == {
        name: sorted([*(str(item.name) for item in table.constraints), *(str(item.name) for item in table.indexes)])
        for name, table in METADATA.tables.items()
    }
    assert classes == [table.__name__ for table in TABLES]


@pytest.mark.parametrize("module", MODULES)
def test_a_server_finds_each_name_where_it_looked_for_it(module: str) -> None:
    imported = importlib.import_module(f"fractal_models.{module}")
    for name in MODULES[module].split():
        found = getattr(imported, name)
        if module.startswith("models"):
            assert found is getattr(fractal_models.models, name)


def test_every_exported_class_is_documented() -> None:
    assert set(DOCUMENTED) | {"TABLES"} == set(fractal_models.models.__all__)


@pytest.mark.parametrize("name", DOCUMENTED)
def test_every_documented_attribute_is_there(name: str) -> None:
    found = getattr(fractal_models.models, name)
    assert [attribute for attribute in DOCUMENTED[name].split() if not hasattr(found, attribute)] == []


PUBLIC = {
    "": "__version__ database enums loading models schemas testing utils",
    ".database": "UnstorableValueError server_history",
    ".models": "TABLES",
    ".models.v1": "Project",
    ".models.v2": "ProjectV2",
    ".schemas": "Body Create Read RowId Update v1 v2",
    ".schemas.v1": "ProjectReadV1",
    ".schemas.v2": "ProjectReadV2",
    ".testing": "factories seed",
    ".testing.factories": "TableFactory ProjectFactory",
}
"""Some public names of each public module."""


@pytest.mark.parametrize("module", PUBLIC)
def test_public_names_of_a_module_are_exported_and_listed_by_dir(module: str) -> None:
    imported = importlib.import_module(f"fractal_models{module}")

    assert [name for name in PUBLIC[module].split() if name not in imported.__all__] == []
    assert [name for name in imported.__all__ if name not in dir(imported)] == []
    assert [name for name in imported.__all__ if not hasattr(imported, name)] == []
    assert not hasattr(imported, "nothing")


def test_modules_and_version_are_read_on_first_use() -> None:
    code = (
        "import sys, fractal_models\n"
        "before = {name for name in sys.modules if name.startswith('fractal_models')}\n"
        "print(before, 'importlib.metadata' in sys.modules, fractal_models.__version__)\n"
        "print(fractal_models.models.Project.__name__, fractal_models.testing.factories.ProjectFactory.__name__)"
    )
    printed = subprocess.check_output([sys.executable, "-S", "-c", PATHS + code], text=True)

    assert printed == f"{{'fractal_models'}} False {version('fractal-models')}\nProject ProjectFactory\n"


def test_the_current_time_is_aware_and_in_utc() -> None:
    moment = get_timestamp()
    assert moment.tzname() == "UTC"
    assert moment <= get_timestamp()


@pytest.mark.parametrize("backend", ["postgresql", "sqlite"])
def test_an_index_of_some_rows_has_its_condition_on_both_engines(backend: str) -> None:
    dialect = make_url(f"{backend}://").get_dialect()()
    tables = SQLModel.metadata.tables
    copies = MetaData()
    partial = {
        str(CreateIndex(index).compile(dialect=dialect)).partition(" WHERE ")[::2]
        for name in ("applyworkflow", "jobv2")
        for table in (tables[name], tables[name].to_metadata(copies))
        for index in table.indexes
        if "submitted" in str(index.name)
    }

    assert partial == {
        (f"CREATE UNIQUE INDEX {name} ON {table} ({column})", "status = 'submitted'")
        for name, table, column in (
            ("ix_applyworkflow_one_submitted_per_output_dataset", "applyworkflow", "output_dataset_id"),
            ("ix_jobv2_one_submitted_per_dataset", "jobv2", "dataset_id"),
        )
    }


def test_importing_the_models_is_silent_and_light() -> None:
    code = (
        "import sys, fractal_models.models\n"
        "heavy = {'alembic', 'fastapi', 'fastapi_users_db_sqlmodel', 'psycopg2', 'psycopg', 'asyncpg',\n"
        "    'sqlalchemy.dialects.postgresql', 'sqlalchemy.dialects.sqlite'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")

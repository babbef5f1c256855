"""Import paths of bodies, and modules that an import loads."""

import subprocess
import sys
from importlib import import_module

import pytest

from fractal_models.schemas import v1

OF_THE_SERVER = {
    "schemas": "UserCreate UserRead UserUpdate UserGroupCreate UserGroupRead UserGroupUpdate UserSettingsRead "
    "UserSettingsUpdate",
    "schemas.user": "OAuthAccountRead UserCreate UserRead UserUpdate",
    "schemas.user_group": "UserGroupCreate UserGroupRead UserGroupUpdate",
    "schemas.user_settings": "UserSettingsRead UserSettingsUpdate",
    "schemas.v1": "ApplyWorkflowCreateV1 ApplyWorkflowReadV1 ApplyWorkflowUpdateV1 DatasetCreateV1 DatasetReadV1 "
    "DatasetUpdateV1 JobStatusTypeV1 ProjectCreateV1 ProjectReadV1 ProjectUpdateV1 ResourceCreateV1 ResourceReadV1 "
    "ResourceUpdateV1 StateRead TaskCreateV1 TaskReadV1 TaskUpdateV1 WorkflowCreateV1 WorkflowReadV1 "
    "WorkflowTaskCreateV1 WorkflowTaskReadV1 WorkflowTaskStatusTypeV1 WorkflowTaskUpdateV1 WorkflowUpdateV1",
    "schemas.v1.applyworkflow": "ApplyWorkflowCreateV1 ApplyWorkflowReadV1 ApplyWorkflowUpdateV1 JobStatusTypeV1",
    "schemas.v1.dataset": "DatasetCreateV1 DatasetReadV1 DatasetUpdateV1 ResourceCreateV1 ResourceReadV1 "
    "ResourceUpdateV1",
    "schemas.v1.project": "ProjectCreateV1 ProjectReadV1 ProjectUpdateV1",
    "schemas.v1.state": "StateRead",
    "schemas.v1.task": "TaskCreateV1 TaskReadV1 TaskUpdateV1",
    "schemas.v1.workflow": "WorkflowCreateV1 WorkflowReadV1 WorkflowTaskCreateV1 WorkflowTaskReadV1 "
    "WorkflowTaskStatusTypeV1 WorkflowTaskUpdateV1 WorkflowUpdateV1",
    "schemas.v2": "DatasetCreateV2 DatasetExportV2 DatasetImportV2 DatasetReadV2 DatasetUpdateV2 JobCreateV2 JobReadV2 "
    "JobStatusTypeV2 JobUpdateV2 ProjectCreateV2 ProjectReadV2 ProjectUpdateV2 TaskCreateV2 "
    "TaskGroupActivityActionV2 TaskGroupActivityStatusV2 TaskGroupActivityV2Read TaskGroupCreateV2 TaskGroupReadV2 "
    "TaskGroupUpdateV2 TaskGroupV2OriginEnum TaskReadV2 TaskUpdateV2 WorkflowCreateV2 WorkflowReadV2 "
    "WorkflowTaskCreateV2 WorkflowTaskReadV2 WorkflowTaskStatusTypeV2 WorkflowTaskUpdateV2 WorkflowUpdateV2",
    "schemas.v2.dataset": "DatasetCreateV2 DatasetExportV2 DatasetImportV2 DatasetReadV2 DatasetUpdateV2",
    "schemas.v2.job": "JobCreateV2 JobReadV2 JobStatusTypeV2 JobUpdateV2",
    "schemas.v2.project": "ProjectCreateV2 ProjectReadV2 ProjectUpdateV2",
    "schemas.v2.task": "TaskCreateV2 TaskReadV2 TaskUpdateV2",
    "schemas.v2.task_group": "TaskGroupActivityActionV2 TaskGroupActivityStatusV2 TaskGroupActivityV2Read "
    "TaskGroupCreateV2 TaskGroupReadV2 TaskGroupUpdateV2 TaskGroupV2OriginEnum",
    "schemas.v2.workflow": "WorkflowCreateV2 WorkflowReadV2 WorkflowUpdateV2",
    "schemas.v2.workflowtask": "WorkflowTaskCreateV2 WorkflowTaskReadV2 WorkflowTaskStatusTypeV2 WorkflowTaskUpdateV2",
}
"""Names that a server imports after changing the prefix, by module."""


@pytest.mark.parametrize("module", OF_THE_SERVER)
def test_a_server_finds_each_name_where_it_looked_for_it(module: str) -> None:
    imported = import_module(f"fractal_models.{module}")
    names = OF_THE_SERVER[module].split()
    assert [getattr(imported, name).__name__ for name in names] == names
    assert set(names) <= set(imported.__all__)


def test_a_misspelt_name_is_an_import_error_that_names_it() -> None:
    with pytest.raises(ImportError, match=r"cannot import name 'ProjectReadV3' from 'fractal_models\.schemas\.v1'"):
        exec("from fractal_models.schemas.v1 import ProjectReadV3", {})
    assert not hasattr(v1, "AfterValidator")


def in_a_new_process(code: str) -> str:
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_importing_the_models_makes_no_bodies() -> None:
    code = "import sys, fractal_models.models; print('fractal_models.schemas.body' in sys.modules)"
    assert in_a_new_process(code) == "False"


def test_bodies_know_nothing_of_the_database() -> None:
    code = (
        "import sys; from fractal_models.schemas.v1 import *; from fractal_models.schemas.v2 import *\n"
        "foreign = {'sqlalchemy', 'fractal_models.models', 'fractal_models.base'}\n"
        "print(sorted(foreign & set(sys.modules)))"
    )
    assert in_a_new_process(code) == "[]"


def test_the_bodies_of_users_bring_fastapi_users_and_no_warning() -> None:
    code = "import sys; from fractal_models.schemas import UserRead; print('sqlmodel' in sys.modules)"
    assert in_a_new_process(code) == "False"

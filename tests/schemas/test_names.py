"""Modules that an import of bodies loads."""

import subprocess
import sys

import pytest

from fractal_models.schemas import v1


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

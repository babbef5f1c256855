"""Type checkers understand what a consumer does with this package, without one `ignore`."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

SAMPLE = Path(__file__).with_name("consumer.py")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder without any of our own settings."""
    (tmp_path / "consumer.py").write_text(SAMPLE.read_text())
    settings = {"typeCheckingMode": "basic", "pythonVersion": f"3.{sys.version_info.minor}", "include": ["consumer.py"]}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    return tmp_path


def check(project: Path, *command: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=project, capture_output=True, text=True, check=False, timeout=300
    )
    return done.returncode, done.stdout + done.stderr


MYPY = ["mypy", "--strict", "--config-file", "", "consumer.py"]
PYRIGHT = ["basedpyright", "--pythonpath", sys.executable]


def test_the_sample_ignores_nothing() -> None:
    assert not re.search(r"type: *ignore|pyright: *|cast\(", SAMPLE.read_text())


# In every run of CI, `mypy` of the whole project checks the sample by the project's own settings.
@pytest.mark.thorough
def test_mypy_is_content(project: Path) -> None:
    assert check(project, *MYPY) == (0, "Success: no issues found in 1 source file\n")


@pytest.mark.thorough
def test_pyright_is_content(project: Path) -> None:
    status, output = check(project, *PYRIGHT)
    assert (status, output) == (0, "0 errors, 0 warnings, 0 notes\n")

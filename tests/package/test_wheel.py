"""What an installed package brings along, and that it needs no checkout."""

import os
import re
import runpy
import sqlite3
import subprocess
import sys
import tomllib
import zipfile
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.support.databases import ROOT


def build(kind: str, source: Path, folder: Path) -> Path:
    """Build a distribution as `pip` does, without an environment of its own and so without network."""
    code = f"from hatchling.build import build_{kind} as build; print(build({str(folder)!r}))"
    output = subprocess.check_output([sys.executable, "-c", code], cwd=source, text=True)
    return folder / output.splitlines()[-1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("sdist", ROOT, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def unpacked(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    subprocess.run([sys.executable, "-m", "tarfile", "-e", str(sdist), str(folder)], check=True, capture_output=True)
    return folder / sdist.name.removesuffix(".tar.gz")


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    options = ["--quiet", "--no-index", "--no-deps", "--no-compile", "--target", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(wheel)], check=True)
    return folder


def files(folder: Path) -> set[str]:
    """What belongs into a distribution."""
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix() for path in found}


def contents(wheel: Path) -> set[str]:
    return {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}


def test_wheel_holds_package_and_migrations_and_nothing_else(wheel: Path) -> None:
    package = {f"fractal_models/{name}" for name in files(ROOT / "fractal_models")}
    migrations = {f"fractal_models/migrations/{name}" for name in files(ROOT / "migrations")}

    assert contents(wheel) == package | migrations
    assert "fractal_models/py.typed" in package
    assert {"fractal_models/migrations/env.py", "fractal_models/migrations/script.py.mako"} <= migrations


def test_wheel_from_sdist_is_the_same(unpacked: Path, wheel: Path, tmp_path: Path) -> None:
    rebuilt = build("wheel", unpacked, tmp_path)

    assert contents(rebuilt) == contents(wheel)


def test_sdist_holds_what_is_needed_to_test_it(unpacked: Path) -> None:
    for folder in ("tests", "migrations", "benchmarks", "docs"):
        assert files(unpacked / folder) == files(ROOT / folder)
    for file in ("alembic.ini", "README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml"):
        assert (unpacked / file).read_bytes() == (ROOT / file).read_bytes()


@pytest.mark.parametrize(
    "command",
    [
        ["bin/fractal-models", "upgrade", "head"],
        [
            "-c",
            "from alembic import command; from fractal_models.database import alembic_config;"
            "command.upgrade(alembic_config(), 'head')",
        ],
    ],
    ids=["command line", "alembic"],
)
def test_installed_package_upgrades_a_database_without_the_checkout(
    command: list[str], installed: Path, tmp_path: Path
) -> None:
    environment = os.environ | {"PYTHONPATH": str(installed), "FRACTAL_DATABASE_URL": "sqlite:///here.db"}
    if not command[0].startswith("-"):
        command = [str(installed / command[0]), *command[1:]]
    subprocess.run([sys.executable, *command], cwd=tmp_path, env=environment, check=True, capture_output=True)

    connection = sqlite3.connect(tmp_path / "here.db")
    tables = connection.execute("SELECT count(*) FROM sqlite_master WHERE type = 'table'").fetchone()
    connection.close()
    assert tables == (24,)


def test_installed_package_is_what_python_finds(installed: Path, tmp_path: Path) -> None:
    code = "import fractal_models; print(fractal_models.__file__)"
    environment = os.environ | {"PYTHONPATH": str(installed)}

    found = subprocess.check_output([sys.executable, "-c", code], cwd=tmp_path, env=environment, text=True)

    assert Path(found.strip()).is_relative_to(installed)


@pytest.fixture(scope="module")
def requirements() -> dict[str, list[str]]:
    """The requirements in `pyproject.toml`, by extra; the package's own under the empty name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {"": project["dependencies"], **project["optional-dependencies"]}


def test_every_requirement_says_why_it_is_there(requirements: dict[str, list[str]]) -> None:
    text = (ROOT / "pyproject.toml").read_text()

    for requirement in chain.from_iterable(requirements.values()):
        assert re.search(rf'^    "{re.escape(requirement)}", +# \w', text, re.MULTILINE), requirement


def test_ci_tests_with_the_lowest_version_of_every_requirement(requirements: dict[str, list[str]]) -> None:
    lowest: dict[str, str] = runpy.run_path(str(ROOT / ".ci" / "lowest.py"))["lowest_versions"]()

    for requirement in map(Requirement, chain.from_iterable(requirements.values())):
        if requirement.name != "fractal-models":
            floors = [specifier.version for specifier in requirement.specifier if specifier.operator == ">="]
            assert floors in ([lowest[requirement.name]], []), requirement

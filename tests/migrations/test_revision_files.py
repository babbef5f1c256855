"""Files of revisions: they must still run when models and package have moved on."""

import ast
import re
import sys
from pathlib import Path

import pytest

from fractal_models.database.revisions.history import scripts
from tests.support.databases import ROOT

FILES = sorted((ROOT / "migrations" / "versions").glob("*.py"))


NAME = re.compile(r"(?P<date>\d{4}_\d\d_\d\d)-(?P<number>\d\d)-(?P<revision>[0-9a-f]{12})_\w+\.py")


def test_listing_of_the_folder_is_the_history() -> None:
    listed = [NAME.fullmatch(file.name) for file in FILES]
    history = [script.revision for script in scripts().walk_revisions()][::-1]

    assert [name["revision"] for name in listed if name] == history
    assert [int(name["number"]) for name in listed if name] == list(range(1, len(FILES) + 1))


@pytest.fixture(params=FILES, ids=lambda file: file.stem)
def module(request: pytest.FixtureRequest) -> ast.Module:
    file: Path = request.param
    return ast.parse(file.read_text())


def test_imports_nothing_but_sqlalchemy_alembic_and_the_standard_library(module: ast.Module) -> None:
    nodes = list(ast.walk(module))
    imported = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    imported += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]

    packages = {name.partition(".")[0] for name in imported}

    assert packages - sys.stdlib_module_names <= {"sqlalchemy", "alembic"}


def test_says_in_its_first_line_what_it_does(module: ast.Module) -> None:
    title = (ast.get_docstring(module) or "").partition("\n")[0]

    assert title.endswith(".")
    assert "Revision ID" not in (ast.get_docstring(module) or "")


@pytest.mark.parametrize("direction", ["upgrade", "downgrade"])
def test_goes_both_ways_or_says_why_it_does_not(module: ast.Module, direction: str) -> None:
    [function] = [node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == direction]

    assert ast.get_docstring(function) or not all(isinstance(node, ast.Pass) for node in function.body)

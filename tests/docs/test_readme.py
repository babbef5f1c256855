"""What the README and the guide for server developers show, works as written."""

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from textwrap import dedent

import pytest

from tests.support.databases import ROOT, upgrade
from tests.support.processes import Forked

pytest_plugins = ["pytester"]

README = (ROOT / "README.md").read_text()
GUIDE = (ROOT / "docs" / "servers.md").read_text()


def blocks(text: str, language: str) -> list[str]:
    return [dedent(block) for block in re.findall(rf"^ *```{language}\n(.*?)```", text, re.DOTALL | re.MULTILINE)]


def test_set_up_is_two_commands() -> None:
    assert [block.strip() for block in blocks(README, "console") if "pip install" in block] == [
        "pip install -e . && alembic upgrade head",
        "pip install -e '.[test]' && pytest",
    ]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a `fractal.db` at head."""
    monkeypatch.chdir(tmp_path)
    upgrade("sqlite:///fractal.db")
    return tmp_path


def run(code: str, folder: Path) -> str:
    return subprocess.check_output([sys.executable, "-W", "error", "-c", code], cwd=folder, text=True)


def test_python_blocks_of_the_readme_run(folder: Path) -> None:
    for_servers, for_analysts = blocks(README, "python")
    assert run(for_servers, folder) == "1 ['/data/plate-1']\n"

    Path("fractal.db").unlink()
    upgrade("sqlite:///fractal.db")
    assert Forked("seed", "--size", "2", url="sqlite:///fractal.db").finish().code == 0
    printed = run(for_analysts.replace("postgresql://user@host/name", "sqlite:///fractal.db"), folder)
    assert "Segmentation" in printed


def test_readme_is_short() -> None:
    assert README.count("\n") <= 90


SERVER = """
from fractal_server.app.models import UserOAuth
from fractal_server.app.models.v2 import ProjectV2
from ..models import Project
from ....app.schemas.v1 import ProjectReadV1
from ...schemas import UserRead
from .models_of_mine import Other
    from ...models.v1 import Dataset
"""
PORTED = """
from fractal_models.models import UserOAuth
from fractal_models.models.v2 import ProjectV2
from fractal_models.models import Project
from fractal_models.schemas.v1 import ProjectReadV1
from fractal_models.schemas import UserRead
from .models_of_mine import Other
    from fractal_models.models.v1 import Dataset
"""


def test_command_of_the_port_changes_absolute_and_relative_imports(tmp_path: Path) -> None:
    *_, script = blocks(GUIDE, "sh")
    module = tmp_path / "fractal_server" / "app" / "routes" / "api.py"
    module.parent.mkdir(parents=True)
    module.write_text(SERVER)

    subprocess.run(["sh", "-e", "-c", script], cwd=tmp_path, check=True)

    assert module.read_text() == PORTED


START = """
import asyncio

async def start():
    async with lifespan(FastAPI()):
        print("started on", async_engine.url.render_as_string(), "at head")
        print((await create_dataset(project_id=1)).project.name)

asyncio.run(start())
"""


def test_python_blocks_of_the_guide_run_one_after_the_other(folder: Path) -> None:
    with closing(sqlite3.connect("fractal.db")) as connection:
        connection.execute("INSERT INTO projectv2 (name, timestamp_created) VALUES ('screen', '2024-03-05')")
        connection.execute(
            "INSERT INTO datasetv2 (name, project_id, zarr_dir, timestamp_created)"
            " VALUES ('Plate 1', 1, '/zarr', '2024-03-05')"
        )
        connection.commit()

    assert run("\n".join(blocks(GUIDE, "python")) + START, folder).splitlines() == [
        "Plate 1 /zarr",
        "Plate 1 1",
        '{"id":1,"name":"Embryo screen","read_only":false}',
        '{"name":"Plate 1","filters":{"attributes":{},"types":{}}}',
        '{"name":"Plate 1 (copy)","filters":{"attributes":{},"types":{}}}',
        '{"name":"Plate 2","filters":{"attributes":{},"types":{"3D":true}}}',
        "started on sqlite+aiosqlite:///fractal.db at head",
        "screen",
    ]


def test_test_of_the_guide_passes(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    # It needs no other plugin that happens to be installed: some start slowly.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    (test,) = (block for block in blocks(GUIDE, "python") if "def test_" in block)
    pytester.makepyfile(test)

    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "fractal", "-W", "error")

    result.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    "file",
    [
        "README.md",
        "docs/analysts.md",
        "docs/archives.md",
        "docs/operators.md",
        "docs/platforms.md",
        "docs/schemas.md",
        "docs/servers.md",
        "CONTRIBUTING.md",
    ],
)
def test_links_lead_to_files(file: str) -> None:
    links = re.findall(r"]\(([^)]+)\)", (ROOT / file).read_text())

    files = [link.partition("#")[0] for link in links if "://" not in link and not link.startswith("#")]
    assert [file_ for file_ in files if not (ROOT / file).parent.joinpath(file_).is_file()] == []

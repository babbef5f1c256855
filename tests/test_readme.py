"""What the README shows, works as written."""

import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.databases import ROOT, upgrade

README = (ROOT / "README.md").read_text()
CONSOLE_BLOCKS = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
PYTHON_BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_set_up_is_two_commands() -> None:
    assert [block.strip() for block in CONSOLE_BLOCKS if "pip install" in block] == [
        "pip install -e . && alembic upgrade head",
        "pip install -e '.[test]' && pytest",
    ]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a `fractal.db` at head."""
    monkeypatch.chdir(tmp_path)
    upgrade("sqlite:///fractal.db")
    return tmp_path


def run(block: str, folder: Path) -> str:
    return subprocess.check_output([sys.executable, "-W", "error", "-c", block], cwd=folder, text=True)


def test_python_blocks_run(folder: Path) -> None:
    add_job(folder / "fractal.db")

    for_servers, for_analysts = (run(block, folder) for block in PYTHON_BLOCKS)

    assert for_servers == "1 ['/data/plate-1']\n"
    assert for_analysts == "2024-03-05 14:21:07+00:00 user@example.org Segmentation Plate 1, processed\n"


def add_job(file: Path) -> None:
    connection = sqlite3.connect(file)
    connection.execute(
        "INSERT INTO applyworkflow (user_email, input_dataset_dump, output_dataset_dump, workflow_dump, project_dump,"
        " first_task_index, last_task_index, start_timestamp, status) VALUES ('user@example.org', '{}',"
        """ '{"name": "Plate 1, processed"}', '{"name": "Segmentation"}', '{}', 0, 0, '2024-03-05 14:21:07', 'done')"""
    )
    connection.commit()
    connection.close()


def test_links_lead_to_files() -> None:
    links = [link for link in re.findall(r"]\(([^)]+)\)", README) if "://" not in link]

    assert links
    assert [link for link in links if not (ROOT / link).is_file()] == []

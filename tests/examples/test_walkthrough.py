"""The commands of the example's README, run as they are written."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy import URL
from sqlmodel import Session, select

from fractal_models.database import create_engine
from fractal_models.models import ApplyWorkflow, OAuthAccount
from tests.support.databases import ROOT, mainly_on
from tests.support.example_server import FOLDER, environment, free_port

README = (FOLDER / "README.md").read_text()
REFUSED, UPGRADE, *REST = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
SHOWN = re.findall(r"```json\n(.*?)```", README, re.DOTALL)
CURL = ROOT / "tests" / "support" / "curl.py"


@pytest.fixture
def env(empty_url: URL, tmp_path: Path) -> dict[str, str]:
    """The environment of a terminal that finds this Python and its scripts, and something that acts like curl."""
    provider_port = free_port()
    found = environment(
        empty_url, PORT=free_port(), PROVIDER_PORT=provider_port, PROVIDER=f"http://127.0.0.1:{provider_port}"
    )
    binaries = tmp_path / "bin"
    binaries.mkdir()
    if empty_url.get_backend_name() == "sqlite" or shutil.which("curl") is None:
        stand_in = binaries / "curl"
        stand_in.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{CURL}" "$@"\n')
        stand_in.chmod(0o755)
    return {**found, "PATH": os.pathsep.join([str(binaries), str(Path(sys.executable).parent), found["PATH"]])}


@contextmanager
def shell(commands: str, env: dict[str, str], folder: Path) -> Iterator[tuple[int, str, str]]:
    """Run commands in the checkout; what they leave running ends with the context."""
    with (folder / "output").open("w+") as output, (folder / "errors").open("w+") as errors:
        process = subprocess.Popen(
            ["sh", "-e", "-c", commands], cwd=ROOT, env=env, stdout=output, stderr=errors, start_new_session=True
        )
        try:
            status = process.wait(timeout=120)
            yield status, (folder / "output").read_text(), (folder / "errors").read_text()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)


@mainly_on("sqlite")
def test_the_server_does_not_start_without_a_database(env: dict[str, str], tmp_path: Path) -> None:
    with shell(REFUSED, env, tmp_path) as (status, output, errors):
        assert (status, output, errors.count("\n")) == (3, "", 1)
        assert UPGRADE.strip() in errors


@mainly_on("postgresql")
def test_the_commands_do_what_the_text_says(env: dict[str, str], empty_url: URL, tmp_path: Path) -> None:
    with shell(UPGRADE + "".join(REST), env, tmp_path) as (status, output, errors):
        assert (status, errors) == (0, "")

        answers = [json.loads(line) for line in output.splitlines() if line.startswith(("{", "["))]
    ada, prepared, run = answers[:2], answers[2:14], answers[14:18]
    orders = [[step["id"] for step in answer["task_list"]] for answer in prepared if "task_list" in answer]

    assert [user["email"] for user in ada] == ["ada@example.org"] * 2
    assert [resource["path"] for resource in prepared[3]["resource_list"]] == [
        "/data/disk-1/plate-1",
        "/data/disk-2/plate-1",
    ]
    assert orders == [[], [1], [1, 2], [1, 3, 2], [1, 2, 3]]
    assert [run[0]["status"], run[1], run[2]["status"]] == ["submitted", *map(json.loads, SHOWN), "done"]
    assert run[3] == [run[2]]
    assert answers[18] == []
    assert answers[19]["email"] == "lou@example.org"
    assert len(answers) == 20

    engine = create_engine(empty_url)
    with Session(engine) as session:
        job = session.exec(select(ApplyWorkflow)).one()
        assert (job.project_id, job.workflow_dump["name"], job.last_task_index) == (None, "Segmentation", 1)
        assert session.exec(select(OAuthAccount.account_email)).all() == ["lou@example.org"]
    engine.dispose()

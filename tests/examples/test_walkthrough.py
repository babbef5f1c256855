"""The commands of the example's README, run as they are written."""

import json
import re
from pathlib import Path

import pytest
from sqlalchemy import URL
from sqlmodel import Session, select

from fractal_models.database import create_engine
from fractal_models.models import ApplyWorkflow, OAuthAccount
from tests.support.databases import mainly_on
from tests.support.example_server import FOLDER, free_port
from tests.support.shell import shell, terminal

README = (FOLDER / "README.md").read_text()
REFUSED, UPGRADE, *REST = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
SHOWN = re.findall(r"```json\n(.*?)```", README, re.DOTALL)


@pytest.fixture
def env(empty_url: URL, tmp_path: Path) -> dict[str, str]:
    provider_port = free_port()
    return terminal(
        empty_url,
        tmp_path,
        PORT=free_port(),
        PROVIDER_PORT=provider_port,
        PROVIDER=f"http://127.0.0.1:{provider_port}",
    )


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

"""The example server starts on a database at head alone."""

from pathlib import Path

import httpx
from sqlalchemy import URL

from fractal_models.database.revisions.history import BASELINE
from tests.support.databases import mainly_on, upgrade
from tests.support.example_server import FOLDER, environment, free_port, serve_app
from tests.support.preloaded import finish


@mainly_on("sqlite")
def test_a_database_that_is_behind_is_refused_until_it_is_upgraded(empty_url: URL, tmp_path: Path) -> None:
    upgrade(empty_url, BASELINE)
    env = environment(empty_url, PORT=free_port())

    refused = finish([FOLDER / "app.py"], env, tmp_path)
    command = "fractal-models upgrade head"
    upgraded = finish([*command.split(), "--yes"], env, tmp_path)

    assert (refused.code, refused.out, refused.err.count("\n")) == (3, "", 1)
    assert command in refused.err
    assert upgraded.code == 0
    with serve_app(empty_url, tmp_path) as server:
        assert httpx.get(f"{server.url}/openapi.json").status_code == 200
    assert server.log() == ""


def test_a_database_that_cannot_be_reached_is_named_without_its_password(tmp_path: Path) -> None:
    env = environment(f"postgresql://fractal:secret-password@127.0.0.1:{free_port()}/fractal")

    refused = finish([FOLDER / "app.py"], env, tmp_path)

    assert (refused.code, refused.err.count("\n")) == (3, 1)
    assert "secret-password" not in refused.err

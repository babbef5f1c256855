from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import URL

from fractal_models.database.conversion.task_groups import Package, package_of, paths
from fractal_models.testing.databases import Databases
from tests.support.commandline import run
from tests.support.databases import mainly_on
from tests.support.older import convert, create_older, select
from tests.support.server_2_9 import BASELINE


@pytest.mark.parametrize(
    ("source", "package"),
    [
        ("pip_remote:My_Tasks:1.0::3.9:convert", ("pypi", Package("my-tasks", "1.0", None, "3.9"))),
        ("pip_local:a.b__c:2:extra::convert", ("wheel-file", Package("a-b-c", "2", "extra", None))),
        ("pip_remote:tasks:1.0::3.9", None),
        ("admin:echo", None),
        (None, None),
    ],
)
def test_source_names_the_package(source: str | None, package: tuple[str, Package] | None) -> None:
    assert package_of(source) == package


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("/srv/tasks/1.0/venv/bin/python /srv/tasks/a.py", ("/srv/tasks/1.0/venv", "/srv/tasks/1.0")),
        ("python a.py", (None, None)),
        ("/bin/python", (None, None)),
        (None, (None, None)),
    ],
)
def test_interpreter_is_in_the_environment(command: str | None, found: tuple[str | None, str | None]) -> None:
    assert paths(command) == found


def user(id_: int, email: str, **values: Any) -> dict[str, Any]:
    flags = {"is_active": True, "is_superuser": False, "is_verified": False}
    return {"id": id_, "email": email, "hashed_password": "x", **flags, **values}


def task(id_: int, source: str, owner: str | None = None, **values: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {"meta_parallel": {}, "meta_non_parallel": {}, "input_types": {}, "output_types": {}}
    return {"id": id_, "name": f"task {id_}", "type": "parallel", "source": source, "owner": owner, **empty, **values}


USERS = [
    user(1, "admin@example.org", username="admin"),
    user(2, "twin@example.org", username="twin"),
    user(3, "Other@example.org", slurm_user="twin"),
    user(4, "named@example.org", username="named", slurm_user="admin"),
]


@pytest.fixture
def tasks_url(databases: Databases) -> Iterator[URL]:
    tasks = [
        task(1, "admin:own", "admin"),
        task(2, "pip_local:My_Tasks:1.0::3.9:b", command_parallel="/t/v/bin/python b.py"),
        task(3, "pip_remote:my.tasks:1.0::3.9:a", command_non_parallel="/x/y/bin/python a.py"),
        task(4, "twin:echo", "twin"),
        task(5, "stranger", version="7"),
    ]
    url = create_older(databases, "2.4.2", {"user_oauth": USERS, "taskv2": tasks})
    yield url
    databases.drop(url)


@mainly_on("sqlite")
def test_tasks_get_groups(tasks_url: URL) -> None:
    missing = convert(tasks_url)
    assert (missing.code, select(tasks_url, "SELECT version_num FROM alembic_version")) == (4, [("091b01f51f88",)])
    assert "taskv2 2 (task 2), 3 (task 3), 4 (task 4), 5 (task 5) need an owner" in missing.err
    assert "--task-owner" in missing.err
    unknown = convert(tasks_url, "--task-owner", "nobody@example.org")
    assert (unknown.code, "no user has the e-mail nobody@example.org" in unknown.err) == (4, True)

    outcome = run("upgrade", BASELINE, "--convert", "--task-owner", "other@example.org", url=tasks_url)

    assert outcome.code == 0, outcome.err
    groups = select(
        tasks_url,
        "SELECT user_id, origin, pkg_name, version, python_version, path, venv_path FROM taskgroupv2 ORDER BY id",
    )
    assert groups == [
        (1, "other", "admin:own", None, None, None, None),
        (3, "wheel-file", "my-tasks", "1.0", "3.9", "/t", "/t/v"),
        (3, "other", "twin:echo", None, None, None, None),
        (3, "other", "stranger", "7", None, None, None),
    ]
    grouped = "SELECT t.id, g.pkg_name FROM taskv2 t JOIN taskgroupv2 g ON g.id = t.taskgroupv2_id ORDER BY t.id"
    assert [name for _, name in select(tasks_url, grouped)] == [
        "admin:own",
        "my-tasks",
        "my-tasks",
        "twin:echo",
        "stranger",
    ]
    kept = (
        "SELECT row_id, value FROM fractal_legacy WHERE table_name = 'taskv2' AND column_name = 'owner' ORDER BY row_id"
    )
    assert [row for row, _ in select(tasks_url, kept)] == [1, 4]
    assert {name for (name,) in select(tasks_url, "SELECT name FROM usergroup")} == {"All"}

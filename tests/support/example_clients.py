"""Clients of the example server."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeVar

import httpx

from tests.support.example_server import Served

Result = TypeVar("Result")

PASSWORD = "secret-password-of-a-test"

_numbers = count(1)


def new_email() -> str:
    return f"user-{next(_numbers)}@example.org"


@contextmanager
def client_of(server: Served) -> Iterator[httpx.Client]:
    """A client without a token."""
    with httpx.Client(base_url=server.url, timeout=60) as client:
        yield client


@contextmanager
def log_in(server: Served, email: str) -> Iterator[httpx.Client]:
    """A client of a registered user."""
    with client_of(server) as client:
        carry_token(client, client.post("/auth/login", data={"username": email, "password": PASSWORD}))
        yield client


@contextmanager
def register(server: Served) -> Iterator[httpx.Client]:
    """A client of a new user."""
    email = new_email()
    httpx.post(f"{server.url}/auth/register", json={"email": email, "password": PASSWORD}).raise_for_status()
    with log_in(server, email) as client:
        yield client


@contextmanager
def log_in_elsewhere(server: Served) -> Iterator[httpx.Client]:
    """A client of a user who logged in at the identity provider."""
    with client_of(server) as client:
        begun = client.get("/auth/demo/authorize").raise_for_status()
        back = httpx.get(begun.json()["authorization_url"]).headers["location"]
        # The cookie is for secure connections; browsers and curl take those within a machine for such.
        carry_token(client, client.get(back, headers={"Cookie": begun.headers["set-cookie"].partition(";")[0]}))
        yield client


def carry_token(client: httpx.Client, answer: httpx.Response) -> None:
    client.headers["Authorization"] = f"Bearer {answer.raise_for_status().json()['access_token']}"


def created(client: httpx.Client, path: str, /, **body: Any) -> Any:
    """The response of a POST that creates a row."""
    answer = client.post(path, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


@dataclass
class Plan:
    """A project that is ready for a job."""

    id: int
    project: str
    workflow: str
    jobs: str
    steps: list[int]
    parameters: dict[str, int]
    """Values of the path and query parameters."""


def plan(client: httpx.Client, steps: int = 2) -> Plan:
    """Create a project with an input dataset, an output dataset and a workflow."""
    number = next(_numbers)
    project_id = created(client, "/projects", name="Embryo screen")["id"]
    project = f"/projects/{project_id}"
    raw, processed = (created(client, f"{project}/datasets", name=name)["id"] for name in ("raw", "processed"))
    created(client, f"{project}/datasets/{raw}/resources", path="/data/plate-1")
    workflow_id = created(client, f"{project}/workflows", name="Segmentation")["id"]
    workflow = f"{project}/workflows/{workflow_id}"
    types = {"input_type": "image", "output_type": "zarr"}
    ids: list[int] = []
    for step in range(steps):
        task = created(client, "/tasks", name=f"task {step}", source=f"{number}:{step}", command="run", **types)
        filled = created(client, f"{workflow}/steps?task_id={task['id']}")
        ids = [entry["id"] for entry in filled["task_list"]]
    return Plan(
        id=project_id,
        project=project,
        workflow=workflow,
        jobs=f"{workflow}/jobs?input_dataset_id={raw}&output_dataset_id={processed}",
        steps=ids,
        parameters={
            "project_id": project_id,
            "workflow_id": workflow_id,
            "dataset_id": processed,
            "input_dataset_id": raw,
            "output_dataset_id": processed,
        },
    )


def at_once(*calls: Callable[[], Result]) -> list[Result]:
    """The results of calls that start at the same time."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]

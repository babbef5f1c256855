"""Many clients at once, and what they leave behind."""

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import URL, Engine, NullPool, text
from sqlmodel import Session, col, select

from fractal_models.database import create_engine
from fractal_models.models import ApplyWorkflow
from tests.support.example_clients import created, register
from tests.support.example_server import serve_app

POOL_SIZE = 5
"""SQLAlchemy's own."""


async def work(client: httpx.AsyncClient, task_id: int, deadline: float) -> tuple[list[int], int]:
    """Submit jobs in a project of one's own until the time is over; return their ids, and the number of requests."""
    requests = 0

    async def expect(status: int, method: str, path: str, /, **body: Any) -> Any:
        nonlocal requests
        requests += 1
        answer = await client.request(method, path, json=body)
        assert answer.status_code == status, f"{method} {path}: {answer.text}"
        return answer.json() if answer.content else None

    project = f"/projects/{(await expect(201, 'POST', '/projects', name='load'))['id']}"
    workflow = f"{project}/workflows/{(await expect(201, 'POST', f'{project}/workflows', name='load'))['id']}"
    await expect(201, "POST", f"{workflow}/steps?task_id={task_id}")
    jobs: list[int] = []
    while not jobs or time.monotonic() < deadline:
        dataset = (await expect(201, "POST", f"{project}/datasets", name="load"))["id"]
        await expect(201, "POST", f"{project}/datasets/{dataset}/resources", path="/data")
        submission = f"{workflow}/jobs?input_dataset_id={dataset}&output_dataset_id={dataset}"
        job = (await expect(201, "POST", submission))["id"]
        jobs.append(job)
        await expect(409, "POST", submission)
        await expect(200, "PATCH", f"{project}/jobs/{job}", status="done")
        await expect(204, "DELETE", f"{project}/datasets/{dataset}")
    assert [job["id"] for job in await expect(200, "GET", f"{project}/jobs")] == jobs
    return jobs, requests


def connections(engine: Engine) -> list[str]:
    """The state of each other connection to the database."""
    others = text("SELECT state FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
    with engine.connect() as connection:
        return list(connection.scalars(others))


async def test_every_job_that_was_acknowledged_is_there_and_no_connection_is_left(
    postgres_url: URL, thorough: bool, tmp_path: Path
) -> None:
    clients, seconds = (50, 30) if thorough else (20, 1)
    engine = create_engine(postgres_url, poolclass=NullPool)
    with serve_app(postgres_url, tmp_path) as server, register(server) as user:
        task = created(user, "/tasks", name="x", source="x", command="x", input_type="x", output_type="x")
        limits = httpx.Limits(max_connections=clients)
        async with httpx.AsyncClient(
            base_url=server.url, headers={"Authorization": user.headers["Authorization"]}, limits=limits, timeout=60
        ) as client:
            deadline = time.monotonic() + seconds
            results = await asyncio.gather(*(work(client, task["id"], deadline) for _ in range(clients)))
        left = connections(engine)
    acknowledged = sorted(job for jobs, _ in results for job in jobs)
    with Session(engine) as session:
        stored = session.exec(select(ApplyWorkflow.id).order_by(col(ApplyWorkflow.id))).all()

    print(
        f"{clients} clients, {seconds} s: {sum(requests for _, requests in results)} requests, "
        f"{len(acknowledged)} jobs, {len(left)} connections"
    )
    assert len(acknowledged) >= clients
    assert stored == acknowledged
    assert set(left) == {"idle"}
    assert len(left) <= POOL_SIZE
    assert connections(engine) == []
    assert server.log() == ""

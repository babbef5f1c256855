"""What users notice of an upgrade: clients read and write all the time, and record how long each answer takes."""

import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import cycle
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import URL, Connection

from benchmarks.site.fill import Job, job_v1, job_v2
from fractal_models.base import Base
from fractal_models.database import create_engine
from fractal_models.models import ApplyWorkflow, JobV2

ROOT = Path(__file__).parent.parent.parent

PAUSE = 0.002
"""Seconds between two questions of a client: there are two processors or more, and the upgrade needs one."""

QUIET = 3.0
"""Seconds for which the clients are watched before the upgrade begins."""

CLIENT_EMAIL = "client@example.org"
"""Marks the jobs that the writer inserts."""

Action = Callable[[Connection], object]
Answers = list[tuple[float, float, str]]
"""When each question was asked, how many seconds the answer took, and which table it was about."""


def reading() -> Iterator[tuple[str, Action]]:
    """Read the newest page of each table, in turns."""
    for table in cycle(Base.metadata.sorted_tables):
        page = sa.select(table).order_by(*(key.desc() for key in table.primary_key.columns)).limit(25)
        yield table.name, partial(_fetch, statement=page)


def _fetch(connection: Connection, statement: sa.Select[Any]) -> object:
    return connection.execute(statement).all()


def writing() -> Iterator[tuple[str, Action]]:
    """Insert jobs of both generations, in turns."""
    rows = {"jobv2": job_v2, "applyworkflow": job_v1}
    inserts = []
    for name, row_of in rows.items():
        row = row_of(Job(0, 1, 1, 1, 1, "done")) | {"user_email": CLIENT_EMAIL}
        del row["id"]
        inserts.append((name, sa.table(name, *map(sa.column, row)).insert().values(row)))
    for name, insert in cycle(inserts):
        yield name, partial(Connection.execute, statement=insert)


CLIENTS = {"reader": reading, "writer": writing}


def client(name: str, url: URL, started: Event, stop: Event, answers: "Queue[tuple[str, Answers]]") -> None:
    """Ask, each time in a transaction of its own, until told to stop; then hand over what was recorded."""
    # SQLite would give up where PostgreSQL waits.
    engine = create_engine(url, connect_args={"timeout": 600} if url.get_backend_name() == "sqlite" else {})
    recorded: Answers = []
    for table, action in CLIENTS[name]():
        start = time.time()
        with engine.begin() as connection:
            action(connection)
        recorded.append((start, time.time() - start, table))
        started.set()
        if stop.is_set():
            break
        time.sleep(PAUSE)
    answers.put((name, recorded))
    engine.dispose()


@contextmanager
def clients(url: URL, recorded: dict[str, Answers]) -> Iterator[None]:
    """Have clients at work, and put what they recorded where the caller finds it afterwards."""
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    answers: Queue[tuple[str, Answers]] = context.Queue()
    started = [context.Event() for _ in CLIENTS]
    processes = [
        context.Process(target=client, args=(name, url, event, stop, answers), daemon=True)
        for name, event in zip(CLIENTS, started, strict=True)
    ]
    for process in processes:
        process.start()
    try:
        for event in started:
            if not event.wait(60):
                message = "a client could not reach the database"
                raise RuntimeError(message)
        yield
    finally:
        stop.set()
    for _ in processes:
        name, found = answers.get(timeout=600)
        recorded[name] = found
    for process in processes:
        process.join()


def run_alembic(url: URL) -> float:
    """Upgrade as an operator does, and give the seconds it took, the start of Python included."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        cwd=ROOT,
        env=os.environ | {"FRACTAL_DATABASE_URL": url.render_as_string(hide_password=False)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return time.perf_counter() - start


def upgrade(url: URL) -> dict[str, Any]:
    """Upgrade a database to head while clients use it, and leave it without the rows that they wrote."""
    recorded: dict[str, Answers] = {}
    with clients(url, recorded):
        time.sleep(QUIET)
        begun = time.time()
        seconds = run_alembic(url)
    waits = {name: summary(answers, begun, begun + seconds) for name, answers in recorded.items()}
    engine = create_engine(url)
    with engine.begin() as connection:
        for model in (JobV2, ApplyWorkflow):
            jobs = Base.metadata.tables[str(model.__tablename__)]
            connection.execute(jobs.delete().where(jobs.c.user_email == CLIENT_EMAIL))
    engine.dispose()
    return {"seconds": seconds, **waits}


def summary(answers: Answers, begun: float, ended: float) -> dict[str, Any]:
    """How long a client waited while the upgrade ran, and before."""
    during = [(1000 * seconds, table) for start, seconds, table in answers if start + seconds > begun and start < ended]
    before = [1000 * seconds for start, seconds, _ in answers if start + seconds <= begun]
    longest, table = max(during)
    return {
        "answers": len(during),
        "median_ms": statistics.median(wait for wait, _ in during),
        "longest_ms": longest,
        "longest_at": table,
        "longest_before_ms": max(before),
    }

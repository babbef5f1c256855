"""Response times of clients that read and write during an upgrade."""

import multiprocessing
import os
import re
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

from benchmarks.site.generations import V1, V2
from benchmarks.site.layout import JobKeys
from benchmarks.site.rows import job_row
from fractal_models.database import create_engine
from fractal_models.tables import METADATA

ROOT = Path(__file__).parent.parent.parent

PAUSE = 0.002
"""Seconds between the requests of a client; the upgrade needs a processor for itself."""

WARM_UP = 3.0
"""Seconds for which the clients run before the upgrade starts."""

REVISION = re.compile(r"\d+/\d+ upgrade to (?P<revision>\w+): ")
"""Line of Alembic's command when a revision begins."""

CHECKS, END = "checks", "end"
"""What comes before the first revision, the start of Python included; and the end of the last one."""

CLIENT_EMAIL = "client@example.org"
"""E-mail address in the jobs that the writer inserts."""

Action = Callable[[Connection], object]
Answers = list[tuple[float, float, str]]
"""Start, duration in seconds, and table of each request."""


def reading() -> Iterator[tuple[str, Action]]:
    """Read the newest page of each table in turn."""
    for table in cycle(METADATA.sorted_tables):
        page = sa.select(table).order_by(*(key.desc() for key in table.primary_key.columns)).limit(25)
        yield table.name, partial(_fetch, statement=page)


def _fetch(connection: Connection, statement: sa.Select[Any]) -> object:
    return connection.execute(statement).all()


def writing() -> Iterator[tuple[str, Action]]:
    """Insert jobs of both versions in turns."""
    inserts = []
    for generation in (V2, V1):
        row = job_row(generation, JobKeys(0, 1, 1, 1, 1, "done")) | {"user_email": CLIENT_EMAIL}
        del row["id"]
        name = str(generation.job.__tablename__)
        inserts.append((name, sa.table(name, *map(sa.column, row)).insert().values(row)))
    for name, insert in cycle(inserts):
        yield name, partial(Connection.execute, statement=insert)


CLIENTS = {"reader": reading, "writer": writing}


def client(name: str, url: URL, started: Event, stop: Event, answers: "Queue[tuple[str, Answers]]") -> None:
    """Send requests, each in its own transaction, until `stop` is set; then put their times into the queue."""
    # PostgreSQL waits for locks without a limit; SQLite needs a timeout.
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
    """Run the clients in other processes, and add their answers to `recorded` in the end."""
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
                message = "a client could not connect to the database within 60 s"
                raise RuntimeError(message)
        yield
    finally:
        stop.set()
    for _ in processes:
        name, found = answers.get(timeout=600)
        recorded[name] = found
    for process in processes:
        process.join()


def run_alembic(url: URL) -> dict[str, float]:
    """Upgrade by Alembic's command.

    Returns:
        Time at which each revision began, with `CHECKS` before them, and `END`.
    """
    begun = {CHECKS: time.time()}
    printed = []
    with subprocess.Popen(
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        cwd=ROOT,
        env=os.environ | {"FRACTAL_DATABASE_URL": url.render_as_string(hide_password=False)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            printed.append(line)
            if match := REVISION.match(line):
                begun[match["revision"]] = time.time()
    if process.returncode:
        raise RuntimeError("".join(printed))
    return {**begun, END: time.time()}


def upgrade(url: URL) -> dict[str, Any]:
    """Upgrade a database to head while clients use it, then delete the rows that they wrote."""
    recorded: dict[str, Answers] = {}
    with clients(url, recorded):
        time.sleep(WARM_UP)
        begun = run_alembic(url)
    waits = {name: summary(answers, begun[CHECKS], begun[END]) for name, answers in recorded.items()}
    parts = [
        {
            "part": part,
            "seconds": end - start,
            **{
                f"{name}_longest_ms": max(responses(answers, start, end), default=(0.0, ""))[0]
                for name, answers in recorded.items()
            },
        }
        for (part, start), end in zip(begun.items(), list(begun.values())[1:], strict=False)
    ]
    engine = create_engine(url)
    with engine.begin() as connection:
        for job in (V2.job, V1.job):
            connection.execute(sa.delete(job).where(job.user_email == CLIENT_EMAIL))
    engine.dispose()
    return {"seconds": begun[END] - begun[CHECKS], **waits, "parts": parts}


def longest(answers: Answers, begun: float, ended: float) -> float:
    """Longest response time between two moments in milliseconds; 0 without any."""
    return max((wait for wait, _ in responses(answers, begun, ended)), default=0.0)


def responses(answers: Answers, begun: float, ended: float) -> list[tuple[float, str]]:
    """Response times between two moments in milliseconds, with their tables."""
    return [(1000 * seconds, table) for start, seconds, table in answers if start + seconds > begun and start < ended]


def summary(answers: Answers, begun: float, ended: float) -> dict[str, Any]:
    """Response times of a client during the upgrade, and before."""
    during = responses(answers, begun, ended)
    before = [1000 * seconds for start, seconds, _ in answers if start + seconds <= begun]
    longest_ms, table = max(during)
    return {
        "answers": len(during),
        "median_ms": statistics.median(wait for wait, _ in during),
        "longest_ms": longest_ms,
        "longest_at": table,
        "longest_before_ms": max(before),
    }

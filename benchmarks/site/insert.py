"""What the indexes cost: jobs that are inserted through the ORM, before and after."""

import gc
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from random import Random
from time import perf_counter
from typing import Any

from rich.progress import Progress
from sqlalchemy import Engine
from sqlmodel import Session

from benchmarks.site.fill import SEED, Job, Site, job_v1, job_v2
from benchmarks.site.paths import V1, V2, Generation

COMMIT = 1000
"""Jobs per transaction."""

ROWS: dict[str, Callable[[Job], dict[str, Any]]] = {V1.name: job_v1, V2.name: job_v2}


def job_values(generation: Generation, place: Job) -> dict[str, Any]:
    """What the constructor of a job takes."""

    def value(name: str, stored: Any) -> Any:
        if name.endswith("_dump"):
            return json.loads(stored)
        return datetime.fromisoformat(stored).replace(tzinfo=UTC) if name.endswith("_timestamp") else stored

    return {name: value(name, stored) for name, stored in ROWS[generation.name](place).items() if name != "id"}


def insert_jobs(engines: Sequence[Engine], site: Site, number: int, progress: Progress) -> dict[str, list[float]]:
    """Insert jobs, half of each generation, into each database in turns, and give the seconds for each of these."""
    bar = progress.add_task("Insert through the ORM", total=number)
    random = Random(SEED)
    seconds = {}
    for generation in (V2, V1):
        spent = [0.0] * len(engines)
        for done in range(0, number // 2, COMMIT):
            places = [site.place(random.randint(1, site.jobs)) for _ in range(min(COMMIT, number // 2 - done))]
            values = [job_values(generation, place._replace(status="done")) for place in places]
            # In alternating order: whatever the first one warms up, the second one has for free.
            order = list(enumerate(engines))[:: -1 if done // COMMIT % 2 else 1]
            for index, engine in order:
                spent[index] += _insert_seconds(engine, generation.job, values)
            progress.advance(bar, len(values))
        seconds[generation.name] = spent
    progress.remove_task(bar)
    return seconds


def _insert_seconds(engine: Engine, model: Any, values: Sequence[dict[str, Any]]) -> float:
    """Construct, flush and commit."""
    gc.collect()
    with Session(engine) as session:
        start = perf_counter()
        session.add_all([model(**row) for row in values])
        session.commit()
        return perf_counter() - start

"""Costs of the ORM: inserting jobs, listing datasets with many images, deleting objects that many jobs refer to."""

import gc
import json
import statistics
import tracemalloc
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from random import Random
from typing import Any

from rich.progress import Progress
from sqlalchemy import Engine, event, insert
from sqlmodel import Session, col, select

from benchmarks.core import milliseconds
from benchmarks.site.generations import V1, V2, Generation
from benchmarks.site.layout import SEED, JobKeys, Site
from benchmarks.site.rows import job_row
from fractal_models.loading import without_heavy
from fractal_models.models import DatasetV2, ProjectV2

JOBS_PER_COMMIT = 1000


def insert_jobs(engines: Sequence[Engine], site: Site, number: int, progress: Progress) -> dict[str, list[float]]:
    """Insert jobs, half of either version, into each database in turns; return the seconds for each database."""
    bar = progress.add_task("Insert through the ORM", total=number)
    random = Random(SEED)
    seconds = {}
    for generation in (V2, V1):
        spent = [0.0] * len(engines)
        for done in range(0, number // 2, JOBS_PER_COMMIT):
            jobs = [random.randint(1, site.jobs) for _ in range(min(JOBS_PER_COMMIT, number // 2 - done))]
            values = [_job_values(generation, site.job(job)._replace(status="done")) for job in jobs]
            # The order alternates, because the first insertion fills caches for the second.
            for index, engine in list(enumerate(engines))[:: -1 if done // JOBS_PER_COMMIT % 2 else 1]:
                spent[index] += _insert_ms(engine, generation.job, values) / 1000
            progress.advance(bar, len(values))
        seconds[generation.name] = spent
    progress.remove_task(bar)
    return seconds


def _job_values(generation: Generation, job: JobKeys) -> dict[str, Any]:
    """Arguments of a job's constructor."""

    def value(name: str, stored: Any) -> Any:
        if name.endswith("_dump"):
            return json.loads(stored)
        return datetime.fromisoformat(stored).replace(tzinfo=UTC) if name.endswith("_timestamp") else stored

    return {name: value(name, stored) for name, stored in job_row(generation, job).items() if name != "id"}


def _insert_ms(engine: Engine, model: Any, values: Sequence[dict[str, Any]]) -> float:
    def save() -> None:
        session.add_all([model(**row) for row in values])
        session.commit()

    gc.collect()
    with Session(engine) as session:
        return milliseconds(save)


def compare_listings(engine: Engine, datasets: int, images: int) -> dict[str, Any]:
    """Time and peak memory of listing a project's datasets, with all columns and without the heavy ones."""
    with Session(engine) as session:
        project = ProjectV2(name="Many images")
        session.add(project)
        session.commit()
        row = {"project_id": project.id, "zarr_dir": "/data/zarr", "images": [_image(n) for n in range(images)]}
        session.execute(insert(DatasetV2), [{**row, "name": f"Dataset {n}"} for n in range(datasets)])
        session.commit()
        full = select(DatasetV2).where(col(DatasetV2.project_id) == project.id)
    slim = full.options(without_heavy(DatasetV2))
    return {
        "datasets": datasets,
        "images": images,
        "full": {"ms": _listing_ms(engine, full, 3), "peak_mb": _peak_megabytes(engine, full)},
        "slim": {"ms": _listing_ms(engine, slim, 15), "peak_mb": _peak_megabytes(engine, slim)},
    }


def _image(number: int) -> dict[str, Any]:
    return {
        "zarr_url": f"/data/zarr/plate.zarr/{'ABCDEFGH'[number % 8]}/{number % 12:02}/{number}",
        "origin": None,
        "attributes": {"plate": "plate.zarr", "well": f"A{number % 12:02}", "acquisition": number % 4},
        "types": {"is_3D": True, "registered": False},
    }


def _list(session: Session, statement: Any) -> None:
    session.scalars(statement).all()


def _listing_ms(engine: Engine, statement: Any, rounds: int) -> float:
    times = []
    for _ in range(rounds + 1):
        gc.collect()
        with Session(engine) as session:
            times.append(milliseconds(partial(_list, session, statement)))
    return statistics.median(times[1:])  # The first one fills caches.


def _peak_megabytes(engine: Engine, statement: Any) -> float:
    gc.collect()
    with Session(engine) as session:
        tracemalloc.start()
        try:
            _list(session, statement)
            return tracemalloc.get_traced_memory()[1] / 1e6
        finally:
            tracemalloc.stop()


def count_statements(engine: Engine, numbers: Sequence[int]) -> dict[str, dict[int, int]]:
    """Number of statements to delete an object at head, by kind of object and number of its jobs."""
    return {
        f"{kind} ({generation.name})": {
            number: _deletion_statements(engine, generation, kind, number) for number in numbers
        }
        for generation in (V2, V1)
        for kind in ("dataset", "workflow", "project")
    }


def _deletion_statements(engine: Engine, generation: Generation, kind: str, jobs: int) -> int:
    sent: list[str] = []

    def record(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    with Session(engine) as session:
        parent = _save(session, generation, kind)
        values = _job_values(generation, JobKeys(0, 1, 1, 1, 1, "done"))
        values |= {name: None for name in values if name.endswith("_id")}
        key = generation.job_datasets[-1] if kind == "dataset" else f"{kind}_id"
        session.execute(insert(generation.job), [{**values, key: parent.id}] * jobs)
        session.commit()
        model, identity = type(parent), parent.id

    with Session(engine) as session:
        event.listen(engine, "before_cursor_execute", record)
        try:
            session.delete(session.get_one(model, identity))
            session.commit()
        finally:
            event.remove(engine, "before_cursor_execute", record)
    return len(sent)


def _save(session: Session, generation: Generation, kind: str) -> Any:
    saved: Any = generation.project(name="Project")
    if kind == "dataset":
        values = {"zarr_dir": "/data/zarr"} if generation is V2 else {}
        saved = generation.dataset(name="Dataset", project=saved, **values)
    elif kind == "workflow":
        saved = generation.workflow(name="Workflow", project=saved)
    session.add(saved)
    session.commit()
    return saved

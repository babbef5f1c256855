"""Time and memory of listing datasets with many images, in full and without their heavy columns."""

import gc
import statistics
import tracemalloc
from time import perf_counter
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session, col, insert, select

from fractal_models.loading import without_heavy
from fractal_models.models import DatasetV2, ProjectV2


def image(number: int) -> dict[str, Any]:
    """One image of a dataset, as tasks register it."""
    return {
        "zarr_url": f"/data/zarr/plate.zarr/{'ABCDEFGH'[number % 8]}/{number % 12:02}/{number}",
        "origin": None,
        "attributes": {"plate": "plate.zarr", "well": f"A{number % 12:02}", "acquisition": number % 4},
        "types": {"is_3D": True, "registered": False},
    }


def compare_listings(engine: Engine, datasets: int, images: int) -> dict[str, Any]:
    """Fill one project, and list its datasets in both ways."""
    with Session(engine) as session:
        project = ProjectV2(name="Many images")
        session.add(project)
        session.commit()
        row = {"project_id": project.id, "zarr_dir": "/data/zarr", "images": [image(n) for n in range(images)]}
        session.execute(insert(DatasetV2), [{**row, "name": f"Dataset {n}"} for n in range(datasets)])
        session.commit()
        full = select(DatasetV2).where(col(DatasetV2.project_id) == project.id)
    slim = full.options(without_heavy(DatasetV2))
    return {
        "datasets": datasets,
        "images": images,
        "full": {"ms": _milliseconds(engine, full, 3), "peak_mb": _megabytes(engine, full)},
        "slim": {"ms": _milliseconds(engine, slim, 15), "peak_mb": _megabytes(engine, slim)},
    }


def _milliseconds(engine: Engine, statement: Any, rounds: int) -> float:
    """Median of some rounds, after one that fills the caches."""
    times = []
    for _ in range(rounds + 1):
        gc.collect()
        with Session(engine) as session:
            start = perf_counter()
            session.scalars(statement).all()
            times.append(1000 * (perf_counter() - start))
    return statistics.median(times[1:])


def _megabytes(engine: Engine, statement: Any) -> float:
    """Peak of what Python allocates."""
    gc.collect()
    with Session(engine) as session:
        tracemalloc.start()
        try:
            session.scalars(statement).all()
            return tracemalloc.get_traced_memory()[1] / 1e6
        finally:
            tracemalloc.stop()

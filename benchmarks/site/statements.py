"""How many statements the ORM sends to delete an object that many jobs refer to."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, event, insert
from sqlmodel import Session

from benchmarks.site.fill import Job
from benchmarks.site.insert import job_values
from benchmarks.site.paths import V1, V2, Generation


def count_statements(engine: Engine, numbers: Sequence[int]) -> dict[str, dict[int, int]]:
    """Give the number of statements by kind of object and by number of jobs, at head."""
    return {
        f"{kind} ({generation.name})": {number: _count(engine, generation, kind, number) for number in numbers}
        for generation in (V2, V1)
        for kind in ("dataset", "workflow", "project")
    }


def _count(engine: Engine, generation: Generation, kind: str, jobs: int) -> int:
    sent: list[str] = []

    def record(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    with Session(engine) as session:
        doomed = _save(session, generation, kind)
        values = job_values(generation, Job(0, 1, 1, 1, 1, "done"))
        values |= {name: None for name in values if name.endswith("_id")}
        key = generation.job_datasets[-1] if kind == "dataset" else f"{kind}_id"
        session.execute(insert(generation.job), [{**values, key: doomed.id}] * jobs)
        session.commit()
        model, identity = type(doomed), doomed.id

    with Session(engine) as session:
        event.listen(engine, "before_cursor_execute", record)
        try:
            session.delete(session.get_one(model, identity))
            session.commit()
        finally:
            event.remove(engine, "before_cursor_execute", record)
    return len(sent)


def _save(session: Session, generation: Generation, kind: str) -> Any:
    """Save the object, a dataset or workflow with its project."""
    saved: Any = generation.project(name="Project")
    if kind == "dataset":
        place = {"zarr_dir": "/data/zarr"} if generation is V2 else {}
        saved = generation.dataset(name="Dataset", project=saved, **place)
    elif kind == "workflow":
        saved = generation.workflow(name="Workflow", project=saved)
    session.add(saved)
    session.commit()
    return saved

"""Load many rows, against plain SQLAlchemy models with the same columns and relationships.

`python -m benchmarks.loading` prints the processor time of each, on both engines, and the ratio. Both read the same
rows in turns, in one process.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import RelationshipProperty, registry, relationship
from sqlmodel import Session, SQLModel, UTCDateTime, select

from benchmarks.core import measure, medians, option_parser, package_versions, publish, table
from benchmarks.databases import ENGINES, temporary_databases
from benchmarks.models import cpu_time, job
from fractal_models import models
from fractal_models.base import Base
from fractal_models.database import create_engine
from fractal_models.loading import without_relationships
from fractal_models.types import StrictJSON

LIMIT = 1.2
HEADINGS = {
    "name": "",
    "engine": "engine",
    "own_ms": "ms",
    "plain_ms": "plain SQLAlchemy ms",
    "ratio": "ratio",
    "alone_ms": "without relationships ms",
}
LOADED: dict[str, type[Base]] = {
    "jobs": models.JobV2,
    "jobs of version 1": models.ApplyWorkflow,
    "datasets": models.DatasetV2,
    "workflows with ten steps": models.WorkflowV2,
}
STEPS = 10


def plain_models() -> dict[str, type[Any]]:
    """Plain classes for all tables, by the names of the models."""
    mapped, metadata = registry(), sa.MetaData()
    classes: dict[str, Any] = {model.__name__: type(model.__name__, (), {}) for model in models.TABLES}
    tables = {model.__name__: _plain_table(sa.inspect(model).local_table, metadata) for model in models.TABLES}
    for model in models.TABLES:
        properties = {
            key: _plain_relationship(related, classes, metadata)
            for key, related in sa.inspect(model).relationships.items()
        }
        mapped.map_imperatively(classes[model.__name__], tables[model.__name__], properties=properties)
    return classes


def _plain_table(original: Any, metadata: sa.MetaData) -> sa.Table:
    columns = [
        sa.Column(
            column.name,
            _plain_type(column.type),
            *(sa.ForeignKey(key.target_fullname) for key in column.foreign_keys),
            primary_key=column.primary_key,
        )
        for column in original.columns
    ]
    return sa.Table(original.name, metadata, *columns)


def _plain_type(type_: Any) -> sa.types.TypeEngine[Any]:
    if isinstance(type_, StrictJSON):
        return sa.JSON()
    if isinstance(type_, UTCDateTime):
        return sa.DateTime(timezone=True)
    return type_.impl_instance if isinstance(type_, sa.TypeDecorator) else type_


def _plain_relationship(
    original: RelationshipProperty[Any], classes: dict[str, type[Any]], metadata: sa.MetaData
) -> RelationshipProperty[Any]:
    order = [f"{column.table.name}.{column.name}" for column in _columns(original.order_by or ())]
    return relationship(
        classes[original.mapper.class_.__name__],
        secondary=None if original.secondary is None else metadata.tables[str(original.secondary)],
        order_by=lambda: [metadata.tables[name.split(".")[0]].columns[name.split(".")[1]] for name in order],
        back_populates=original.back_populates,
        lazy=original.lazy,
        join_depth=original.join_depth,
    )


def _columns(clauses: Sequence[Any]) -> Iterator[Any]:
    for clause in clauses:
        yield getattr(clause, "element", clause)


def fill(engine: Engine, number: int) -> None:
    """Write a site with `number` jobs, datasets and workflows, in projects of twenty users."""
    SQLModel.metadata.create_all(engine)
    with Session(engine) as session:
        users = [
            models.UserOAuth(
                email=f"user{n}@example.org",
                hashed_password="hash",
                settings=models.UserSettings(slurm_accounts=["imaging"]),
                oauth_accounts=[
                    models.OAuthAccount(oauth_name="site", access_token="token", account_id=f"{n}", account_email="@")
                ],
            )
            for n in range(20)
        ]
        projects = [models.ProjectV2(name=f"Screen {n}", user_list=[users[n % 20]]) for n in range(50)]
        tasks = [models.TaskV2(name=f"Task {n}", type="parallel", command_parallel=f"task {n}") for n in range(STEPS)]
        session.add_all(projects)
        session.flush()
        owner = users[0].id or 0
        session.add(models.TaskGroupV2(user_id=owner, origin="pypi", pkg_name="tasks", task_list=tasks))
        for n in range(number):
            values = job(n)
            common = {key: values[key] for key in models.JobV2.model_fields if key in values}
            session.add(models.ApplyWorkflow(**values))
            session.add(models.JobV2(**common, dataset_dump=values["input_dataset_dump"]))
            session.add(_dataset(n, projects[n % 50]))
            session.add(_workflow(n, projects[n % 50], tasks))
        session.commit()


def _dataset(number: int, project: models.ProjectV2) -> models.DatasetV2:
    images = [
        {"zarr_url": f"/zarr/{number}/{n}", "origin": None, "attributes": {"well": f"A{n}"}, "types": {"is_3D": True}}
        for n in range(10)
    ]
    return models.DatasetV2(name=f"Dataset {number}", project=project, zarr_dir=f"/zarr/{number}", images=images)


def _workflow(number: int, project: models.ProjectV2, tasks: Sequence[models.TaskV2]) -> models.WorkflowV2:
    arguments = {"overwrite": True, "channel": "A01_C01", "thresholds": [0.1, 0.5]}
    steps = [
        models.WorkflowTaskV2(task=task, task_type="parallel", args_parallel=arguments, meta_parallel={"mem": 16_000})
        for task in tasks
    ]
    return models.WorkflowV2(name=f"Workflow {number}", project=project, task_list=steps)


def load(engine: Engine, model: type[Any], *options: Any) -> float:
    """Load all rows of a class; return the milliseconds of processor time."""
    with Session(engine) as session, cpu_time() as elapsed_ms:
        loaded = session.exec(select(model).options(*options)).all()
    assert loaded
    return elapsed_ms()


@contextmanager
def filled_engines(number: int) -> Iterator[dict[str, Engine]]:
    """An engine for each kind of database, filled."""
    with ExitStack() as stack:
        engines = {}
        for name in ENGINES:
            databases = stack.enter_context(temporary_databases(name))
            engines[name] = create_engine(databases.create())
            stack.callback(engines[name].dispose)
            fill(engines[name], number)
        yield engines


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    options = option_parser(
        "loading",
        __doc__,
        rows=(1000, "jobs, datasets and workflows to load"),
        rounds=(9, "measurements of each comparison; medians are printed"),
    ).parse_args(arguments)
    plain = plain_models()

    def compare(engine: Engine, model: type[Base]) -> dict[str, float]:
        figures = {"own_ms": load(engine, model), "plain_ms": load(engine, plain[model.__name__])}
        if sa.inspect(model).relationships:
            figures["alone_ms"] = load(engine, model, without_relationships(model))
        return figures

    with filled_engines(options.rows) as engines:
        cases = {
            (name, backend): partial(compare, engine, model)
            for backend, engine in engines.items()
            for name, model in LOADED.items()
        }
        samples = measure({str(key): case for key, case in cases.items()}, options.rounds)
    results = []
    for name, backend in cases:
        row = {"name": name, "engine": backend, **medians(samples[str((name, backend))])}
        results.append({**row, "ratio": row["own_ms"] / row["plain_ms"], "limits": {"ratio": LIMIT}})
    publish(options, package_versions("sqlmodel", "sqlalchemy", "pydantic"), results, table(results, HEADINGS))


if __name__ == "__main__":
    main()

"""Cost of response bodies in comparison with plain pydantic classes of the same fields: from loaded rows to JSON.

The ratio compares two measurements that alternate in the same run.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter
from sqlmodel import Session, SQLModel, col, select

from benchmarks.core import measure, medians, option_parser, package_versions, publish, table
from benchmarks.models import HEADINGS, cpu_time
from fractal_models.database import create_engine
from fractal_models.models import ProjectV2, WorkflowV2
from fractal_models.schemas.v2 import WorkflowReadV2
from fractal_models.testing.factories import TaskGroupV2Factory, TaskV2Factory, UserOAuthFactory, WorkflowTaskV2Factory

STEPS = 10
LIMIT = 1.3


class Plain(BaseModel):
    """Base of the classes that a developer would write by hand."""

    model_config = ConfigDict(from_attributes=True)

    id: int


class PlainProject(Plain):
    """The fields of `ProjectReadV2`."""

    name: str
    timestamp_created: datetime


class PlainTask(Plain):
    """The fields of `TaskReadV2`."""

    taskgroupv2_id: int | None = None
    source: str | None = None
    name: str
    type: str
    command_non_parallel: str | None = None
    command_parallel: str | None = None
    version: str | None = None
    meta_non_parallel: dict[str, Any]
    meta_parallel: dict[str, Any]
    args_schema_version: str | None = None
    docs_link: str | None = None
    input_types: dict[str, bool]
    output_types: dict[str, bool]
    category: str | None = None
    modality: str | None = None
    authors: str | None = None
    tags: list[str]
    args_schema_non_parallel: dict[str, Any] | None = None
    args_schema_parallel: dict[str, Any] | None = None
    docs_info: str | None = None


class PlainStep(Plain):
    """The fields of `WorkflowTaskReadV2`."""

    order: int | None = None
    meta_non_parallel: dict[str, Any] | None = None
    meta_parallel: dict[str, Any] | None = None
    args_non_parallel: dict[str, Any] | None = None
    args_parallel: dict[str, Any] | None = None
    input_filters: dict[str, Any]
    task_type: str
    workflow_id: int
    task_id: int
    task: PlainTask


class PlainWorkflow(Plain):
    """The fields of `WorkflowReadV2`."""

    name: str
    timestamp_created: datetime
    project_id: int
    project: PlainProject
    task_list: list[PlainStep]


def create_workflows(session: Session, number: int) -> None:
    """Save workflows of typical steps in a new database."""
    user = UserOAuthFactory.create(session)
    schema = {"type": "object", "properties": {"level": {"type": "integer", "default": 1}, "model": {"type": "string"}}}
    tasks = TaskV2Factory.batch(20, args_schema_parallel=schema, meta_parallel={"cpus_per_task": 4, "mem": 16_000})
    session.add(TaskGroupV2Factory.build(user_id=user.id, task_list=tasks))
    project = ProjectV2(name="Embryo screen")
    for index in range(number):
        steps = [
            WorkflowTaskV2Factory.build(
                task=tasks[(index + order) % len(tasks)],
                args_parallel={"level": order, "model": "nuclei"},
                input_filters={"attributes": {}, "types": {"3D": True}},
            )
            for order in range(STEPS)
        ]
        session.add(WorkflowV2(name=f"Workflow {index}", project=project, task_list=steps))
    session.commit()
    session.expunge_all()


def write_json(adapter: TypeAdapter[list[Any]], rows: Sequence[WorkflowV2]) -> bytes:
    """Write rows as JSON, as FastAPI does."""
    return adapter.dump_json(adapter.validate_python(rows, from_attributes=True))


def body_ms(adapter: TypeAdapter[list[Any]], rows: Sequence[WorkflowV2]) -> float:
    """Time to write rows as JSON."""
    with cpu_time() as elapsed_ms:
        written = write_json(adapter, rows)
    assert len(written) > len(rows)
    return elapsed_ms()


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    options = option_parser(
        "bodies",
        __doc__,
        rows=(1000, f"workflows of {STEPS} steps"),
        rounds=(9, "measurements of each class; medians are printed"),
    ).parse_args(arguments)
    engine = create_engine("sqlite://")
    SQLModel.metadata.create_all(engine)
    own, plain = TypeAdapter(list[WorkflowReadV2]), TypeAdapter(list[PlainWorkflow])
    with Session(engine) as session:
        create_workflows(session, options.rows)
        rows = session.exec(select(WorkflowV2).order_by(col(WorkflowV2.id))).all()
        cases = {"own_ms": partial(body_ms, own, rows), "other_ms": partial(body_ms, plain, rows)}
        name = f"WorkflowReadV2, {STEPS} steps each"
        samples = measure({name: lambda: {case: run() for case, run in cases.items()}}, options.rounds)
    engine.dispose()
    row = {"name": name, "against": "plain pydantic", **medians(samples[name])}
    results = [{**row, "ratio": row["own_ms"] / row["other_ms"], "limits": {"ratio": LIMIT}}]
    publish(options, package_versions("pydantic", "sqlmodel", "sqlalchemy"), results, table(results, HEADINGS))


if __name__ == "__main__":
    main()

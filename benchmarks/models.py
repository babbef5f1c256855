"""Cost of the models in comparison with plain SQLModel, and of the migrations in comparison with `create_all`.

Each ratio compares two measurements that alternate in the same run.
"""

import gc
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from itertools import count
from pathlib import Path
from time import process_time
from typing import Any, ClassVar, NamedTuple

import sqlalchemy as sa
from sqlmodel import JSON, Field, Session, SQLModel, select

from benchmarks.core import Figures, measure, medians, milliseconds, option_parser, package_versions, publish, table
from fractal_models.database import create_engine
from fractal_models.models import ApplyWorkflow
from fractal_models.utils import get_timestamp

ROOT = Path(__file__).parent.parent
HEADINGS = {"name": "", "own_ms": "ms", "against": "against", "other_ms": "ms", "ratio": "ratio"}


class BareJob(SQLModel, table=True):
    """The columns of `ApplyWorkflow` in a plain SQLModel class."""

    metadata: ClassVar[sa.MetaData] = sa.MetaData()
    __tablename__ = "barejob"

    worker_init: str | None = None
    id: int | None = Field(default=None, primary_key=True)
    project_id: int | None = None
    workflow_id: int | None = None
    input_dataset_id: int | None = None
    output_dataset_id: int | None = None
    user_email: str
    slurm_account: str | None = None
    input_dataset_dump: dict[str, Any] = Field(sa_type=JSON)
    output_dataset_dump: dict[str, Any] = Field(sa_type=JSON)
    workflow_dump: dict[str, Any] = Field(sa_type=JSON)
    project_dump: dict[str, Any] = Field(sa_type=JSON)
    working_dir: str | None = None
    working_dir_user: str | None = None
    first_task_index: int
    last_task_index: int
    start_timestamp: datetime = Field(default_factory=get_timestamp)
    end_timestamp: datetime | None = None
    status: str = "submitted"
    log: str | None = None


Job = type[ApplyWorkflow] | type[BareJob]


def job(number: int) -> dict[str, Any]:
    """Values of a typical job: six steps, two datasets, a log of ten lines."""
    created = "2024-03-05T14:21:07.123456+00:00"
    project = {"id": 1 + number % 50, "name": f"Screen {number % 50}", "read_only": False, "timestamp_created": created}
    datasets = [
        {
            "id": 2 * number + part,
            "name": name,
            "type": "zarr" if part else "image",
            "meta": {"plate": [f"{number:05}.zarr"], "well": [f"{number:05}.zarr/B/03"], "num_levels": 5},
            "history": [],
            "read_only": False,
            "project_id": project["id"],
            "timestamp_created": created,
            "resource_list": [{"id": number, "path": f"/data/{name}/{number:05}", "dataset_id": 2 * number + part}],
        }
        for part, name in enumerate(("raw", "processed"))
    ]
    workflow = {
        "id": number,
        "name": f"Workflow {number}",
        "project_id": project["id"],
        "timestamp_created": created,
        "task_list": [
            {
                "id": 6 * number + order,
                "order": order,
                "task_id": order,
                "meta": {"cpus_per_task": 4, "mem": 16_000, "parallelization_level": "image"},
                "args": {"overwrite": True, "channel": "A01_C01", "model_type": "nuclei", "thresholds": [0.1, 0.5]},
                "task": {"id": order, "name": f"Task {order}", "command": f"python task_{order}.py", "source": "site"},
            }
            for order in range(6)
        ],
    }
    return {
        "worker_init": "module load cuda",
        "user_email": f"user{number % 20}@example.org",
        "slurm_account": "imaging",
        "input_dataset_dump": datasets[0],
        "output_dataset_dump": datasets[1],
        "workflow_dump": workflow,
        "project_dump": project,
        "working_dir": f"/server/jobs/{number:07}",
        "working_dir_user": f"/home/user{number % 20}/jobs/{number:07}",
        "first_task_index": 0,
        "last_task_index": 5,
        "end_timestamp": get_timestamp(),
        "status": "done",
        "log": "Task 0: done\nTask 1: done\n" * 5,
    }


class Rows:
    """Equal rows in memory, to be written and read through either class."""

    def __init__(self, number: int) -> None:
        self.values = [job(index) for index in range(number)]
        self.engine = create_engine("sqlite://")

    def write(self, cls: Job) -> float:
        """Construct all rows and flush them to an empty table."""
        self._recreate_table(cls)
        with Session(self.engine) as session:
            with cpu_time() as elapsed_ms:
                session.add_all([cls(**values) for values in self.values])
                session.flush()
            session.commit()
        return elapsed_ms()

    def _recreate_table(self, cls: Job) -> None:
        mapped: sa.Table = sa.inspect(cls).local_table
        columns = (sa.Column(column.name, column.type, primary_key=column.primary_key) for column in mapped.columns)
        bare = sa.Table(mapped.name, sa.MetaData(), *columns)
        bare.drop(self.engine, checkfirst=True)
        bare.create(self.engine)

    def read(self, cls: Job) -> float:
        """Load all rows that `write` left."""
        with Session(self.engine) as session, cpu_time() as elapsed_ms:
            found = session.exec(select(cls)).all()
        assert len(found) == len(self.values)
        return elapsed_ms()


@contextmanager
def cpu_time() -> Iterator[Callable[[], float]]:
    """Measure the processor time of a block, which other processes and existing objects do not affect."""
    gc.collect()
    gc.freeze()
    start = process_time()
    end = 0.0
    yield lambda: 1000 * (end - start)
    end = process_time()
    gc.unfreeze()


def import_time(module: str) -> float:
    """Import a module in a new process; the start of Python does not count."""
    code = f"import time; start = time.process_time(); import {module}; print(1000 * (time.process_time() - start))"
    return float(subprocess.check_output([sys.executable, "-c", code], text=True))


CREATE_ALL = """
import os
from fractal_models.database import create_engine
from fractal_models.models import Project
Project.metadata.create_all(create_engine(os.environ["FRACTAL_DATABASE_URL"]))
"""

_numbers = count()


def process_ms(folder: str, *arguments: str) -> float:
    """Run Python with a new SQLite database, from start to exit."""
    environment = os.environ | {"FRACTAL_DATABASE_URL": f"sqlite:///{folder}/{next(_numbers)}.db"}
    command = [sys.executable, *arguments]
    return milliseconds(partial(subprocess.run, command, env=environment, check=True, stdout=subprocess.DEVNULL))


class Comparison(NamedTuple):
    """Two ways to do the same, and the limit of the ratio of their times."""

    name: str
    against: str
    limit: float
    own: Callable[[], float]
    other: Callable[[], float]

    def run(self) -> Figures:
        """Measure one after the other."""
        return {"own_ms": self.own(), "other_ms": self.other()}


def comparisons(rows: Rows, folder: str) -> list[Comparison]:
    """Everything that is measured."""
    upgrade = partial(process_ms, folder, "-m", "alembic", "-c", str(ROOT / "alembic.ini"), "upgrade", "head")
    imported = partial(import_time, "fractal_models.models"), partial(import_time, "sqlmodel")
    written = partial(rows.write, ApplyWorkflow), partial(rows.write, BareJob)
    read = partial(rows.read, ApplyWorkflow), partial(rows.read, BareJob)
    return [
        Comparison("import the models", "import sqlmodel", 1.35, *imported),
        Comparison("construct and flush jobs", "plain SQLModel", 1.35, *written),
        Comparison("load jobs", "plain SQLModel", 1.25, *read),
        Comparison("alembic upgrade head", "create_all", 2.5, upgrade, partial(process_ms, folder, "-c", CREATE_ALL)),
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    options = option_parser(
        "models",
        __doc__,
        rows=(10_000, "jobs to write and to load"),
        rounds=(5, "measurements of each comparison; medians are printed"),
    ).parse_args(arguments)
    rows = Rows(options.rows)
    with tempfile.TemporaryDirectory() as folder:
        compared = {comparison.name: comparison for comparison in comparisons(rows, folder)}
        samples = measure({name: comparison.run for name, comparison in compared.items()}, options.rounds)
    rows.engine.dispose()
    results = []
    for name, comparison in compared.items():
        row = {"name": name, "against": comparison.against, **medians(samples[name])}
        results.append({**row, "ratio": row["own_ms"] / row["other_ms"], "limits": {"ratio": comparison.limit}})
    versions = package_versions("sqlmodel", "sqlalchemy", "pydantic", "alembic")
    publish(options, versions, results, table(results, HEADINGS))


if __name__ == "__main__":
    main()

"""What the models cost in comparison with bare SQLModel, and the migrations in comparison with `create_all`.

Every figure is a ratio of two things measured in turns in the same run; the limits are those that the project has set
itself.
"""

import argparse
import gc
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from importlib.metadata import version
from itertools import count
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, ClassVar

import sqlalchemy as sa
from rich.console import Console
from sqlmodel import JSON, Field, Session, SQLModel, select

from benchmarks.report import Comparison, run, table
from fractal_models.database import create_engine
from fractal_models.models import ApplyWorkflow
from fractal_models.utils import get_timestamp

ROOT = Path(__file__).parent.parent


class BareJob(SQLModel, table=True):
    """The columns of `ApplyWorkflow`, as SQLModel makes them by itself."""

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
    """The values of a job such as sites have: six steps, two datasets, a log of some lines."""
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
    """Two equal tables in memory: what differs is the class in front of each."""

    def __init__(self, number: int) -> None:
        self.values = [job(index) for index in range(number)]
        self.engine = create_engine("sqlite://")

    def _recreate(self, cls: Job) -> None:
        mapped: sa.Table = sa.inspect(cls).local_table
        bare = sa.Table(
            mapped.name, sa.MetaData(), *(sa.Column(c.name, c.type, primary_key=c.primary_key) for c in mapped.columns)
        )
        bare.drop(self.engine, checkfirst=True)
        bare.create(self.engine)

    def write(self, cls: Job) -> float:
        """Construct and flush all rows into an empty table."""
        self._recreate(cls)
        with Session(self.engine) as session:
            with cpu_time() as elapsed:
                session.add_all([cls(**values) for values in self.values])
                session.flush()
            session.commit()
        return elapsed()

    def read(self, cls: Job) -> float:
        """Load all rows that `write` left."""
        with Session(self.engine) as session, cpu_time() as elapsed:
            found = session.exec(select(cls)).all()
        assert len(found) == len(self.values)
        return elapsed()


@contextmanager
def cpu_time() -> Iterator[Callable[[], float]]:
    """Measure a block that waits for nobody, so that other processes do not count; nor does what is there before."""
    gc.collect()
    gc.freeze()
    start = process_time()
    end = 0.0
    yield lambda: end - start
    end = process_time()
    gc.unfreeze()


def import_time(module: str) -> float:
    """Import a module in a new process, the start of Python not counted."""
    code = f"import time; start = time.process_time(); import {module}; print(time.process_time() - start)"
    return float(subprocess.check_output([sys.executable, "-c", code], text=True))


class Processes:
    """New processes, each of which builds an empty database."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.numbers = count()

    def run(self, *arguments: str) -> float:
        """Run Python from start to exit."""
        url = f"sqlite:///{self.folder}/{next(self.numbers)}.db"
        start = perf_counter()
        subprocess.run(
            [sys.executable, *arguments],
            env=os.environ | {"FRACTAL_DATABASE_URL": url},
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return perf_counter() - start


CREATE_ALL = """
import os
from fractal_models.database import create_engine
from fractal_models.models import Project
Project.metadata.create_all(create_engine(os.environ["FRACTAL_DATABASE_URL"]))
"""


def comparisons(data: Rows, folder: Path) -> list[Comparison]:
    """What is measured, and how."""
    processes = Processes(folder)
    upgrade = ("-m", "alembic", "-c", str(ROOT / "alembic.ini"), "upgrade", "head")
    return [
        Comparison(
            "import the models",
            "import sqlmodel",
            1.35,
            partial(import_time, "fractal_models.models"),
            partial(import_time, "sqlmodel"),
        ),
        Comparison(
            "construct and flush jobs",
            "bare SQLModel",
            1.35,
            partial(data.write, ApplyWorkflow),
            partial(data.write, BareJob),
        ),
        Comparison(
            "load jobs",
            "bare SQLModel",
            1.25,
            partial(data.read, ApplyWorkflow),
            partial(data.read, BareJob),
        ),
        Comparison(
            "alembic upgrade head",
            "create_all",
            2.5,
            partial(processes.run, *upgrade),
            partial(processes.run, "-c", CREATE_ALL),
        ),
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.models", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000, help="rows to write and to load (default: %(default)s)")
    parser.add_argument(
        "--rounds",
        type=int,
        default=5,
        help="measurements of each, after a first one that does not count; medians are shown (default: %(default)s)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE, too")
    options = parser.parse_args(arguments)

    versions = {"python": platform.python_version()}
    versions |= {name: version(name) for name in ("sqlmodel", "sqlalchemy", "pydantic", "alembic")}
    data = Rows(options.rows)
    with tempfile.TemporaryDirectory() as folder:
        measured = comparisons(data, Path(folder))
        run(measured, options.rounds)
    data.engine.dispose()
    console = Console()
    console.print(table(measured))
    console.print(f"{options.rows:,} jobs; medians of {options.rounds} rounds")
    console.print(", ".join(f"{name} {number}" for name, number in versions.items()))
    if options.json:
        figures = {
            "rows": options.rows,
            "rounds": options.rounds,
            "versions": versions,
            "results": [comparison.as_json() for comparison in measured],
        }
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()

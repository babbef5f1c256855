"""The state of a demo site under construction, and values that both versions share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from fractal_models.base import Base
from fractal_models.models import UserOAuth, WorkflowTask, WorkflowTaskV2

Row = TypeVar("Row", bound=Base)

EPOCH = datetime(2024, 3, 1, 9, tzinfo=UTC)
"""First timestamp of the site; each later one is a minute after the previous one."""

CHANNELS = ("DAPI", "GFP", "RFP", "Cy5")


class Builder:
    """A session with a clock and random numbers that are the same in every run."""

    def __init__(self, session: Session, size: int) -> None:
        self.session = session
        self.size = size
        self.random = Random(size)
        self._minutes = count()

    def save(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Add rows and flush them, so that they have ids."""
        self.session.add_all(rows)
        self.session.flush()
        return rows

    def now(self) -> datetime:
        """Return the next minute."""
        return EPOCH + timedelta(minutes=next(self._minutes))

    def first_tasks(self, tasks: Sequence[Row]) -> Sequence[Row]:
        """Choose the tasks of a workflow: the first ones, two at least."""
        return tasks[: 2 + self.random.randrange(len(tasks) - 1)]

    def args(self, schema: dict[str, Any] | None) -> dict[str, Any] | None:
        """Choose arguments that a schema of `args_schema` allows."""
        if schema is None:
            return None
        return {"channel": self.random.choice(CHANNELS), "diameter": 10 + self.random.randrange(40)}

    def job_values(self, user: UserOAuth, steps: int, status: str) -> dict[str, Any]:
        """Return the columns that jobs of both versions share."""
        folder = f"{self.now():%Y%m%d_%H%M%S}"
        ended = status != "submitted"
        return {
            "user_email": user.email,
            "slurm_account": user.slurm_accounts[0],
            "worker_init": "module load cuda",
            "working_dir": f"/server/jobs/{folder}",
            "working_dir_user": f"{user.cache_dir}/{folder}",
            "first_task_index": 0,
            "last_task_index": steps - 1,
            "start_timestamp": self.now(),
            "end_timestamp": self.now() if ended else None,
            "status": status,
            "log": f"Task 0: {status}\n" if ended else None,
        }


def new(model: type[Row], **values: Any) -> Row:
    """Construct a row without the foreign keys that its relationships set, which type checkers ask for."""
    return model(**values)


def snake_case(name: str) -> str:
    """Name of the Python module of a task or package."""
    return name.lower().replace(" ", "_").replace("-", "_")


def args_schema(name: str) -> dict[str, Any]:
    """JSON Schema of a task's arguments."""
    return {
        "title": name,
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "channel": {
                "title": "Channel",
                "type": "string",
                "enum": list(CHANNELS),
                "description": "Channel to process.",
            },
            "diameter": {"title": "Diameter", "type": "integer", "default": 30, "description": "Of a cell, in pixels."},
            "overwrite": {"title": "Overwrite", "type": "boolean", "default": False},
        },
        "required": ["channel"],
    }


def dump(row: Base, *without: str, **lists: Sequence[Base]) -> dict[str, Any]:
    """Copy of a row and of its lists, as jobs and histories store it."""
    values = row.model_dump(mode="json", exclude=set(without))
    columns = {name: values[name] for name in type(row).model_fields if name in values}
    return columns | {name: [dump(entry) for entry in entries] for name, entries in lists.items()}


def history(steps: Sequence[WorkflowTask] | Sequence[WorkflowTaskV2]) -> list[dict[str, Any]]:
    """History of a dataset that the steps processed."""
    copies = [{**dump(step), "task": dump(step.task)} for step in steps]
    return [{"workflowtask": step, "status": "done", "parallelization": None} for step in copies]

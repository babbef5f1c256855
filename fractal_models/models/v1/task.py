"""Tasks of version 1."""

import logging
from typing import Any

from sqlmodel import Field

from fractal_models.base import Base
from fractal_models.bases_v1 import Source, _TaskBaseV1
from fractal_models.columns import heavy_text, json_object, primary_key

logger = logging.getLogger(__name__)


class Task(_TaskBaseV1, Base, table=True):
    """Program that processes images, as a step of workflows; cannot be deleted while it is one."""

    __tablename__ = "task"

    id: int | None = primary_key()

    source: Source = Field(unique=True)
    """Origin of the task, unique among all tasks."""

    name: str

    command: str
    """Command line; the runner appends options."""

    input_type: str
    """`Dataset.type` of the input; "Any" for all types."""

    output_type: str
    """`Dataset.type` of the output; "None" without output."""

    owner: str | None = None
    """User who may edit the task; null for tasks of the site."""

    version: str | None = None
    """Version of the package of the task."""

    meta: dict[str, Any] | None = json_object(default_factory=dict)
    """Execution options (cores, memory, …), and `parallelization_level`."""

    args_schema: dict[str, Any] | None = json_object(default=None, heavy=True)
    """JSON Schema of the arguments; the order of keys is the order of fields in the web form."""

    args_schema_version: str | None = None
    """Version of the format of `args_schema`."""

    docs_info: str | None = heavy_text()
    """Description in Markdown."""

    docs_link: str | None = None
    """URL of the documentation, http or https."""

    @property
    def parallelization_level(self) -> str | None:
        """Level of parallelization; None if the task runs once for the whole dataset."""
        return (self.meta or {}).get("parallelization_level")

    @property
    def is_parallel(self) -> bool:
        """Whether the task runs in parallel over parts of a dataset."""
        return bool(self.parallelization_level)

    @property
    def default_args_from_args_schema(self) -> dict[str, Any]:
        """Default of each argument that has one, other than null, in `args_schema`."""
        if self.args_schema is None:
            return {}
        properties = self.args_schema.get("properties")
        if not isinstance(properties, dict):
            logger.warning("Task %s (%s): args_schema has no 'properties', so no defaults.", self.id, self.name)
            return {}
        return {
            name: schema["default"]
            for name, schema in properties.items()
            if isinstance(schema, dict) and schema.get("default") is not None
        }

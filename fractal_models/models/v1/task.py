"""Tasks of version 1."""

import logging
from typing import Any

from sqlmodel import Field

from fractal_models.base import Base
from fractal_models.bases_v1 import Source, _TaskBaseV1
from fractal_models.columns import heavy, json_object, primary_key

logger = logging.getLogger(__name__)


class Task(_TaskBaseV1, Base, table=True):
    """A program that processes images, to be put into workflows."""

    __tablename__ = "task"

    id: int | None = primary_key()

    source: Source = Field(unique=True)
    """Where the task comes from: its identity, unique among all tasks."""

    name: str

    command: str
    """The command line that runs it, to which the runner appends its own options."""

    input_type: str
    """Type of the datasets that it reads, as `Dataset.type`; "Any" for all of them."""

    output_type: str
    """Type of the dataset that it writes, as `Dataset.type`; "None" if it writes nothing."""

    owner: str | None = None
    """Who may edit it; null for tasks of the whole site."""

    version: str | None = None
    """Version of the package that it belongs to."""

    meta: dict[str, Any] | None = json_object(default_factory=dict)
    """How to run it (cores, memory, …), and `parallelization_level`."""

    args_schema: dict[str, Any] | None = json_object(default=None, sa_column_kwargs=heavy())
    """JSON Schema of its arguments; the order of its keys is the order of the fields in the web form."""

    args_schema_version: str | None = None
    """How `args_schema` was generated."""

    docs_info: str | None = Field(default=None, sa_column_kwargs=heavy())
    """Description in Markdown."""

    docs_link: str | None = None
    """Address of its documentation, http or https."""

    @property
    def parallelization_level(self) -> str | None:
        """What it runs in parallel over; None if it runs once for the whole dataset."""
        return (self.meta or {}).get("parallelization_level")

    @property
    def is_parallel(self) -> bool:
        """Whether it runs in parallel over the parts of a dataset."""
        return bool(self.parallelization_level)

    @property
    def default_args_from_args_schema(self) -> dict[str, Any]:
        """The default of each argument whose schema has one that is not null."""
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

"""Tasks of version 2: one part that runs in parallel over images, one that does not, or both."""

from typing import Any

from sqlmodel import Field

from fractal_models.base import Base
from fractal_models.columns import heavy, json_array, json_object, primary_key, required_foreign_key


class TaskV2(Base, table=True):
    """A program that processes images, to be put into workflows; deleted with its task group."""

    __tablename__ = "taskv2"

    id: int | None = primary_key()

    taskgroupv2_id: int = required_foreign_key(foreign_key="taskgroupv2.id", ondelete="CASCADE", index=True)

    source: str | None = None
    """Where the task comes from."""

    name: str

    type: str
    """"compound", "parallel" or "non_parallel": which of the two commands it has."""

    command_non_parallel: str | None = None
    """The command line that runs once for the whole dataset; null if there is no such part."""

    command_parallel: str | None = None
    """The command line that runs once per image; null if there is no such part."""

    version: str | None = None
    """Version of the package that it belongs to."""

    meta_non_parallel: dict[str, Any] = json_object(default_factory=dict, sa_column_kwargs={"server_default": "{}"})
    """How to run `command_non_parallel` (cores, memory, …)."""

    meta_parallel: dict[str, Any] = json_object(default_factory=dict, sa_column_kwargs={"server_default": "{}"})
    """How to run `command_parallel` (cores, memory, …)."""

    args_schema_non_parallel: dict[str, Any] | None = json_object(default=None, sa_column_kwargs=heavy())
    """JSON Schema of the arguments of `command_non_parallel`; the order of its keys is that of the web form."""

    args_schema_parallel: dict[str, Any] | None = json_object(default=None, sa_column_kwargs=heavy())
    """JSON Schema of the arguments of `command_parallel`; the order of its keys is that of the web form."""

    args_schema_version: str | None = None
    """How the two schemas were generated."""

    docs_info: str | None = Field(default=None, sa_column_kwargs=heavy())
    """Description in Markdown."""

    docs_link: str | None = None
    """Address of its documentation, http or https."""

    input_types: dict[str, bool] = json_object(default_factory=dict, nullable=True)
    """Types that an image must have, or must not have, to be processed."""

    output_types: dict[str, bool] = json_object(default_factory=dict, nullable=True)
    """Types that it gives to the images it writes."""

    category: str | None = None
    """What kind of processing it does, for the lists of the web page."""

    modality: str | None = None
    """What kind of microscopy it is made for."""

    authors: str | None = None
    """Who wrote it, separated by commas."""

    tags: list[str] = json_array(default_factory=list, sa_column_kwargs={"server_default": "[]"})
    """Free keywords to search by."""

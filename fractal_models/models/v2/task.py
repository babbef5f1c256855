"""Tasks of version 2, with a part that runs in parallel over images, one that does not, or both."""

from typing import Any

from fractal_models.base import Base
from fractal_models.columns import heavy_text, json_array, json_object, primary_key, required_foreign_key


class TaskV2(Base, table=True):
    """Program that processes images, as a step of workflows; deleted with its task group."""

    __tablename__ = "taskv2"

    id: int | None = primary_key()

    taskgroupv2_id: int = required_foreign_key(foreign_key="taskgroupv2.id", ondelete="CASCADE", index=True)

    source: str | None = None
    """Origin of the task."""

    name: str

    type: str
    """Type by the commands that the task has: "parallel", "non_parallel", or "compound" for both."""

    command_non_parallel: str | None = None
    """Command line that runs once for the whole dataset; null without this part."""

    command_parallel: str | None = None
    """Command line that runs once per image; null without this part."""

    version: str | None = None
    """Version of the package of the task."""

    meta_non_parallel: dict[str, Any] = json_object(default_factory=dict, server_default="{}")
    """Execution options of `command_non_parallel` (cores, memory, …)."""

    meta_parallel: dict[str, Any] = json_object(default_factory=dict, server_default="{}")
    """Execution options of `command_parallel` (cores, memory, …)."""

    args_schema_non_parallel: dict[str, Any] | None = json_object(default=None, heavy=True)
    """JSON Schema of the arguments of `command_non_parallel`; the order of keys is that of the web form."""

    args_schema_parallel: dict[str, Any] | None = json_object(default=None, heavy=True)
    """JSON Schema of the arguments of `command_parallel`; the order of keys is that of the web form."""

    args_schema_version: str | None = None
    """Version of the format of the two schemas."""

    docs_info: str | None = heavy_text()
    """Description in Markdown."""

    docs_link: str | None = None
    """URL of the documentation, http or https."""

    input_types: dict[str, bool] = json_object(default_factory=dict, nullable=True)
    """Types of the input images: required if true, excluded if false."""

    output_types: dict[str, bool] = json_object(default_factory=dict, nullable=True)
    """Types of the output images."""

    category: str | None = None
    """Kind of processing, for lists on the web page."""

    modality: str | None = None
    """Kind of microscopy."""

    authors: str | None = None
    """Authors, separated by commas."""

    tags: list[str] = json_array(default_factory=list, server_default="[]")
    """Keywords for searches."""

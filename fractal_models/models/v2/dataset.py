"""Datasets of version 2: a list of images in one folder, in place of resources."""

from datetime import datetime
from typing import Any

from fractal_models.base import Base
from fractal_models.columns import (
    eager_relationship,
    heavy,
    json_array,
    json_object,
    no_filters,
    primary_key,
    required_foreign_key,
    timestamp_now,
)
from fractal_models.models.v2.project import ProjectV2


class DatasetV2(Base, table=True):
    """The images that workflows read and write."""

    __tablename__ = "datasetv2"

    id: int | None = primary_key()

    project_id: int = required_foreign_key(foreign_key="projectv2.id", index=True)
    project: ProjectV2 = eager_relationship()

    name: str

    zarr_dir: str
    """Folder of its images."""

    images: list[dict[str, Any]] = json_array(default_factory=list, sa_column_kwargs=heavy(server_default="[]"))
    """`[{"zarr_url": …, "origin": …|null, "attributes": {…}, "types": {…: bool}}]`; tens of thousands are normal."""

    filters: dict[str, Any] = json_object(
        default_factory=no_filters, sa_column_kwargs={"server_default": '{"attributes": {}, "types": {}}'}
    )
    """Which images the next task gets: `{"attributes": {…}, "types": {…: bool}}`."""

    history: list[dict[str, Any]] = json_array(default_factory=list, sa_column_kwargs=heavy(server_default="[]"))
    """One entry per task that ran on it, oldest first.

    `{"workflowtask": {…dump…}, "status": "submitted|done|failed", "parallelization": {…}|null}`
    """

    timestamp_created: datetime = timestamp_now()

    @property
    def image_zarr_urls(self) -> list[str]:
        """The `zarr_url` of each image."""
        return [image["zarr_url"] for image in self.images]

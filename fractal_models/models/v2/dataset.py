"""Datasets of version 2: a list of images in one folder replaces the resources."""

from datetime import datetime
from typing import Any

from fractal_models.base import Base
from fractal_models.columns import (
    eager_relationship,
    image_filters,
    json_array,
    primary_key,
    required_foreign_key,
    timestamp_now,
)
from fractal_models.models.v2.project import ProjectV2


class DatasetV2(Base, table=True):
    """Images that workflows read and write; keeps its project from being deleted."""

    __tablename__ = "datasetv2"

    id: int | None = primary_key()

    project_id: int = required_foreign_key(foreign_key="projectv2.id", index=True)
    project: ProjectV2 = eager_relationship()

    name: str

    zarr_dir: str
    """Folder of the images."""

    images: list[dict[str, Any]] = json_array(default_factory=list, server_default="[]", heavy=True)
    """`[{"zarr_url": …, "origin": …|null, "attributes": {…}, "types": {…: bool}}]`; tens of thousands are normal."""

    filters: dict[str, Any] = image_filters()
    """Filters for the images of the next task: `{"attributes": {…}, "types": {…: bool}}`."""

    history: list[dict[str, Any]] = json_array(default_factory=list, server_default="[]", heavy=True)
    """One entry per task that ran on the dataset, oldest first.

    `{"workflowtask": {…dump…}, "status": "submitted|done|failed", "parallelization": {…}|null}`
    """

    timestamp_created: datetime = timestamp_now()

    @property
    def image_zarr_urls(self) -> list[str]:
        """`zarr_url` of each image."""
        return [image["zarr_url"] for image in self.images]

"""Datasets of version 1 and their paths."""

from datetime import datetime
from typing import Any

from fractal_models.base import Base
from fractal_models.bases_v1 import _DatasetBaseV1, _ResourceBaseV1
from fractal_models.columns import (
    children,
    eager_relationship,
    json_array,
    json_object,
    primary_key,
    required_foreign_key,
    timestamp_now,
)
from fractal_models.models.v1.project import Project


class Resource(_ResourceBaseV1, Base, table=True):
    """Path of a dataset; deleted with the dataset."""

    __tablename__ = "resource"

    id: int | None = primary_key()

    dataset_id: int = required_foreign_key(foreign_key="dataset.id", ondelete="CASCADE", index=True)

    path: str


class Dataset(_DatasetBaseV1, Base, table=True):
    """Data that workflows read and write; keeps its project from being deleted."""

    __tablename__ = "dataset"

    id: int | None = primary_key()

    project_id: int = required_foreign_key(foreign_key="project.id", index=True)
    project: Project = eager_relationship()

    name: str
    type: str | None = None
    read_only: bool = False

    meta: dict[str, Any] = json_object(default_factory=dict, nullable=True, heavy=True)
    history: list[dict[str, Any]] = json_array(default_factory=list, server_default="[]", heavy=True)

    timestamp_created: datetime = timestamp_now()

    resource_list: list[Resource] = children("Resource.id")

    @property
    def paths(self) -> list[str]:
        """Path of each resource."""
        return [resource.path for resource in self.resource_list]

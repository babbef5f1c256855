"""Datasets of version 1 and the paths that they consist of."""

from datetime import datetime
from typing import Any

from fractal_models.base import Base
from fractal_models.bases_v1 import _DatasetBaseV1, _ResourceBaseV1
from fractal_models.columns import (
    children,
    eager_relationship,
    heavy,
    json_array,
    json_object,
    primary_key,
    required_foreign_key,
    timestamp_now,
)
from fractal_models.models.v1.project import Project


class Resource(_ResourceBaseV1, Base, table=True):
    """One path of a dataset; deleted with it. Its `id` is its identity."""

    __tablename__ = "resource"

    id: int | None = primary_key()

    dataset_id: int = required_foreign_key(foreign_key="dataset.id", ondelete="CASCADE", index=True)

    path: str


class Dataset(_DatasetBaseV1, Base, table=True):
    """The data that workflows read and write."""

    __tablename__ = "dataset"

    id: int | None = primary_key()

    project_id: int = required_foreign_key(foreign_key="project.id", index=True)
    project: Project = eager_relationship()

    name: str
    type: str | None = None
    read_only: bool = False

    meta: dict[str, Any] = json_object(default_factory=dict, nullable=True, sa_column_kwargs=heavy())
    history: list[dict[str, Any]] = json_array(default_factory=list, sa_column_kwargs=heavy(server_default="[]"))

    timestamp_created: datetime = timestamp_now()

    resource_list: list[Resource] = children("Resource.id")

    @property
    def paths(self) -> list[str]:
        """The path of each resource."""
        return [resource.path for resource in self.resource_list]

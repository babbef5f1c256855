"""Datasets of version 1 and their resources."""

from typing import Any

from pydantic import Field

from fractal_models.bases_v1 import _DatasetBaseV1, _ResourceBaseV1
from fractal_models.schemas.body import Create, Read, Update
from fractal_models.schemas.fields import (
    AbsolutePath,
    JSONDict,
    JSONDicts,
    Name,
    NotNull,
    StoredDict,
    StoredList,
    UtcDatetime,
)
from fractal_models.schemas.v1.project import ProjectReadV1

__all__ = [
    "DatasetCreateV1",
    "DatasetReadV1",
    "DatasetUpdateV1",
    "ResourceCreateV1",
    "ResourceReadV1",
    "ResourceUpdateV1",
    "_DatasetBaseV1",
    "_ResourceBaseV1",
]


class ResourceCreateV1(_ResourceBaseV1, Create, of="Resource"):
    """New path of a dataset."""

    path: AbsolutePath


class ResourceUpdateV1(Update, of="Resource"):
    """Change of a path of a dataset."""

    path: NotNull[AbsolutePath] = None


class ResourceReadV1(_ResourceBaseV1, Read, of="Resource"):
    """Path of a dataset."""

    dataset_id: int


class DatasetCreateV1(_DatasetBaseV1, Create, of="Dataset"):
    """New dataset; its project is in the URL of the request."""

    name: Name
    type: Name | None = None
    meta: JSONDict = Field(default_factory=dict)
    history: JSONDicts = Field(default_factory=list)


class DatasetUpdateV1(Update, of="Dataset"):
    """Change of a dataset."""

    name: NotNull[Name] = None
    type: Name | None = None
    meta: NotNull[JSONDict] = None
    history: NotNull[JSONDicts] = None
    read_only: NotNull[bool] = None


class DatasetReadV1(_DatasetBaseV1, Read, of="Dataset"):
    """Data that workflows read and write."""

    meta: StoredDict[Any]
    history: StoredList[dict[str, Any]]
    timestamp_created: UtcDatetime
    project_id: int

    project: ProjectReadV1
    """Project of the dataset."""

    resource_list: list[ResourceReadV1]
    """Paths of the dataset, ordered by ID."""

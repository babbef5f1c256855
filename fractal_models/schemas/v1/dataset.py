"""Datasets of version 1 and their resources."""

from typing import Any

from pydantic import Field

from fractal_models.bases_v1 import _DatasetBaseV1, _ResourceBaseV1
from fractal_models.schemas.body import Create, Read, Update
from fractal_models.schemas.fields import (
    AbsolutePath,
    Given,
    JSONDict,
    JSONDicts,
    Moment,
    Name,
    StoredDict,
    StoredList,
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
    """A new path of a dataset."""

    path: AbsolutePath


class ResourceUpdateV1(Update, of="Resource"):
    """A change of a path of a dataset."""

    path: Given[AbsolutePath] = None


class ResourceReadV1(_ResourceBaseV1, Read, of="Resource"):
    """One path of a dataset."""

    dataset_id: int


class DatasetCreateV1(_DatasetBaseV1, Create, of="Dataset"):
    """A new dataset, of which the project comes from the request's address."""

    name: Name
    type: Name | None = None
    meta: JSONDict = Field(default_factory=dict)
    history: JSONDicts = Field(default_factory=list)


class DatasetUpdateV1(Update, of="Dataset"):
    """A change of a dataset."""

    name: Given[Name] = None
    type: Name | None = None
    meta: Given[JSONDict] = None
    history: Given[JSONDicts] = None
    read_only: Given[bool] = None


class DatasetReadV1(_DatasetBaseV1, Read, of="Dataset"):
    """The data that workflows read and write."""

    meta: StoredDict[Any]
    history: StoredList[dict[str, Any]]
    timestamp_created: Moment
    project_id: int

    project: ProjectReadV1
    """The project that it belongs to."""

    resource_list: list[ResourceReadV1]
    """The paths that it consists of, in order of their ids."""

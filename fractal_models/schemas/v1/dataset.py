"""Datasets of version 1 and their resources."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from fractal_models.bases_v1 import _DatasetBaseV1, _ResourceBaseV1
from fractal_models.enums import WorkflowTaskStatusTypeV1
from fractal_models.schemas.body import Create, Read, Response, StoredBody, Update
from fractal_models.schemas.fields import AbsolutePath, JSONDict, Name, NotNull, check_json
from fractal_models.schemas.stored import StoredAs, StoredDict, StoredList, UtcDatetime
from fractal_models.schemas.v1.dumps import WorkflowTaskDumpV1
from fractal_models.schemas.v1.project import ProjectReadV1

__all__ = [
    "DatasetCreateV1",
    "DatasetReadV1",
    "DatasetStatusReadV1",
    "DatasetSummaryV1",
    "DatasetUpdateV1",
    "ResourceCreateV1",
    "ResourceReadV1",
    "ResourceUpdateV1",
    "_DatasetBaseV1",
    "_DatasetHistoryItemV1",
    "_ResourceBaseV1",
]


class ResourceCreateV1(_ResourceBaseV1, Create, of="Resource", extra="ignore"):
    """New path of a dataset."""

    path: AbsolutePath


class ResourceUpdateV1(_ResourceBaseV1, Update, of="Resource", extra="ignore"):
    """Change of a path of a dataset."""

    path: AbsolutePath


class ResourceReadV1(_ResourceBaseV1, Read, of="Resource"):
    """Path of a dataset."""

    dataset_id: int


class _DatasetHistoryItemV1(StoredBody):
    """Run of one task on a dataset."""

    workflowtask: WorkflowTaskDumpV1
    """Copy of the step that ran."""

    status: WorkflowTaskStatusTypeV1
    """Status of the step."""

    parallelization: JSONDict | None = None
    """Components that the task ran on; null for a task that is not parallel."""


def _check_history(history: list[_DatasetHistoryItemV1]) -> list[_DatasetHistoryItemV1]:
    check_json([item.model_dump() for item in history])
    return history


History = Annotated[list[_DatasetHistoryItemV1], AfterValidator(_check_history)]


class DatasetCreateV1(_DatasetBaseV1, Create, of="Dataset", extra="ignore"):
    """New dataset; its project is in the URL of the request."""

    name: Name
    type: Name | None = None
    meta: JSONDict = Field(default_factory=dict)
    history: History = Field(default_factory=list)


class DatasetUpdateV1(Update, of="Dataset", extra="ignore"):
    """Change of a dataset."""

    name: NotNull[Name] = None
    type: Name | None = None
    meta: NotNull[JSONDict] = None
    history: NotNull[History] = None
    read_only: NotNull[bool] = None


class DatasetSummaryV1(Read, of="Dataset"):
    """Dataset without `meta`, history and resources, for rows that were loaded `without_heavy`."""

    name: str
    type: str | None = None
    read_only: bool
    timestamp_created: UtcDatetime
    project_id: int


class DatasetReadV1(DatasetSummaryV1, _DatasetBaseV1):
    """Data that workflows read and write."""

    meta: StoredDict[Any] = Field(default_factory=dict)
    history: StoredList[StoredAs[_DatasetHistoryItemV1]] = Field(default_factory=list)

    project: ProjectReadV1
    """Project of the dataset."""

    resource_list: list[ResourceReadV1]
    """Paths of the dataset, ordered by ID."""


class DatasetStatusReadV1(Response):
    """Status of the steps of the last job of a dataset."""

    status: dict[int, WorkflowTaskStatusTypeV1] | None = None
    """Status by ID of the step; null without a job."""

"""Datasets of version 2: a list of images in one folder replaces the resources."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from fractal_models.enums import WorkflowTaskStatusTypeV2
from fractal_models.schemas.body import Create, Read, Response, StoredBody, Update
from fractal_models.schemas.fields import JSONDict, Name, NotNull, ZarrUrl
from fractal_models.schemas.stored import StoredAs, StoredList, UtcDatetime
from fractal_models.schemas.v2.dumps import WorkflowTaskDumpV2
from fractal_models.schemas.v2.image import Filters, SingleImage
from fractal_models.schemas.v2.project import ProjectReadV2

__all__ = [
    "DatasetCreateV2",
    "DatasetExportV2",
    "DatasetImportV2",
    "DatasetReadV2",
    "DatasetSummaryV2",
    "DatasetUpdateV2",
    "_DatasetHistoryItemV2",
]


class DatasetCreateV2(Create, of="DatasetV2"):
    """New dataset; its project is in the URL of the request."""

    name: Name

    zarr_dir: ZarrUrl | None = None
    """Folder of the images; null for one chosen by the server."""

    filters: Filters = Field(default_factory=Filters)


def _check_unique_urls(images: list[SingleImage]) -> list[SingleImage]:
    positions: dict[str, int] = {}
    for position, image in enumerate(images):
        if (first := positions.setdefault(image.zarr_url, position)) != position:
            message = f"should not contain several images with the same zarr_url, as {first} and {position}"
            raise ValueError(message)
    return images


class DatasetImportV2(Create, of="DatasetV2"):
    """New dataset with its images."""

    name: Name
    zarr_dir: ZarrUrl
    images: Annotated[list[SingleImage], AfterValidator(_check_unique_urls)] = Field(default_factory=list)
    filters: Filters = Field(default_factory=Filters)


class DatasetUpdateV2(Update, of="DatasetV2"):
    """Change of a dataset."""

    name: NotNull[Name] = None
    zarr_dir: NotNull[ZarrUrl] = None
    filters: NotNull[Filters] = None


class _DatasetHistoryItemV2(StoredBody):
    """Run of one task on a dataset."""

    workflowtask: WorkflowTaskDumpV2
    """Copy of the step that ran."""

    status: WorkflowTaskStatusTypeV2
    """Status of the step."""

    parallelization: JSONDict | None = None
    """Images that the task ran on; null for a task that is not parallel."""


class DatasetSummaryV2(Read, of="DatasetV2"):
    """Dataset without images, history and project, for rows that were loaded `without_heavy`."""

    name: str
    zarr_dir: str
    filters: StoredAs[Filters] = Field(default_factory=Filters)
    timestamp_created: UtcDatetime
    project_id: int


class DatasetReadV2(DatasetSummaryV2):
    """Dataset without its images, which may be tens of thousands."""

    history: StoredList[StoredAs[_DatasetHistoryItemV2]]

    project: ProjectReadV2
    """Project of the dataset."""


class DatasetExportV2(Response, of="DatasetV2"):
    """Dataset with its images, as input for `DatasetImportV2`."""

    name: str
    zarr_dir: str
    images: StoredList[dict[str, Any]]
    filters: StoredAs[Filters]

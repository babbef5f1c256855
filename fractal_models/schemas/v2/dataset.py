"""Datasets of version 2: a list of images in one folder replaces the resources."""

from collections import Counter
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field

from fractal_models.schemas.body import Body, Create, Read, Update
from fractal_models.schemas.fields import Name, NotNull, StoredDict, StoredList, UtcDatetime, ZarrUrl
from fractal_models.schemas.v2.image import Filters, SingleImage
from fractal_models.schemas.v2.project import ProjectReadV2

__all__ = ["DatasetCreateV2", "DatasetExportV2", "DatasetImportV2", "DatasetReadV2", "DatasetUpdateV2"]


class DatasetCreateV2(Create, of="DatasetV2"):
    """New dataset; its project is in the URL of the request."""

    name: Name

    zarr_dir: ZarrUrl | None = None
    """Folder of the images; null for one chosen by the server."""

    filters: Filters = Field(default_factory=Filters)


def _check_unique_urls(images: list[SingleImage]) -> list[SingleImage]:
    if repeated := [url for url, number in Counter(image.zarr_url for image in images).items() if number > 1]:
        message = f"should not contain several images with the same zarr_url: {repeated[0]}"
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


class DatasetReadV2(Read, of="DatasetV2"):
    """Dataset without its images, which may be tens of thousands."""

    name: str
    zarr_dir: str
    filters: StoredDict[Any]
    history: StoredList[dict[str, Any]]
    timestamp_created: UtcDatetime
    project_id: int

    project: ProjectReadV2
    """Project of the dataset."""


class DatasetExportV2(Body, of="DatasetV2"):
    """Dataset with its images, as input for `DatasetImportV2`."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    zarr_dir: str
    images: StoredList[dict[str, Any]]
    filters: StoredDict[Any]

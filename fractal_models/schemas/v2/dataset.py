"""Datasets of version 2: a list of images in one folder, in place of resources."""

from collections import Counter
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field

from fractal_models.schemas.body import Body, Create, Read, Update
from fractal_models.schemas.fields import Given, Moment, Name, StoredDict, StoredList, ZarrUrl
from fractal_models.schemas.v2.image import Filters, SingleImage
from fractal_models.schemas.v2.project import ProjectReadV2

__all__ = ["DatasetCreateV2", "DatasetExportV2", "DatasetImportV2", "DatasetReadV2", "DatasetUpdateV2"]


class DatasetCreateV2(Create, of="DatasetV2"):
    """A new dataset, of which the project comes from the request's address."""

    name: Name

    zarr_dir: ZarrUrl | None = None
    """Folder of its images; null for one that the server chooses."""

    filters: Filters = Field(default_factory=Filters)


def _refuse_repetitions(images: list[SingleImage]) -> list[SingleImage]:
    if repeated := [url for url, number in Counter(image.zarr_url for image in images).items() if number > 1]:
        message = f"has several images with the same zarr_url, as {repeated[0]}"
        raise ValueError(message)
    return images


class DatasetImportV2(Create, of="DatasetV2"):
    """A new dataset that comes with its images."""

    name: Name
    zarr_dir: ZarrUrl
    images: Annotated[list[SingleImage], AfterValidator(_refuse_repetitions)] = Field(default_factory=list)
    filters: Filters = Field(default_factory=Filters)


class DatasetUpdateV2(Update, of="DatasetV2"):
    """A change of a dataset."""

    name: Given[Name] = None
    zarr_dir: Given[ZarrUrl] = None
    filters: Given[Filters] = None


class DatasetReadV2(Read, of="DatasetV2"):
    """The images that workflows read and write, without the images themselves: there may be tens of thousands."""

    name: str
    zarr_dir: str
    filters: StoredDict[Any]
    history: StoredList[dict[str, Any]]
    timestamp_created: Moment
    project_id: int

    project: ProjectReadV2
    """The project that it belongs to."""


class DatasetExportV2(Body, of="DatasetV2"):
    """A dataset with its images, for `DatasetImportV2`."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    zarr_dir: str
    images: StoredList[dict[str, Any]]
    filters: StoredDict[Any]

"""Images of version 2 and their filters: JSON in rows of datasets and steps."""

from pydantic import Field, StrictBool

from fractal_models.schemas.body import StoredBody, Write
from fractal_models.schemas.fields import Scalar, Text, ZarrUrl

__all__ = ["Filters", "SingleImage"]


class SingleImage(StoredBody, Write):
    """Image of a dataset."""

    zarr_url: ZarrUrl
    """OME-Zarr of the image, unique in its dataset."""

    origin: ZarrUrl | None = None
    """`zarr_url` of the source image; null without one."""

    attributes: dict[Text, Scalar] = Field(default_factory=dict)
    """Properties of the image: plate, well, acquisition, …"""

    types: dict[Text, StrictBool] = Field(default_factory=dict)
    """Types of the image: three-dimensional, registered, …"""


class Filters(StoredBody, Write):
    """Selection of the images that have all of these attributes and types."""

    attributes: dict[Text, Scalar | None] = Field(default_factory=dict)
    """Value by attribute; null removes a filter of the dataset for one step."""

    types: dict[Text, StrictBool] = Field(default_factory=dict)
    """Types of the images: required if true, excluded if false."""

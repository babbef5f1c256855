"""Images of version 2, and what tasks choose them by: JSON in the rows of datasets and steps."""

from pydantic import Field, StrictBool

from fractal_models.schemas.body import Write
from fractal_models.schemas.fields import Scalar, Text, ZarrUrl

__all__ = ["Filters", "SingleImage"]


class SingleImage(Write):
    """One image of a dataset."""

    zarr_url: ZarrUrl
    """Its OME-Zarr: the identity of the image in its dataset."""

    origin: ZarrUrl | None = None
    """`zarr_url` of the image that it was made from; null if it was made from none."""

    attributes: dict[Text, Scalar] = Field(default_factory=dict)
    """What it shows: plate, well, acquisition, …"""

    types: dict[Text, StrictBool] = Field(default_factory=dict)
    """Of what kind it is: three-dimensional, registered, …"""


class Filters(Write):
    """A choice of images: those that have all of these attributes and types."""

    attributes: dict[Text, Scalar | None] = Field(default_factory=dict)
    """Value by attribute; null lifts a filter of the dataset for one step."""

    types: dict[Text, StrictBool] = Field(default_factory=dict)
    """Whether images must be of a type, or must not."""

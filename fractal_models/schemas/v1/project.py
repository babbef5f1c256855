"""Projects of version 1."""

from pydantic import BaseModel


class _ProjectBaseV1(BaseModel):
    """What the table of projects and the bodies of the API share."""

    name: str

    read_only: bool = False

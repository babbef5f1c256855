"""The releases of fractal-server, by the Alembic revision that their databases stand at."""

from functools import cache
from importlib.resources import files
from typing import NamedTuple

ADOPTED_REVISION = "d256a7379ab8"
"""Head of fractal-server 2.9.0 and 2.9.1, and our first revision."""


class ServerRelease(NamedTuple):
    """A revision of fractal-server and the releases that stand at it."""

    revision: str
    position: int
    """In the history of revisions, counted from 0."""
    first: str
    last: str | None
    """None for a revision that came with `first` but was not its head."""

    @property
    def name(self) -> str:
        """As an operator knows it: `fractal-server 2.0.0 to 2.3.11`."""
        if self.last is None:
            return f"fractal-server {self.first}, half-way through its upgrade"
        return f"fractal-server {self.first}" + (f" to {self.last}" if self.last != self.first else "")


@cache
def server_releases() -> dict[str, ServerRelease]:
    """Every known revision of fractal-server, oldest first."""
    lines = (files(__package__) / "server_releases.tsv").read_text().splitlines()
    rows = (line.split("\t") for line in lines if not line.startswith("#"))
    return {
        revision: ServerRelease(revision, position, first, None if last == "-" else last)
        for position, (revision, first, last) in enumerate(rows)
    }


def is_older(release: ServerRelease) -> bool:
    """Tell whether a release came before the one that these models describe."""
    return release.position < server_releases()[ADOPTED_REVISION].position

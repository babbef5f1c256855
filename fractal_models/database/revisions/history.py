"""Revisions of this package, and those of fractal-server that came before them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import URL

import fractal_models
from fractal_models.database.connection.urls import DEFAULT_URL, sync_url

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import Script, ScriptDirectory

BASELINE = "d256a7379ab8"
"""Head of fractal-server 2.9.0 and 2.9.1, and the first revision of this package."""


def migrations_folder() -> Path:
    """Folder `migrations` of the installed package, or of the checkout behind an editable install."""
    package = Path(fractal_models.__file__).parent
    packaged = package / "migrations"
    return packaged if packaged.is_dir() else package.parent / "migrations"


def alembic_config(url: str | URL | None = None) -> Config:
    """Create a configuration of Alembic for the migrations of this package, usable from any folder.

    Args:
        url: The database; by default that of `FRACTAL_DATABASE_URL`, else `sqlite:///fractal.db`.
    """
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", _escaped(str(migrations_folder())))
    config.set_main_option("path_separator", "os")
    text = sync_url(DEFAULT_URL if url is None else url).render_as_string(hide_password=False)
    config.set_main_option("sqlalchemy.url", _escaped(text))
    if url is not None:
        config.attributes["url"] = sync_url(url)
    return config


def _escaped(value: str) -> str:
    """Escape the interpolation of configuration files."""
    return value.replace("%", "%%")


@cache
def scripts() -> ScriptDirectory:
    """Revisions of this package."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(alembic_config())


def head() -> str:
    """The newest revision."""
    revision = scripts().get_current_head()
    assert revision is not None
    return revision


def title(script: Script) -> str:
    """First line of a revision's docstring, without its period."""
    return script.doc.rstrip(".")


def pending(revision: str | None) -> list[Script]:
    """Revisions from one of this package, or from an empty database, up to head; the next one first."""
    return list(scripts().iterate_revisions("head", revision or "base"))[::-1]


def known_revision(revisions: Iterable[str]) -> str | None:
    """The single revision of a database, if it is one of this package."""
    found = list(revisions)
    ids = {script.revision for script in scripts().walk_revisions()}
    return found[0] if len(found) == 1 and found[0] in ids else None


class ServerRelease(NamedTuple):
    """A revision of fractal-server, and the releases whose head it is."""

    revision: str

    position: int
    """Position in the history of fractal-server, counted from 0."""

    first: str
    """First release that has the revision."""

    last: str | None
    """Last release whose head it is; None for a revision that was never a head."""

    @property
    def name(self) -> str:
        """Such as `fractal-server 2.0.0 to 2.3.11`."""
        if self.last is None:
            return f"fractal-server {self.first}, half-way through its upgrade"
        return f"fractal-server {self.first}" + (f" to {self.last}" if self.last != self.first else "")

    @property
    def is_older(self) -> bool:
        """Whether it came before the release that the models describe."""
        return self.position < server_releases()[BASELINE].position


@cache
def server_releases() -> dict[str, ServerRelease]:
    """Known revisions of fractal-server, oldest first."""
    lines = (files(__package__) / "server_releases.tsv").read_text().splitlines()
    rows = (line.split("\t") for line in lines if not line.startswith("#"))
    return {
        revision: ServerRelease(revision, position, first, None if last == "-" else last)
        for position, (revision, first, last) in enumerate(rows)
    }


def release_name(revision: str) -> str | None:
    """Releases of fractal-server at a revision; None for other revisions."""
    release = server_releases().get(revision)
    return release.name if release else None

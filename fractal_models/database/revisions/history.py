"""Where the migrations are, and what each of them is."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import URL

import fractal_models
from fractal_models.database.connection.engine import sync_url

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import Script, ScriptDirectory


def migrations_folder() -> Path:
    """The folder of the installed package, or that of the checkout which an editable install points to."""
    package = Path(fractal_models.__file__).parent
    packaged = package / "migrations"
    return packaged if packaged.is_dir() else package.parent / "migrations"


def alembic_config(url: str | URL | None = None) -> Config:
    """Make a configuration of Alembic for our migrations, usable from any folder.

    Args:
        url: The database; if None, `FRACTAL_DATABASE_URL`, else `sqlite:///fractal.db`.
    """
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    set_url(config, url if url is not None else DEFAULT_URL)
    if url is not None:
        config.attributes["url"] = sync_url(url)
    return config


DEFAULT_URL = "sqlite:///fractal.db"
"""A file in the current folder."""


def set_url(config: Config, url: str | URL) -> None:
    """Put a URL where Alembic looks for it."""
    text = sync_url(url).render_as_string(hide_password=False)
    config.set_main_option("sqlalchemy.url", text.replace("%", "%%"))


@cache
def scripts() -> ScriptDirectory:
    """Our revisions."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(alembic_config())


def head() -> str:
    """The newest revision."""
    revision = scripts().get_current_head()
    assert revision is not None
    return revision


def title(script: Script) -> str:
    """The first line of a revision's docstring, without its period."""
    return script.doc.rstrip(".")


def pending(revision: str | None) -> list[Script]:
    """The revisions between one of ours, or an empty database, and head; the next one first."""
    return list(scripts().iterate_revisions("head", revision or "base"))[::-1]

"""Drivers that are not installed, with the command that installs each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL
from sqlalchemy.exc import NoSuchModuleError

from fractal_models.database.connection.errors import UnreachableError

REQUIREMENTS = {
    "aiosqlite": "fractal-models[async]",
    "asyncpg": "fractal-models[async]",
    "psycopg": "fractal-models[psycopg]",
    "psycopg2": "psycopg2-binary",
}
"""Requirement of pip for each driver."""


@contextmanager
def driver_required(url: URL) -> Iterator[None]:
    """Import the driver of a URL within this context.

    Raises:
        UnreachableError: It is not installed, or SQLAlchemy does not know it.
    """
    driver = url.drivername.partition("+")[2].removesuffix("_async")
    try:
        yield
    except NoSuchModuleError as error:
        message = f"driver {driver} of the database URL is unknown; remove it from the URL"
        raise UnreachableError(message) from error
    except ImportError as error:
        reason = " ".join(str(error).split())
        message = (
            f"driver {driver} cannot be imported ({reason}); run `pip install '{REQUIREMENTS.get(driver, driver)}'`"
        )
        raise UnreachableError(message) from error

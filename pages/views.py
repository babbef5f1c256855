"""Views of an archive file, as a region of the guide to copies."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import create_engine

from fractal_models.archive.views import VIEWS, create_views
from fractal_models.tables import METADATA
from pages.markdown import codes, table

ROWS = {"jobs": "a job", "steps": "a step of a workflow, in order"}
"""What a row is, by the begin of the name of a view."""


def regions() -> Iterator[tuple[str, str]]:
    """Names and texts."""
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        METADATA.create_all(connection)
        create_views(connection)
        columns = {name: connection.exec_driver_sql(f"SELECT * FROM {name}").keys() for name in VIEWS}
    engine.dispose()
    rows = [(f"`{name}`", ROWS[name.partition("_")[0]], codes(found)) for name, found in columns.items()]
    yield "views", table(("view", "a row is", "columns"), rows)

"""What tests do with the databases and rows that the package itself makes for tests."""

from pathlib import Path
from typing import TypeVar

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy import URL, make_url
from sqlalchemy.orm import Session

from fractal_models.base import Base
from fractal_models.testing.databases import Databases

ROOT = Path(__file__).parent.parent.parent

Row = TypeVar("Row", bound=Base)


def databases_of(request: pytest.FixtureRequest, driver: str) -> Databases:
    """The databases of the engine that a driver is for."""
    backend = "sqlite" if driver.startswith("sqlite") else "postgresql"
    found: Databases = request.getfixturevalue(f"fractal_{backend}_databases")
    return found


def mainly_on(backend: str) -> pytest.MarkDecorator:
    """Run a test on one backend, and with `--thorough` on the other one too."""
    (other,) = {"sqlite", "postgresql"} - {backend}
    backends = [backend, pytest.param(other, marks=pytest.mark.thorough)]
    return pytest.mark.parametrize("fractal_backend", backends, scope="session")


def alembic_config(url: str | URL | None = None) -> Config:
    """The configuration of the checkout, for the database at `url`."""
    config = Config(ROOT / "alembic.ini")
    config.attributes["drop_tables"] = True
    if url is not None:
        text = make_url(url).render_as_string(hide_password=False)
        config.set_main_option("sqlalchemy.url", text.replace("%", "%%"))
    return config


def upgrade(url: str | URL, revision: str = "head") -> None:
    command.upgrade(alembic_config(url), revision)


def saved(session: Session, row: Row) -> Row:
    """Add and commit."""
    session.add(row)
    session.commit()
    return row


def statement_count(bind: sa.Engine | sa.Connection) -> list[str]:
    """A list to which each statement that is sent is appended, apart from those of savepoints."""
    statements: list[str] = []

    @sa.event.listens_for(bind, "before_cursor_execute")
    def record(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        if "SAVEPOINT" not in statement:
            statements.append(statement)

    return statements

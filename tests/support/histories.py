"""Revisions that only tests know, after those of the package."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic.config import Config
from sqlalchemy import URL

from fractal_models.database.inspection import schema as drift
from fractal_models.database.revisions import history as migrations
from tests.support.databases import ROOT, alembic_config

TEMPLATE = '''"""{title}."""

from alembic import op

revision = "{revision}"
down_revision = "{below}"
branch_labels = None
depends_on = None
{attributes}

def upgrade() -> None:
    for statement in {upgrade!r}:
        op.execute(statement)


def downgrade() -> None:
    for statement in {downgrade!r}:
        op.execute(statement)
'''


class History:
    """A folder of revisions that follow each other, the first of them the head of the package."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.last = migrations.head()

    def add(
        self,
        revision: str,
        *upgrade: str,
        downgrade: tuple[str, ...] = (),
        title: str = "Do what a test needs",
        **attributes: object,
    ) -> str:
        """Write the next revision, which executes these statements."""
        text = TEMPLATE.format(
            title=title,
            revision=revision,
            below=self.last,
            attributes="".join(f"{name} = {value!r}\n" for name, value in attributes.items()),
            upgrade=upgrade,
            downgrade=downgrade,
        )
        (self.folder / f"{revision}.py").write_text(text)
        self.last = revision
        return revision

    def config(self, url: URL) -> Config:
        """The configuration of a checkout, with these revisions beside its own."""
        config = alembic_config(url)
        own = ROOT / "migrations" / "versions"
        config.set_main_option("version_locations", os.pathsep.join([str(own), str(self.folder)]))
        return config


@contextmanager
def released(history: History) -> Iterator[None]:
    """Have the whole package know these revisions, as if a later release had them."""

    def forget() -> None:
        migrations.scripts.cache_clear()
        drift.expected_facts.cache_clear()

    whole = history.folder.parent / "release"
    folder = whole / "versions"
    folder.mkdir(parents=True)
    for file in (ROOT / "migrations").glob("*.*"):
        (whole / file.name).symlink_to(file)
    for file in [*(ROOT / "migrations" / "versions").glob("*.py"), *history.folder.glob("*.py")]:
        (folder / file.name).symlink_to(file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migrations, "migrations_folder", lambda: whole)
        forget()
        yield
    forget()

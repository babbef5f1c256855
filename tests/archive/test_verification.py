"""Copies prove what they are, to this package and to other programs."""

import hashlib
import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy import URL

from fractal_models.archive import Manifest, MismatchError, copy_database, verify_archive
from fractal_models.archive.manifest import TABLE
from fractal_models.cli.main import EXIT_CODES
from fractal_models.database import WrongDatabaseError
from fractal_models.database.connection.engine import connect
from fractal_models.testing.databases import Databases
from tests.support.databases import alembic_config, mainly_on, upgrade
from tests.support.dumps import snapshot
from tests.support.server_2_9 import BASELINE
from tests.support.sites import SitesOf


def execute(url: URL, statement: str) -> None:
    with connect(url) as connection:
        connection.exec_driver_sql(statement)
        connection.commit()


@pytest.fixture(scope="module")
def site(sites_of: SitesOf) -> URL:
    """A database at head, with rows, on SQLite; only read."""
    return sites_of("sqlite").template("head")


@pytest.fixture
def copy(site: URL, databases: Databases) -> Any:
    """A copy on each engine."""
    url = databases.create()
    copy_database(site, url)
    yield url
    databases.drop(url)


CHANGES = [
    ("UPDATE jobv2 SET log = log || ' ' WHERE id = 2", "rows of jobv2 in the copy differ from the manifest"),
    ("UPDATE resource SET path = 'removed' WHERE id = 2", "rows of resource in the copy differ from the manifest"),
    ("DELETE FROM resource WHERE id = 2", "the copy has 2 rows of resource, the manifest 3"),
    ('UPDATE task SET meta = \'{"mem": 16000, "parallelization_level": "image"}\'', "rows of task in the copy differ"),
    ("UPDATE user_oauth SET username = NULL WHERE id = 2", "rows of user_oauth in the copy differ"),
]


@mainly_on("sqlite")
@pytest.mark.parametrize(("change", "message"), CHANGES)
def test_change_of_a_row_is_found(change: str, message: str, copy: URL) -> None:
    before = snapshot(copy)
    verify_archive(copy).raise_for_differences()
    assert snapshot(copy) == before
    execute(copy, change)

    with pytest.raises(MismatchError, match=message):
        verify_archive(copy).raise_for_differences()


def test_change_of_the_source_is_found(sites_of: SitesOf, tmp_path: Path) -> None:
    source = sites_of("sqlite").at(BASELINE)
    copy_database(source, tmp_path / "archive.db", only="v2")
    execute(source, "UPDATE project SET name = 'of the other version'")
    verify_archive(tmp_path / "archive.db", source).raise_for_differences()
    execute(source, "UPDATE projectv2 SET name = 'changed'")

    found = verify_archive(tmp_path / "archive.db", source)

    assert found.differences == ("rows of projectv2 in the source differ from the manifest",)
    assert verify_archive(tmp_path / "archive.db").differences == ()
    sites_of("sqlite").drop_copies()


def test_copy_is_verified_after_downgrade_and_upgrade(copy: URL) -> None:
    command.downgrade(alembic_config(copy), BASELINE)
    assert verify_archive(copy).differences == ()
    upgrade(copy)
    assert verify_archive(copy).differences == ()


def test_database_that_is_no_copy_is_refused(site: URL) -> None:
    with pytest.raises(WrongDatabaseError, match="has no manifest"):
        verify_archive(site)


def test_manifest_of_a_newer_package_is_refused(copy: URL) -> None:
    with connect(copy) as connection:
        facts = json.loads(connection.scalar(sa.text(f"SELECT CAST(manifest AS text) FROM {TABLE}")) or "")
        connection.execute(
            sa.text(f"UPDATE {TABLE} SET manifest = :manifest"), {"manifest": json.dumps({**facts, "format": 2})}
        )
        connection.commit()

    with pytest.raises(WrongDatabaseError, match="pip install --upgrade fractal-models"):
        verify_archive(copy)


def test_manifest_is_returned_as_it_is_stored(copy: URL, site: URL) -> None:
    manifest = verify_archive(copy, site).manifest

    assert Manifest.from_json(json.loads(json.dumps(manifest.as_json()))) == manifest
    assert manifest.package.startswith("fractal-models ")
    lines = [f"{name} {found.rows} {found.sha256}\n" for name, found in sorted(manifest.tables.items())]
    assert manifest.sha256 == hashlib.sha256("".join(lines).encode()).hexdigest()


ESCAPES = {"\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}


def test_digests_are_those_that_the_documentation_describes(site: URL, tmp_path: Path) -> None:
    manifest = copy_database(site, tmp_path / "archive.db")

    with closing(sqlite3.connect(tmp_path / "archive.db")) as connection:
        for name, contents in manifest.tables.items():
            columns = ", ".join(f'"{column}"' for column in contents.columns)
            order = "id" if "id" in contents.columns else "1, 2"
            digest = hashlib.sha256()
            for row in connection.execute(f"SELECT {columns} FROM {name} ORDER BY {order}"):
                values = ("\\N" if value is None else "".join(ESCAPES.get(c, c) for c in str(value)) for value in row)
                digest.update(("\t".join(values) + "\n").encode())
            assert digest.hexdigest() == contents.sha256, name


def test_exit_code_of_a_difference_is_documented() -> None:
    assert re.search(rf"^  {MismatchError.exit_code}  a copy differs", EXIT_CODES, re.MULTILINE)

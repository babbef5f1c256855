"""Copies of databases, with proof that they are equal."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqlalchemy import URL

from fractal_models.archive.errors import MismatchError
from fractal_models.archive.manifest import Contents, Manifest, write_manifest
from fractal_models.archive.postgresql_target import database
from fractal_models.archive.reading import Reader, database_url, driver_errors, opened
from fractal_models.archive.selection import Selection, Version
from fractal_models.archive.source import Source
from fractal_models.archive.sqlite_target import file
from fractal_models.archive.target import Target
from fractal_models.archive.text_form import Rows
from fractal_models.database.revisions.history import head
from fractal_models.tables import METADATA


@dataclass(frozen=True)
class Progress:
    """Progress with a table."""

    step: Literal["copy", "verify"]

    table: str

    rows: int
    """Rows that are done."""

    total: int
    """Rows that there are."""


Report = Callable[[Progress], None]
"""Receives progress: once before the first row of each table, then after each block of about a megabyte."""


def ignore(_progress: Progress) -> None:
    """Report to nobody."""


def copy_database(
    source: str | Path | URL,
    target: str | Path | URL,
    *,
    only: Version | None = None,
    projects: Iterable[str | int] = (),
    without_secrets: bool = False,
    progress: Report = ignore,
) -> Manifest:
    """Copy a database into an empty one, between PostgreSQL and SQLite in any direction, and verify the copy.

    The source is read in one transaction, and not changed. IDs, the text of JSON, timestamps and the IDs of the next
    rows stay the same. If anything fails, the target is as it was.

    Args:
        source: URL, or path of a SQLite file: a database at fractal-server 2.9 or later revisions of this package; up
            to fractal-server 2.11 with `only="v1"`.
        target: URL of an empty database, or path of a file that does not exist.
        only: Copy the tables of one version alone, with the users and groups that these refer to.
        projects: Copy these projects alone, with all that belongs to them and what that refers to: `"v1:3"`, `"v2:3"`,
            or with `only` also `3`.
        without_secrets: Replace password hashes, tokens, paths of keys and SSH addresses.
        progress: Receives progress.

    Returns:
        The manifest that the copy contains.

    Raises:
        ValueError: `only` or `projects` are not well-formed.
        BlockedByDataError: The target is not empty, a project does not exist, or a row cannot be stored in the target.
        MismatchError: The copy differs from what was sent.
        DatabaseError: Source or target are unreachable, of the wrong kind, or fail.
    """
    selection = Selection.of(only, projects, without_secrets)
    with opened(database_url(source)) as reader:
        origin = Source(reader, selection)
        with _created(database_url(target)) as copy:
            manifest = _filled(origin, copy, progress)
            with copy.finished() as written:
                require_equal(manifest.tables, contents_of(written, manifest, progress))
    return manifest


@contextmanager
def _created(url: URL) -> Iterator[Target]:
    """Create a database; unless `finished` ends without an exception, nothing is left."""
    with driver_errors(url), file(url) if url.get_backend_name() == "sqlite" else database(url) as target:
        yield target


def _filled(source: Source, target: Target, progress: Report) -> Manifest:
    """Write everything into the target, the manifest last."""
    target.migrate(source.revision)
    next_ids = source.next_ids()
    tables = {table.name: EMPTY for table in METADATA.sorted_tables}
    for rows in source.rows():
        name = rows.table.name
        tables[name] = transfer(source.reader, rows, "copy", progress, target.writer(rows), next_ids.get(name))
    for name, number in next_ids.items():
        target.set_next_id(name, number)
    target.migrate("head")
    target.finish()
    manifest = Manifest(source.facts, source.selection, head(), tables, source.left_out(), source.manifest)
    write_manifest(target.connection, manifest)
    return manifest


EMPTY = Contents((), 0, hashlib.sha256().hexdigest())
"""Contents of a table of which nothing was selected."""


def transfer(
    reader: Reader,
    rows: Rows,
    step: Literal["copy", "verify"],
    progress: Report,
    sink: Callable[[bytes], None] | None = None,
    next_id: int | None = None,
) -> Contents:
    """Read rows, pass them on, and describe them."""
    digest, done, total = hashlib.sha256(), 0, reader.count(rows)
    progress(Progress(step, rows.table.name, 0, total))

    def take(block: bytes, number: int) -> None:
        nonlocal done
        digest.update(block)
        done += number
        if sink is not None:
            sink(block)
        progress(Progress(step, rows.table.name, done, total))

    reader.read(rows, take)
    return Contents(rows.columns, done, digest.hexdigest(), next_id)


def contents_of(reader: Reader, manifest: Manifest, progress: Report) -> dict[str, Contents]:
    """Describe the tables of a copy, in the columns that its manifest names."""
    found = {}
    for table in METADATA.sorted_tables:
        columns = manifest.tables[table.name].columns or tuple(table.columns.keys())
        found[table.name] = transfer(reader, Rows(table, columns), "verify", progress)
    return found


def differences(expected: dict[str, Contents], found: dict[str, Contents], place: str, other: str) -> list[str]:
    """Describe the tables that differ, as those of a place from those of another one."""
    lines = []
    for name, contents in expected.items():
        if contents.rows != found[name].rows:
            lines.append(f"{place} has {found[name].rows:,} rows of {name}, {other} {contents.rows:,}")
        elif contents.sha256 != found[name].sha256:
            lines.append(f"rows of {name} in {place} differ from {other}")
    return lines


def require_equal(expected: dict[str, Contents], found: dict[str, Contents]) -> None:
    """Compare tables.

    Raises:
        MismatchError: Some differ; the message names them.
    """
    if lines := differences(expected, found, "the copy", "the source"):
        message = f"{'; '.join(lines)}; so the copy was removed"
        raise MismatchError(message)

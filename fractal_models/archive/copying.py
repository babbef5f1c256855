"""Copies of databases, with proof that they are equal."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import URL

from fractal_models.archive.errors import MismatchError
from fractal_models.archive.generations import Version
from fractal_models.archive.manifest import Contents, Manifest, write_manifest
from fractal_models.archive.older import convert_copy, create_older
from fractal_models.archive.postgresql_target import database
from fractal_models.archive.progress import Progress, Report, Step, ignore
from fractal_models.archive.reading import Reader, database_url, driver_errors, opened, reader_of
from fractal_models.archive.selection import Selection
from fractal_models.archive.source import Source, next_ids
from fractal_models.archive.sqlite_target import file
from fractal_models.archive.target import Target
from fractal_models.archive.text_form import Rows
from fractal_models.database.conversion.legacy_table import LEGACY
from fractal_models.database.revisions.history import head
from fractal_models.tables import METADATA


def copy_database(
    source: str | Path | URL,
    target: str | Path | URL,
    *,
    only: Version | None = None,
    projects: Iterable[str | int] = (),
    without_secrets: bool = False,
    task_owner: str | None = None,
    progress: Report = ignore,
) -> Manifest:
    """Copy a database into an empty one, between PostgreSQL and SQLite in any direction, and verify the copy.

    The source is read in one transaction, and not changed. IDs, the text of JSON and timestamps stay the same;
    PostgreSQL also goes on with the next ID of the source. If anything fails, the target is as it was.

    Args:
        source: URL, or path of a SQLite file. A database of fractal-server before 2.9 is converted in the copy; of
            fractal-server 2.9.2 to 2.11, `only="v1"` can be copied.
        target: URL of an empty database, or path of a file that does not exist.
        only: Copy the tables of one version alone, with the users and groups that these refer to.
        projects: Copy these projects alone, with all that belongs to them and what that refers to: `"v1:3"`, `"v2:3"`,
            or with `only` also `3`.
        without_secrets: Replace password hashes, tokens, paths of keys and SSH addresses.
        task_owner: E-mail of the owner of task groups whose owner is not known, for a database before 2.9.
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
            manifest = _filled(origin, copy, task_owner, progress)
            with copy.finished() as written:
                require_equal(manifest.tables, contents_of_copy(written, manifest, progress))
    return manifest


@contextmanager
def _created(url: URL) -> Iterator[Target]:
    """Create a database; unless `finished` ends without an exception, nothing is left."""
    with driver_errors(url), file(url) if url.get_backend_name() == "sqlite" else database(url) as target:
        yield target


def _filled(source: Source, target: Target, task_owner: str | None, progress: Report) -> Manifest:
    """Write everything into the target, the manifest last."""
    if source.older is None:
        target.migrate(source.revision)
        if LEGACY.name in source.columns:
            LEGACY.create(target.connection)
    else:
        create_older(target.connection, source.older, source.revision)
    numbers = source.next_ids()
    sent = {
        rows.table.name: transfer(source.reader, rows, "copy", progress, target.writer(rows)) for rows in source.rows()
    }
    for name, number in numbers.items():
        target.set_next_id(name, number)
    if source.older is not None:
        _convert(source, target, sent, task_owner, progress)
    target.migrate("head")
    target.finish()
    manifest = Manifest(source.facts, source.selection, head(), sent, source.left_out(), source.manifest)
    manifest = _completed(manifest, source, target, numbers, progress)
    write_manifest(target.connection, manifest)
    return manifest


def _convert(
    source: Source, target: Target, sent: dict[str, Contents], task_owner: str | None, progress: Report
) -> None:
    """Verify the rows of an older database, and convert them."""
    reader = reader_of(target.connection)
    found = {
        rows.table.name: transfer(reader, Rows(rows.table, rows.columns), "verify", progress) for rows in source.rows()
    }
    require_equal(sent, found)
    convert_copy(target.connection, task_owner, progress)
    target.is_converted = True


def _completed(
    manifest: Manifest, source: Source, target: Target, numbers: dict[str, int], progress: Report
) -> Manifest:
    """Add tables of which nothing was sent, what a conversion has made of the rows, and the IDs of the next rows."""
    tables, sent = manifest.tables, {}
    if source.older is not None:
        reader, sent = reader_of(target.connection), tables
        tables = contents_of(reader, [*METADATA.sorted_tables, LEGACY], {}, progress)
        found = next_ids(target.connection, METADATA.sorted_tables)
        numbers = {name: max(number, numbers.get(name, 1)) for name, number in found.items()}
        for name, number in numbers.items():
            target.set_next_id(name, number)
    names = dict.fromkeys([*(table.name for table in METADATA.sorted_tables), *tables])
    completed = {name: replace(tables.get(name, EMPTY), next_id=numbers.get(name)) for name in names}
    return replace(manifest, tables=completed, sent=sent)


EMPTY = Contents((), 0, hashlib.sha256().hexdigest())
"""Contents of a table of which nothing was selected."""


def transfer(
    reader: Reader,
    rows: Rows,
    step: Step,
    progress: Report,
    sink: Callable[[bytes], None] | None = None,
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
    return Contents(rows.columns, done, digest.hexdigest())


def contents_of(
    reader: Reader, tables: Iterable[sa.Table], expected: Mapping[str, Contents], progress: Report
) -> dict[str, Contents]:
    """Describe tables, in the columns that are expected, or else in all."""
    found = {}
    for table in tables:
        columns = expected.get(table.name, EMPTY).columns or tuple(table.columns.keys())
        found[table.name] = transfer(reader, Rows(table, columns), "verify", progress)
    return found


def contents_of_copy(reader: Reader, manifest: Manifest, progress: Report) -> dict[str, Contents]:
    """Describe the tables that a manifest names."""
    tables = [table for table in [*METADATA.sorted_tables, LEGACY] if table.name in manifest.tables]
    return contents_of(reader, tables, manifest.tables, progress)


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

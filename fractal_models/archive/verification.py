"""Verification of copies, at once or years later."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL

from fractal_models.archive.copying import EMPTY, contents_of_copy, differences, transfer
from fractal_models.archive.errors import MismatchError
from fractal_models.archive.manifest import Contents, Manifest, require_manifest
from fractal_models.archive.progress import Report, ignore
from fractal_models.archive.reading import database_url, opened
from fractal_models.archive.source import Source


@dataclass(frozen=True)
class Verification:
    """A comparison of a copy with its manifest, and with a source."""

    manifest: Manifest
    """Manifest of the copy."""

    differences: tuple[str, ...]
    """Tables that differ, in words."""

    def raise_for_differences(self) -> None:
        """Raise an error if anything differs.

        Raises:
            MismatchError: A table differs.
        """
        if self.differences:
            raise MismatchError(f"{'; '.join(self.differences)}; something was changed after the copy")


def verify_archive(
    target: str | Path | URL, source: str | Path | URL | None = None, *, progress: Report = ignore
) -> Verification:
    """Compare the rows of a copy with its manifest, and with a source if one is given.

    Nothing is written. The source is read with the options of the copy.

    Args:
        target: URL of the copy, or path of a SQLite file.
        source: URL or path of the database that it was made from.
        progress: Receives progress.

    Returns:
        The manifest, and what differs; `raise_for_differences` makes an error of it.

    Raises:
        WrongDatabaseError: The target is not a copy.
        DatabaseError: Target or source are unreachable, or fail.
    """
    with opened(database_url(target)) as reader:
        manifest = require_manifest(reader.connection)
        lines = differences(manifest.tables, contents_of_copy(reader, manifest, progress), "the copy", "the manifest")
    if source is not None:
        found = _contents_of_source(source, manifest, progress)
        lines += differences(manifest.sent or manifest.tables, found, "the source", "the manifest")
    return Verification(manifest, tuple(lines))


def _contents_of_source(source: str | Path | URL, manifest: Manifest, progress: Report) -> dict[str, Contents]:
    with opened(database_url(source)) as reader:
        rows = Source(reader, manifest.selection).rows()
        found = {each.table.name: transfer(reader, each, "verify", progress) for each in rows}
    return {name: found.get(name, EMPTY) for name in manifest.sent or manifest.tables}

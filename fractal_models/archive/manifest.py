"""The manifest of a copy: where it came from, and rows and digests of its tables."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from fractal_models.archive.selection import Selection
from fractal_models.database.connection.errors import WrongDatabaseError

TABLE = "fractal_manifest"
"""Table of the manifest, beside those of the models."""

FORMAT = 1
"""Version of the manifest's form, and of the text form of rows."""


@dataclass(frozen=True)
class Contents:
    """Rows of a table in a copy."""

    columns: tuple[str, ...]
    """Columns of the digest, in order."""

    rows: int
    """Number of rows."""

    sha256: str
    """SHA-256 of the rows in the text format of `COPY`, in hexadecimal."""

    next_id: int | None = None
    """ID that the source would have given to its next row; None for a table without."""


@dataclass(frozen=True)
class Manifest:
    """Manifest of a copy: its source, the options, and number and digest of the rows of each table."""

    source: dict[str, Any]
    """`engine`, `revision`, `release` of fractal-server (or null), and `time` of its reading in UTC."""

    selection: Selection
    """Options of the copy: version, projects, and whether secrets were replaced."""

    revision: str
    """Revision of the copy when it was made."""

    tables: dict[str, Contents]
    """Rows of each table, by its name."""

    sent: dict[str, Contents] = field(default_factory=dict, kw_only=True)
    """Rows as they were read from a database before 2.9, if the copy was converted."""

    left_out: tuple[str, ...] = ()
    """Tables and columns of the source that are not of the models, and so not in the copy."""

    copied_from: dict[str, Any] | None = None
    """Manifest of the source, if it is a copy itself."""

    package: str = field(default_factory=lambda: f"fractal-models {version('fractal-models')}")
    """Name and version of the package that made the copy."""

    format: int = FORMAT
    """Version of the form of the manifest, and of the text form of rows."""

    @property
    def rows(self) -> int:
        """Number of rows of all tables."""
        return sum(contents.rows for contents in self.tables.values())

    @property
    def sha256(self) -> str:
        """Digest of all tables: of lines `TABLE ROWS DIGEST` in order of the names."""
        lines = [f"{name} {found.rows} {found.sha256}\n" for name, found in sorted(self.tables.items())]
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """Return the manifest as JSON."""
        facts = asdict(self)
        del facts["selection"]
        return {**facts, "options": self.selection.as_json(), "sha256": self.sha256}

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> Manifest:
        """Read what `as_json` has written."""
        rest = {name: value for name, value in facts.items() if name not in DERIVED}
        return cls(
            selection=Selection.from_json(facts["options"]),
            tables=_contents(facts["tables"]),
            sent=_contents(facts["sent"]),
            left_out=tuple(facts["left_out"]),
            **rest,
        )


DERIVED = {"options", "sha256", "tables", "sent", "left_out"}
"""Keys that `Manifest.from_json` reads in a way of their own."""


def _contents(facts: dict[str, Any]) -> dict[str, Contents]:
    return {name: Contents(**{**found, "columns": tuple(found["columns"])}) for name, found in facts.items()}


def write_manifest(connection: Connection, manifest: Manifest) -> None:
    """Write the manifest into a new table."""
    type_ = "json" if connection.dialect.name == "postgresql" else "text"
    connection.exec_driver_sql(f"CREATE TABLE {TABLE} (manifest {type_} NOT NULL)")
    text = json.dumps(manifest.as_json(), indent=2, ensure_ascii=False)
    connection.execute(sa.text(f"INSERT INTO {TABLE} VALUES (:manifest)"), {"manifest": text})


def read_manifest(connection: Connection) -> dict[str, Any] | None:
    """Read the manifest of a database; None if it has none."""
    if not sa.inspect(connection).has_table(TABLE):
        return None
    text = connection.scalar(sa.text(f"SELECT CAST(manifest AS text) FROM {TABLE}"))
    return None if text is None else dict(json.loads(text))


def require_manifest(connection: Connection) -> Manifest:
    """Read the manifest of a copy.

    Raises:
        WrongDatabaseError: There is none, or one of a newer version of this package.
    """
    facts = read_manifest(connection)
    if facts is None:
        message = "the database has no manifest; give the URL or file of a copy that `fractal-models copy` has made"
        raise WrongDatabaseError(message)
    if facts.get("format") != FORMAT:
        message = "the manifest is of a newer version; run `pip install --upgrade fractal-models`"
        raise WrongDatabaseError(message)
    return Manifest.from_json(facts)

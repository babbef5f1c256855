"""Exceptions beside those of `fractal_models.database`."""

from __future__ import annotations

from fractal_models.database.connection.errors import DatabaseError


class MismatchError(DatabaseError):
    """A copy differs from its manifest or its source; exit code 11."""

    exit_code = 11


class BackupError(DatabaseError):
    """The backup failed, and there is no file; exit code 12."""

    exit_code = 12

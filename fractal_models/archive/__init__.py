"""Copies of databases that can be proved, exports as JSON, and backups."""

from fractal_models.archive.backup import back_up
from fractal_models.archive.copying import copy_database
from fractal_models.archive.errors import BackupError, MismatchError
from fractal_models.archive.export import export_database
from fractal_models.archive.manifest import Contents, Manifest
from fractal_models.archive.progress import Progress
from fractal_models.archive.verification import Verification, verify_archive

__all__ = [
    "BackupError",
    "Contents",
    "Manifest",
    "MismatchError",
    "Progress",
    "Verification",
    "back_up",
    "copy_database",
    "export_database",
    "verify_archive",
]

"""Copies of databases that can be proved, and kept."""

from fractal_models.archive.copying import copy_database
from fractal_models.archive.errors import MismatchError
from fractal_models.archive.manifest import Contents, Manifest
from fractal_models.archive.progress import Progress
from fractal_models.archive.verification import Verification, verify_archive

__all__ = ["Contents", "Manifest", "MismatchError", "Progress", "Verification", "copy_database", "verify_archive"]

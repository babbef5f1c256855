"""JSON files of an export: objects, and arrays that grow by one object at a time."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from fractal_models.database.connection.errors import BlockedByDataError

BUFFER = 4 * 2**20
"""Characters that are kept before they are written."""


class Files:
    """Files in a folder; arrays are complete after `close`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._arrays: dict[str, list[str]] = {}
        self._size = 0

    def write(self, path: str, document: Any) -> None:
        """Write a file of one value."""
        self._open(path, "x", [_text(path, document), "\n"])

    def append(self, path: str, document: Any) -> None:
        """Add a value to the array in a file, which is made with the first one."""
        texts = self._arrays.get(path)
        if texts is None:
            texts = self._arrays[path] = []
            self._open(path, "x", ["["])
            separator = "\n  "
        else:
            separator = ",\n  "
        text = _text(path, document).replace("\n", "\n  ")
        texts.append(separator + text)
        self._size += len(text)
        if self._size > BUFFER:
            self._flush()

    def close(self) -> None:
        """End all arrays."""
        for texts in self._arrays.values():
            texts.append("\n]\n")
        self._flush()

    def _flush(self) -> None:
        for path, texts in self._arrays.items():
            if texts:
                self._open(path, "a", texts)
                texts.clear()
        self._size = 0

    def _open(self, path: str, mode: str, texts: list[str]) -> None:
        file = self._folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open(mode, encoding="utf-8", newline="\n") as stream:
            stream.writelines(texts)


def _text(path: str, document: Any) -> str:
    """JSON of a value; characters that UTF-8 lacks are escaped.

    Raises:
        BlockedByDataError: It has a number that JSON lacks.
    """
    try:
        text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    except ValueError:
        key = document.get("id") if isinstance(document, dict) else None
        message = f"{path}: the row with ID {key} has a number in its JSON that is not finite; correct it"
        raise BlockedByDataError(message) from None
    return text.encode("utf-8", "backslashreplace").decode()


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A folder that gets its name when it is complete, and that is removed if anything fails.

    Raises:
        BlockedByDataError: It exists, and is not empty.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        message = f"{folder} exists, and is not an empty folder; give another one"
        raise BlockedByDataError(message)
    folder.parent.mkdir(parents=True, exist_ok=True)
    place = Path(mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        yield place
        place.chmod(0o755)
        place.replace(folder)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    sync(folder.parent)


def sync(path: Path) -> None:
    """Write a file or folder to disk."""
    if path.is_dir() and os.name != "posix":
        return  # Windows has no such thing.
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

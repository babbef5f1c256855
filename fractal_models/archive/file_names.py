"""Names of files and folders that every file system accepts, and that never collide."""

from __future__ import annotations

import re
import unicodedata
from itertools import count

LONGEST = 100
"""Bytes of a name in UTF-8, without what follows it; file systems allow 255 with it."""

REFUSED = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\u2028\u2029\ud800-\udfff]')
"""Characters that a file system refuses, or a terminal misreads."""

RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
"""Names of devices on Windows."""


def safe_name(text: str) -> str:
    """Turn a text into a name: the same letters, without what a file system refuses."""
    name = REFUSED.sub("_", unicodedata.normalize("NFC", text))
    name = _cut(name, LONGEST).strip(" .")
    if not name:
        return "unnamed"
    return f"_{name}" if RESERVED.match(name) or name.startswith("-") else name


def _cut(name: str, size: int) -> str:
    return name.encode()[:size].decode(errors="ignore")


class Names:
    """Names in one folder, each once, also where a file system ignores case."""

    def __init__(self, *suffixes: str) -> None:
        self._suffixes = suffixes or ("",)
        self._taken: set[str] = set()

    def take(self, text: str) -> str:
        """Return a name for a text that no other one has, with any of the suffixes."""
        name = safe_name(text)
        for number in count(1):
            candidate = name if number == 1 else f"{_cut(name, LONGEST - 8).strip(' .')} ({number})"
            keys = {unicodedata.normalize("NFKC", candidate + suffix).casefold() for suffix in self._suffixes}
            if not keys & self._taken:
                self._taken |= keys
                return candidate
        raise AssertionError

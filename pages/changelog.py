"""The changelog, as a page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pages.markdown import NOTE

CHANGELOG = Path(__file__).parent.parent / "CHANGELOG.md"


def pages() -> Iterator[tuple[str, str]]:
    """File names and texts."""
    yield "changelog.md", f"{NOTE}\n{CHANGELOG.read_text().replace('](docs/', '](')}"

"""JSON objects as texts, taken apart and put together without a change of their values.

Order of keys, numbers and escapes stay as they were written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"\s*")


def _skip(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    assert found is not None
    return found.end()


def members(text: str) -> dict[str, str] | None:
    """Values of an object by key, as texts; None if the text is not an object, or not JSON."""
    try:
        return _members(text)
    except (ValueError, IndexError):
        return None


def _members(text: str) -> dict[str, str] | None:
    position = _skip(text, 0)
    if text[position : position + 1] != "{":
        return None
    found: dict[str, str] = {}
    position = _skip(text, position + 1)
    while text[position] != "}":
        key, position = _DECODER.raw_decode(text, position)
        start = _skip(text, _skip(text, position) + 1)  # behind the colon
        _, end = _DECODER.raw_decode(text, start)
        found[key] = text[start:end]
        position = _next(text, end)
    return found


def elements(text: str) -> list[str] | None:
    """Values of an array, as texts; None if the text is not an array."""
    position = _skip(text, 0)
    if text[position : position + 1] != "[":
        return None
    found: list[str] = []
    position = _skip(text, position + 1)
    while text[position] != "]":
        _, end = _DECODER.raw_decode(text, position)
        found.append(text[position:end])
        position = _next(text, end)
    return found


def _next(text: str, position: int) -> int:
    """Position of the next member, or of the bracket that closes."""
    position = _skip(text, position)
    return _skip(text, position + 1) if text[position] == "," else position


def joined(values: Mapping[str, str]) -> str:
    """Object of values that are texts of JSON."""
    return "{" + ", ".join(f"{json.dumps(key)}: {value}" for key, value in values.items()) + "}"


def listed(values: Iterable[str]) -> str:
    """Array of values that are texts of JSON."""
    return "[" + ", ".join(values) + "]"

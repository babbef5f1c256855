"""Markdown: tables, code and links."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from textwrap import indent

NOTE = "<!-- Written by `python -m pages`; edit its source, not this file. -->\n"


NUMBER = re.compile(r"(?:[*]*[\d,.]+( [≤>] [\d.]+)?[*]*)?")
"""Figure, with a limit where it has one; or nothing."""


def cell(text: object) -> str:
    """Text of a table cell: one line, without the character that separates cells."""
    line = re.sub("`([^`]+)`", lambda match: code(match[1]), " ".join(str(text).split()))
    return line.replace("|", "\\|")


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Table with a heading; columns that are empty in every row are left out, and so is a table without rows.

    Figures are aligned to the right.
    """
    lines = [[cell(value) for value in row] for row in rows]
    if not lines:
        return ""
    kept = [number for number in range(len(headings)) if any(line[number] for line in lines)]
    rules = ["---:" if all(map(NUMBER.fullmatch, column)) else "---" for column in zip(*lines, strict=True)]
    lines = [[line[number] for number in kept] for line in [list(headings), rules, *lines]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def code(text: object) -> str:
    """Text as inline code; empty for None."""
    if text is None or text == "":
        return ""
    line = " ".join(str(text).split())
    # Markdown has no escape for the character that separates cells, within code.
    return f"<code>{escape(line, quote=False).replace('|', '&#124;')}</code>" if "|" in line else f"`{line}`"


def codes(texts: Iterable[object]) -> str:
    """Inline code, separated by commas."""
    return ", ".join(map(code, texts))


def block(text: str, language: str = "") -> str:
    """Block of code."""
    return f"```{language}\n{text.strip(chr(10))}\n```\n"


def example(title: str, text: str) -> str:
    """Text that opens with a click."""
    return f'??? example "{title}"\n\n{indent(text, "    ")}'


def items(texts: Iterable[str]) -> str:
    """Bullet list."""
    return "".join(f"- {text}\n" for text in texts)


def page(title: str, *parts: str) -> str:
    """Page with a title."""
    return "\n".join([NOTE, f"# {title}\n", *(part.strip("\n") + "\n" for part in parts if part)])


REGION = re.compile(r"(<!-- pages: (?P<name>[\w-]+) -->\n).*?(<!-- /pages -->)", re.DOTALL)
"""Part of a page that is written by hand: `<!-- pages: NAME -->`, then what is generated, then `<!-- /pages -->`."""


def fill(text: str, regions: Mapping[str, str]) -> str:
    """Replace the generated regions of a page."""
    return REGION.sub(lambda match: f"{match[1]}{regions[match['name']].strip(chr(10))}\n{match[3]}", text)

"""Commands: screens of each, and its help, as they are printed on a terminal of 80 columns."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from unittest.mock import patch

from fractal_models.cli.main import FractalCommandLine
from pages.markdown import block, page, table
from pages.screens import of_command, screen

INTRODUCTION = (
    "The screens on this page are of one database: it is created, filled with a demo site of three users, copied, "
    "damaged and mended, and returned to 2.9. `…` stands for lines that were cut, `echo $?` prints an exit code other "
    "than 0."
)


def pages() -> Iterator[tuple[str, str]]:
    """File names and texts."""
    # argparse reads the width of the terminal here.
    with patch.dict(os.environ, {"COLUMNS": "80", "NO_COLOR": "1"}):
        line = FractalCommandLine()
        parsers: dict[str, argparse.ArgumentParser] = line.subparsers.choices
        summaries = {action.dest: action.help for action in line.subparsers._choices_actions}
        overview = table(
            ("command", "effect"), [(f"[`{name}`](#{name})", summaries.get(name)) for name in sorted(parsers)]
        )
        helps = {name: parsers[name].format_help() for name in sorted(parsers)}
        whole = block(line.parser.format_help(), "text")
    entries = [_entry(name, text) for name, text in helps.items()]
    yield "reference/commands.md", page("Commands", INTRODUCTION, overview, *entries, "## All commands\n", whole)


def _entry(name: str, text: str) -> str:
    """Screens of a command, and its help."""
    return f"## {name} {{ #{name} }}\n\n{screen(*of_command(name))}\n{block(text, 'text')}"

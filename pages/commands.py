"""Commands: the help of each, as it is printed on a terminal of 80 columns."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from unittest.mock import patch

from fractal_models.cli.main import FractalCommandLine
from pages.markdown import block, page, table


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
        helps = [f"## {name} {{ #{name} }}\n\n{block(parsers[name].format_help(), 'text')}" for name in sorted(parsers)]
        whole = block(line.parser.format_help(), "text")
    yield "reference/commands.md", page("Commands", overview, *helps, "## All commands\n", whole)

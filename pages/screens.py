"""Screens: what commands print on a terminal of 80 columns, as regions of pages."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from pages.markdown import block

SHOWN_ROWS = 5

SCRIPT = "from fractal_models.cli.main import main; main()"


def regions() -> Iterator[tuple[str, str]]:
    """Names and texts."""
    with tempfile.TemporaryDirectory() as folder:
        _run(folder, "upgrade head --yes")
        _run(folder, "seed --size 3")
        yield "status", _screen("status", _cut(_run(folder, "status")))


def _screen(command: str, output: str) -> str:
    return block(f"$ fractal-models {command}\n{output}", "text")


def _cut(output: str) -> str:
    """Output with the first rows of its table, and without the patch release of SQLite."""
    lines = re.sub(r"(sqlite \d+)[.\d]+", r"\1", output).splitlines()
    heading = next(number for number, line in enumerate(lines) if line.startswith("table "))
    return "\n".join([*lines[: heading + 1 + SHOWN_ROWS], "…"])


def _run(folder: str, command: str) -> str:
    """Output of a command on the default database in a folder."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FRACTAL_")}
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, *command.split()],
        cwd=folder,
        env={**environment, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

"""Screens: what commands print on a demo site, as regions of pages."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from pages.markdown import block

ROOT = Path(__file__).parent.parent


class Screen(NamedTuple):
    """A command, what it prints, and its exit code."""

    command: str
    output: str
    code: int


SESSION = {
    "missing": "status",
    "wait": "wait --timeout 5",
    "upgrade": "upgrade head",
    "upgrade-again": "upgrade head",
    "seed": "seed --size 3",
    "status": "status",
    "doctor": "doctor",
    "check": "check",
    "current": "current",
    "heads": "heads",
    "history": "history",
    "branches": "branches",
    "show": "show 7c4d1b65e0f9",
    "roles": "roles",
    "copy": "copy fractal.db archive.db --only v1 --without-secrets",
    "verify": "verify archive.db",
    "export": "export site --project v1:1",
    "drift": "DROP INDEX ix_dataset_project_id;",
    "drifted": "status",
    "mended": "CREATE INDEX ix_dataset_project_id ON dataset (project_id);",
    "downgrade-unconfirmed": "downgrade d256a7379ab8",
    "downgrade": "downgrade d256a7379ab8 --yes",
    "ensure_version": "ensure_version",
    "stamp-refused": "stamp head",
    "stamp": "stamp d256a7379ab8",
    "two-jobs": "UPDATE jobv2 SET status = 'submitted', end_timestamp = NULL WHERE dataset_id = 1;",
    "doctor-blocked": "doctor",
    "upgrade-blocked": "upgrade head",
}
"""Commands on a database in a new folder, one after the other."""

REMARKS = {
    "drifted": "an index was dropped by hand",
    "doctor-blocked": "two jobs of one dataset were set to submitted",
}
"""What has changed before a screen."""

SHOWN = {"status": (12, 0), "roles": (9, 0), "copy": (2, 7), "verify": (1, 6), "drifted": (4, 0)}
"""Of long screens, the number of lines that are shown of the begin and of the end."""

CHANGING = {
    r"(sqlite \d+)[.\d]+": r"\1",
    r"\d+\.\d s": "0.1 s",
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+\+00:00": "2026-11-23 09:41:07.123456+00:00",
    re.escape(f"{ROOT}/"): "…/",
}
"""What differs from run to run, and what is shown instead."""


@cache
def screens() -> dict[str, Screen]:
    """Screens of `SESSION`, by name."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("FRACTAL_", "PG"))}
    with tempfile.TemporaryDirectory() as folder:
        printed = subprocess.run(
            [sys.executable, "-m", "pages.terminal"],
            input=json.dumps(list(SESSION.values())),
            cwd=folder,
            env={
                **environment,
                "PYTHONPATH": str(ROOT),
                "COLUMNS": "80",
                "FRACTAL_DATABASE_URL": "sqlite:///fractal.db",
            },
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout
    return {
        name: Screen(command, _steady(output), code)
        for (name, command), (output, code) in zip(SESSION.items(), json.loads(printed), strict=True)
    }


def _steady(output: str) -> str:
    for pattern, shown in CHANGING.items():
        output = re.sub(pattern, shown, output)
    return output


def screen(*names: str) -> str:
    """Screens, one below the other, in one block."""
    return block("\n".join(_lines(name) for name in names), "text")


def _lines(name: str) -> str:
    found = screens()[name]
    lines = found.output.rstrip("\n").splitlines()
    if name in SHOWN:
        first, last = SHOWN[name]
        lines = [*lines[:first], "…", *lines[len(lines) - last :]]
    code = [f"$ echo $?\n{found.code}"] if found.code else []
    remark = [f"# {REMARKS[name]}"] if name in REMARKS else []
    return "\n".join([*remark, f"$ fractal-models {found.command}", *lines, *code])


def regions() -> Iterator[tuple[str, str]]:
    """Names and texts."""
    for name, found in screens().items():
        if not found.command.endswith(";"):
            yield f"screen-{name}", screen(name)


def of_command(command: str) -> Sequence[str]:
    """Names of the screens of a command."""
    return [name for name, found in screens().items() if found.command.split()[0] == command]

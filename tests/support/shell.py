"""Commands of a README, run as they are written."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import URL

from tests.support.databases import ROOT
from tests.support.example_server import environment
from tests.support.preloaded import stand_ins

CURL = ROOT / "tests" / "support" / "curl.py"


def terminal(url: URL, folder: Path, **more: object) -> dict[str, str]:
    """Environment of a terminal that finds `python` and our commands, preloaded, and a program that acts like curl."""
    found = environment(url, **more)
    binaries = folder / "bin"
    binaries.mkdir()
    stand_ins(binaries)
    if url.get_backend_name() == "sqlite" or shutil.which("curl") is None:
        stand_in = binaries / "curl"
        stand_in.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{CURL}" "$@"\n')
        stand_in.chmod(0o755)
    return {**found, "PATH": os.pathsep.join([str(binaries), found["PATH"]])}


@contextmanager
def shell(commands: str, env: dict[str, str], folder: Path) -> Iterator[tuple[int, str, str]]:
    """Run commands in the checkout; processes that they leave running end with the context."""
    with (folder / "output").open("w+") as output, (folder / "errors").open("w+") as errors:
        process = subprocess.Popen(
            ["sh", "-e", "-c", commands], cwd=ROOT, env=env, stdout=output, stderr=errors, start_new_session=True
        )
        try:
            status = process.wait(timeout=120)
            yield status, (folder / "output").read_text(), (folder / "errors").read_text()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)

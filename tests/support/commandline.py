"""Runs `fractal-models`: in this process, which is quick, or as operators do, in one of its own."""

import io
import os
import pty
import subprocess
import sys
import traceback
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL

from fractal_models.cli.main import FractalCommandLine
from tests.support.databases import ROOT

COMMAND = str(Path(sys.executable).parent / "fractal-models")
ALEMBIC = [sys.executable, "-m", "alembic", "-c", str(ROOT / "alembic.ini")]


@dataclass
class Outcome:
    """What is seen of a command."""

    code: int
    out: str
    err: str

    @property
    def all(self) -> str:
        return self.out + self.err


def run(*arguments: str, url: URL | str | None = None) -> Outcome:
    """Run a verb in this process, with nobody at a terminal."""
    out, err = io.StringIO(), io.StringIO()
    stdin, sys.stdin = sys.stdin, io.StringIO()
    code = 0
    try:
        with redirect_stdout(out), redirect_stderr(err):
            try:
                FractalCommandLine().main([*(["--url", text_of(url)] if url is not None else []), *arguments])
            except SystemExit as exit_:
                code = exit_.code if isinstance(exit_.code, int) else 1
            except Exception:
                # As Python itself does with what `--debug` lets through.
                traceback.print_exc()
                code = 1
    finally:
        sys.stdin = stdin
    return Outcome(code, out.getvalue(), err.getvalue())


def text_of(url: URL | str) -> str:
    return url if isinstance(url, str) else url.render_as_string(hide_password=False)


def environment(url: URL | str | None = None) -> dict[str, str]:
    return os.environ | ({"FRACTAL_DATABASE_URL": text_of(url)} if url is not None else {})


def start(*arguments: str, url: URL | str | None = None, program: Sequence[str] = (COMMAND,)) -> subprocess.Popen[str]:
    """Start a process; its output is read by `finish`."""
    return subprocess.Popen(
        [*program, *arguments],
        env=environment(url),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str], timeout: float = 120) -> Outcome:
    out, err = process.communicate(timeout=timeout)
    return Outcome(process.returncode, out, err)


def converse(*arguments: str, url: URL | str, answer: str) -> Outcome:
    """Run a verb on a terminal, and type an answer to whatever it asks; all that appears there is in `out`."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [COMMAND, *arguments], env=environment(url) | {"TERM": "xterm"}, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    os.write(ours, answer.encode())
    shown = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(ours)
    return Outcome(process.wait(timeout=60), shown.decode(), "")

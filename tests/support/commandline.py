"""Runs `fractal-models`: in this process, which is quick, or as operators do, in one of its own."""

import io
import os
import pty
import subprocess
import sys
import threading
import traceback
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import URL

from fractal_models.cli.main import FractalCommandLine
from tests.support.databases import ROOT

COMMAND = str(Path(sys.executable).parent / "fractal-models")
ALEMBIC = ["alembic", "-c", str(ROOT / "alembic.ini")]


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
    with redirect_stdout(out), redirect_stderr(err), pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", io.StringIO())
        code = _main(*arguments, url=url)
    return Outcome(code, out.getvalue(), err.getvalue())


def _main(*arguments: str, url: URL | str | None) -> int:
    """Run a verb in this process; its exit code."""
    try:
        FractalCommandLine().main([*(["--url", text_of(url)] if url is not None else []), *arguments])
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else 1
    except Exception:
        # As Python itself does with what `--debug` lets through.
        traceback.print_exc()
        return 1
    return 0


def text_of(url: URL | str) -> str:
    return url if isinstance(url, str) else url.render_as_string(hide_password=False)


def environment(url: URL | str | None = None) -> dict[str, str]:
    return os.environ | ({"FRACTAL_DATABASE_URL": text_of(url)} if url is not None else {})


def start(
    *arguments: str, url: URL | str | None = None, program: Sequence[object] = (COMMAND,)
) -> subprocess.Popen[str]:
    """Start a process; its output is read by `finish`."""
    return subprocess.Popen(
        [*map(str, program), *arguments],
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
    shown = bytearray()
    reader = threading.Thread(target=_read_all, args=(ours, shown))
    reader.start()
    os.write(ours, answer.encode())
    with (
        pytest.MonkeyPatch.context() as patch,
        os.fdopen(theirs, "r", closefd=False) as keyboard,
        os.fdopen(theirs, "w", buffering=1) as screen,
    ):
        patch.setenv("TERM", "xterm")
        patch.setattr("sys.stdin", keyboard)
        patch.setattr("sys.stdout", screen)
        patch.setattr("sys.stderr", screen)
        code = _main(*arguments, url=url)
    reader.join()
    os.close(ours)
    return Outcome(code, shown.decode(), "")


def _read_all(terminal: int, shown: bytearray) -> None:
    """Read what appears on a terminal until its other end is closed."""
    with suppress(OSError):
        while part := os.read(terminal, 4096):
            shown += part

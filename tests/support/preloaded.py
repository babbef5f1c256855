"""Runs programs in forks of a process that has imported what they need: they start at once.

A program gets arguments, folder, environment and files of its own, like any process. `Program` starts one from a test;
`stand_ins` writes programs for a shell, such as `fractal-models`, which run their namesakes in such forks.
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path

from tests.support.commandline import Outcome

CLIENT = Path(__file__).with_name("preloaded_client.py")
COMMANDS = {"fractal-models": ("fractal_models.cli.start", "main"), "alembic": ("alembic.config", "main")}
IMPORTED = (
    *(module for module, _ in COMMANDS.values()),
    "fractal_models.cli.main",
    "aiosqlite",
    "asyncpg",
    "fastapi_users.authentication",
    "fastapi_users_db_sqlmodel",
    "fractal_models.schemas.v1",
    "fractal_models.schemas.v2",
    "fractal_models.testing.factories",
    "fractal_models.testing.demo_site",
    "httpx_oauth.integrations.fastapi",
    "psycopg",
    "psycopg2",
    "sqlalchemy.dialects.postgresql",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "uvicorn.loops.auto",
    "uvicorn.protocols.http.auto",
)


@cache
def server() -> str:
    """The socket of the process that forks; the first call starts it, and it ends with this one."""
    folder = tempfile.TemporaryDirectory()
    path = f"{folder.name}/socket"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(64)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.preloaded", str(listener.fileno())],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        pass_fds=[listener.fileno()],
        start_new_session=True,
    )
    listener.close()
    assert process.stdin is not None
    end = ExitStack()
    end.callback(folder.cleanup)
    end.callback(process.wait)
    end.callback(process.stdin.close)
    atexit.register(end.close)
    return path


class Program:
    """A running program; it is used like `subprocess.Popen`."""

    def __init__(self, arguments: Iterable[object], env: Mapping[str, str], files: Sequence[int]) -> None:
        """Start it.

        Args:
            arguments: A script, or a name in `COMMANDS`, and its arguments.
            env: The environment.
            files: Descriptors of standard input, output and error.
        """
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect(server())
        request = {"arguments": [str(each) for each in arguments], "folder": str(Path.cwd()), "environment": dict(env)}
        socket.send_fds(self._connection, [b"."], files)
        self._connection.sendall(json.dumps(request).encode() + b"\n")
        self.returncode: int | None = None
        self.pid = self._answer()

    def _answer(self) -> int:
        answer = b""
        while not answer.endswith(b"\n"):
            answer += self._connection.recv(1)
        return int(answer)

    def wait(self, timeout: float | None = None) -> int:
        """The exit code; if a signal has ended the program, its negative number."""
        if self.returncode is None:
            if not select.select([self._connection], [], [], timeout)[0]:
                raise TimeoutError(f"it is still running after {timeout} s")
            self.returncode = self._answer()
            self._connection.close()
        return self.returncode

    def poll(self) -> int | None:
        """The exit code, or None while the program is running."""
        try:
            return self.wait(0)
        except TimeoutError:
            return None

    def send_signal(self, number: int) -> None:
        """Send a signal, if it is still running."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


def finish(arguments: Iterable[object], env: Mapping[str, str], folder: Path, timeout: float = 120) -> Outcome:
    """Run a program to its end; `folder` keeps its output."""
    with Path(os.devnull).open() as nothing, (folder / "out").open("w") as out, (folder / "err").open("w") as err:
        code = Program(arguments, env, [nothing.fileno(), out.fileno(), err.fileno()]).wait(timeout)
    return Outcome(code, (folder / "out").read_text(), (folder / "err").read_text())


def stand_ins(folder: Path) -> None:
    """Write `python`, for scripts, and the commands."""
    for name in ("python", *COMMANDS):
        stand_in = folder / name
        program = "" if name == "python" else name
        stand_in.write_text(f'#!/bin/sh\nexec "{sys.executable}" -IS "{CLIENT}" "{server()}" {program} "$@"\n')
        stand_in.chmod(0o755)


def _serve(listener: socket.socket) -> None:
    """Run a program for each connection, until standard input ends."""
    with warnings.catch_warnings(action="ignore"):
        for module in IMPORTED:
            importlib.import_module(module)
    gc.collect()
    gc.freeze()
    handlers = set()
    while listener in (ready := select.select([listener, sys.stdin], [], [])[0]):
        connection, _ = listener.accept()
        handlers.add(handler := os.fork())
        if handler == 0:
            listener.close()
            _handle(connection)
            return
        connection.close()
        handlers -= {pid for pid in handlers if os.waitpid(pid, os.WNOHANG)[0]}
    assert sys.stdin in ready


def _handle(connection: socket.socket) -> None:
    """Run a program, tell its process and its exit code; end it if the test has gone."""
    _, files, _, _ = socket.recv_fds(connection, 1, 3)
    request = json.loads(connection.makefile().readline())
    program = os.fork()
    if program == 0:
        connection.close()
        _run(request, files)
        return
    for file in (0, 1, 2, *files):
        os.close(file)
    connection.sendall(b"%d\n" % program)

    def end_when_abandoned() -> None:
        connection.recv(1)
        os.kill(program, signal.SIGTERM)

    threading.Thread(target=end_when_abandoned, daemon=True).start()
    code = os.waitstatus_to_exitcode(os.waitpid(program, 0)[1])
    connection.sendall(b"%d\n" % code)
    os._exit(0)


def _run(request: dict[str, object], files: list[int]) -> None:
    """Run a program in this process, as its own interpreter would."""
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False, errors="backslashreplace")
    os.chdir(str(request["folder"]))
    os.environ.clear()
    os.environ.update(request["environment"])  # type: ignore[call-overload]
    sys.argv = request["arguments"]  # type: ignore[assignment]
    if sys.argv[0] in COMMANDS:
        module, function = COMMANDS[sys.argv[0]]
        sys.exit(getattr(sys.modules[module], function)())
    sys.path[0] = str(Path(sys.argv[0]).resolve().parent)
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))

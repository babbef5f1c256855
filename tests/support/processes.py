"""Processes that have everything imported when they start, so that many can be started, and killed."""

import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from alembic import command
from sqlalchemy import URL

from fractal_models.database import alembic_config
from tests.support.commandline import Outcome, environment
from tests.support.preloaded import Program

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["pytest", "psycopg2", "fractal_models.models", "tests.support.processes"])


def _migrate(url: str, revision: str, pipe: Connection) -> None:
    config = alembic_config(url)
    config.attributes["report"] = lambda _line: None
    pipe.send("ready")
    pipe.recv()
    start = time.monotonic()
    command.upgrade(config, revision)
    pipe.send(time.monotonic() - start)


class Migrator:
    """A process that upgrades a database once it is told to."""

    def __init__(self, url: str, revision: str = "head") -> None:
        self._pipe, theirs = CONTEXT.Pipe()
        self._process: ForkServerProcess = CONTEXT.Process(target=_migrate, args=(url, revision, theirs), daemon=True)
        self._process.start()
        theirs.close()
        assert self._pipe.recv() == "ready"

    def go(self) -> None:
        self._pipe.send("go")

    def finish(self) -> float | None:
        """Seconds that the upgrade took; None if it failed."""
        try:
            seconds: float = self._pipe.recv()
        except EOFError:
            return None
        finally:
            self._process.join()
            self._pipe.close()
        return seconds

    def kill(self) -> None:
        """`kill -9`, whatever it is doing."""
        self._process.kill()
        self._process.join()
        self._pipe.close()


def simultaneously(url: str, number: int) -> list[float | None]:
    """Let several processes upgrade one database from the same moment on; seconds that each took, None if it failed."""
    migrators = [Migrator(url) for _ in range(number)]
    for migrator in migrators:
        migrator.go()
    return [migrator.finish() for migrator in migrators]


class Forked:
    """A command in a process of its own, as `commandline.start` starts them, but without the time of the imports."""

    def __init__(self, *arguments: str, url: URL | str, program: Sequence[str] = ("fractal-models",)) -> None:
        self._folder = tempfile.TemporaryDirectory()
        with Path(os.devnull).open() as nothing, self._file("out").open("w") as out, self._file("err").open("w") as err:
            files = [nothing.fileno(), out.fileno(), err.fileno()]
            self._program = Program([*program, *arguments], environment(url), files)

    def _file(self, name: str) -> Path:
        return Path(self._folder.name) / name

    @property
    def running(self) -> bool:
        return self._program.poll() is None

    def read(self, name: str) -> str:
        """What it has written so far to `out` or `err`."""
        return self._file(name).read_text()

    def wait_until_it_says(self, text: str) -> None:
        while text not in self.read("out"):
            assert self.running, self.read("out")
            time.sleep(0.02)

    def send(self, number: int) -> None:
        """Send a signal, if it is still running."""
        self._program.send_signal(number)

    def kill(self) -> bool:
        """`kill -9`, whatever it is doing; whether it was still running."""
        running = self.running
        self._program.send_signal(signal.SIGKILL)
        self._program.wait(60)
        self._folder.cleanup()
        return running

    def finish(self, timeout: float = 120) -> Outcome:
        code = self._program.wait(timeout)
        out, err = self.read("out"), self.read("err")
        self._folder.cleanup()
        return Outcome(code, out, err)

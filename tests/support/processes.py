"""Processes that have everything imported when they start, so that many can be started, and killed."""

import multiprocessing
import os
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from alembic import command
from sqlalchemy import URL

from fractal_models.cli.main import FractalCommandLine
from fractal_models.database import alembic_config
from tests.support.commandline import Outcome, text_of

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


def _run(arguments: tuple[str, ...], url: str, folder: Path) -> None:
    os.environ["FRACTAL_DATABASE_URL"] = url
    with Path(os.devnull).open() as nothing, (folder / "out").open("w") as out, (folder / "err").open("w") as err:
        for number, file in enumerate((nothing, out, err)):
            os.dup2(file.fileno(), number)
    sys.stdout = os.fdopen(1, "w", buffering=1)
    FractalCommandLine().main(list(arguments))


class Forked:
    """A command in a process of its own, as `commandline.start` starts them, but without the time of the imports."""

    def __init__(self, *arguments: str, url: URL | str) -> None:
        self._folder = tempfile.TemporaryDirectory()
        target = (arguments, text_of(url), Path(self._folder.name))
        self._process: ForkServerProcess = CONTEXT.Process(target=_run, args=target, daemon=True)
        self._process.start()

    @property
    def running(self) -> bool:
        return self._process.is_alive()

    def read(self, name: str) -> str:
        """What it has written so far to `out` or `err`."""
        file = Path(self._folder.name) / name
        return file.read_text() if file.exists() else ""

    def wait_until_it_says(self, text: str) -> None:
        while text not in self.read("out"):
            assert self.running, self.read("out")
            time.sleep(0.02)

    def kill(self) -> bool:
        """`kill -9`, whatever it is doing; whether it was still running."""
        running = self.running
        self._process.kill()
        self._process.join()
        self._folder.cleanup()
        return running

    def finish(self, timeout: float = 120) -> Outcome:
        self._process.join(timeout)
        assert self._process.exitcode is not None
        out, err = self.read("out"), self.read("err")
        self._folder.cleanup()
        return Outcome(self._process.exitcode, out, err)

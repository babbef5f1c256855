"""The programs of `examples/server`, as processes that listen on this machine."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL

from tests.support.databases import ROOT
from tests.support.preloaded import Program

FOLDER = ROOT / "examples" / "server"
START_TIMEOUT = 60.0


@dataclass
class Served:
    """A program that answers, and what it has written so far."""

    url: str
    log_file: Path

    def log(self) -> str:
        return self.log_file.read_text()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


def environment(url: URL | str, **more: object) -> dict[str, str]:
    """The environment of a server on the database at `url`."""
    text = url if isinstance(url, str) else url.render_as_string(hide_password=False)
    return {**os.environ, "FRACTAL_DATABASE_URL": text, **{name: str(value) for name, value in more.items()}}


@contextmanager
def serve(script: str, env: dict[str, str], port: int, log_file: Path) -> Iterator[Served]:
    """Run a program until it listens, and end it as an operator does."""
    with Path(os.devnull).open() as nothing, log_file.open("w") as log:
        process = Program([FOLDER / script], env, [nothing.fileno(), log.fileno(), log.fileno()])
    try:
        deadline = time.monotonic() + START_TIMEOUT
        while not _listens(port):
            assert process.poll() is None, log_file.read_text()
            assert time.monotonic() < deadline, f"{script} did not listen within {START_TIMEOUT} s"
            time.sleep(0.05)
        yield Served(f"http://127.0.0.1:{port}", log_file)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def serve_app(url: URL, folder: Path, provider: str = "") -> Iterator[Served]:
    """Serve `app.py` on the database at `url`."""
    port = free_port()
    with serve("app.py", environment(url, PORT=port, PROVIDER=provider), port, folder / "app.log") as served:
        yield served

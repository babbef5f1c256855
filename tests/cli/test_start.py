"""Signals while the command is starting, before anything is imported."""

import random
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from sqlalchemy import URL

from tests.support.commandline import environment, finish
from tests.support.databases import ROOT

PROGRAM = [sys.executable, "-c", "from fractal_models.cli.start import main; main()"]
"""As the script of the package does."""

WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
NOT_BEGUN = "nothing was changed, since it had not begun; run the same command again"
NO_DATABASE = "does not exist; run the same command again to go on"


def test_script_begins_there() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]

    assert scripts == {"fractal-models": "fractal_models.cli.start:main"}


def catches(process: subprocess.Popen[str], number: int) -> bool:
    """Whether a process has set a handler of a signal."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    [caught] = [line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")]
    return bool(int(caught, 16) >> (number - 1) & 1)


def start(url: URL) -> subprocess.Popen[str]:
    # Where a shell has put the tests into the background, processes inherit that the signal is ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [*PROGRAM, "upgrade", "head"],
        env=environment(url),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    signal.signal(signal.SIGINT, before)
    return process


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells which signals are caught")
@pytest.mark.parametrize("number", WORDS)
def test_signal_during_the_imports_is_told_in_one_line(number: signal.Signals, tmp_path: Path, thorough: bool) -> None:
    for attempt in range(20 if thorough else 1):
        path = tmp_path / f"{attempt}.db"
        process = start(URL.create("sqlite", database=str(path)))
        while not catches(process, signal.SIGTERM):  # Python itself catches SIGINT
            assert process.poll() is None
        time.sleep(random.uniform(0, 0.3) if thorough else 0)
        process.send_signal(number)

        outcome = finish(process)

        assert outcome.code == 128 + number
        assert outcome.out == ""
        assert outcome.err in {
            f"fractal-models: {WORDS[number]}; {NOT_BEGUN}\n",
            f"fractal-models: {WORDS[number]}; {path} {NO_DATABASE}\n",
        }
        assert not path.exists()


LOGGED = """
import logging
from fractal_models import signals

def log(error):
    try:
        raise error
    except BaseException:
        logging.getLogger("sqlalchemy.pool.impl.NullPool").error("Exception closing connection", exc_info=True)

with signals.raising():
    log(signals.Interruption(2))
    log(ValueError("another error"))
log(signals.Interruption(2))
"""


def test_signal_that_arrives_while_a_connection_is_closed_is_not_logged() -> None:
    printed = subprocess.run([sys.executable, "-c", LOGGED], capture_output=True, text=True, check=True).stderr

    assert printed.count("Exception closing connection") == 2
    assert printed.index("ValueError: another error") < printed.index("Interruption: interrupted")

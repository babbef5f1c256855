"""Runs of copies and of bare loops, each in a process of its own."""

import multiprocessing
import resource
from collections.abc import Callable
from multiprocessing.connection import Connection
from time import perf_counter
from typing import Any

from fractal_models.archive import Progress, copy_database


def copy(source: str, target: str) -> dict[str, float]:
    """Copy, and tell how long copy and verification took."""
    moments: list[float] = []

    def note(progress: Progress) -> None:
        if progress.step == "verify":
            moments.append(perf_counter())

    start = perf_counter()
    copy_database(source, target, progress=note)
    whole, verified = perf_counter() - start, moments[-1] - moments[0]
    return {"copy_seconds": whole - verified, "verify_seconds": verified}


def loop(run: Callable[[str, str], None], source: str, target: str) -> dict[str, float]:
    """Run a bare loop, and tell how long it took."""
    start = perf_counter()
    run(source, target)
    return {"bare_seconds": perf_counter() - start}


def _report(pipe: Connection, run: Callable[..., dict[str, float]], *arguments: Any) -> None:
    found = run(*arguments)
    pipe.send(found | {"memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024})


def apart(run: Callable[..., dict[str, float]], *arguments: Any) -> dict[str, float]:
    """Run a function in a process of its own; what it tells, and its peak memory."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_report, args=(theirs, run, *arguments))
    process.start()
    theirs.close()
    found: dict[str, float] = ours.recv()
    process.join()
    return found

"""Reports of a run: which database, from where to where, what is at work for how long, and where it ended."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from alembic.config import Config
from alembic.runtime.migration import MigrationStep, RevisionStep
from sqlalchemy import URL

from fractal_models.database.connection.redaction import masked
from fractal_models.database.connection.urls import DEFAULT_URL, URL_VARIABLE
from fractal_models.database.migration.plan import Plan
from fractal_models.database.revisions.history import head, title

Report = Callable[[str], None]
"""Receives progress, one line at a time."""

FIRST_REPORT = 10.0
"""Seconds after which a line says that something is still at work; each later line comes after twice the time."""


class Progress:
    """Progress of one run.

    Args:
        config: Of its attributes, `report` receives a line for each event (by default it is printed), and `working`
            what is at work and the time passed, each second, for a spinner; without it, lines tell what takes long.
    """

    def __init__(self, config: Config) -> None:
        self._report: Report = config.attributes.get("report") or _printing(config)
        self._working: Report | None = config.attributes.get("working")
        self._reported: list[str] = []
        self._lock = threading.Lock()
        self._begin = self._since = time.monotonic()
        self._next = FIRST_REPORT
        self._at = ""

    @property
    def has_begun(self) -> bool:
        """Whether a revision has begun, so that parts of it may be in the database."""
        return bool(self._reported)

    def line(self, line: str) -> None:
        """Report an event."""
        # The reader of a pipe may have gone; that is no reason to end a run.
        with self._lock, suppress(BrokenPipeError):
            self._report(line)

    def at(self, work: str) -> None:
        """Set what is at work, such as an index."""
        self._at, self._since, self._next = work, time.monotonic(), FIRST_REPORT
        self._tell()

    def waiting(self, line: str) -> None:
        """Report a wait for other sessions."""
        self.line(line)
        if not self._at:
            self.at("waiting")

    def planned(self, url: URL, plan: Plan) -> None:
        """Report the database, and from where to where a run moves it."""
        self.line(f"database {_name(url)}")
        if not plan.is_needed:
            self.line(f"{position(plan.revisions)}: nothing to do")
            return
        number = len(plan.steps)
        target = _names(plan.targets) or "base"
        verb = "upgrade" if plan.scripts(up=True) else "downgrade"
        origin = _names(plan.revisions) or "an empty database"
        self.line(f"{verb} from {origin} to {target}, {number} revision{'s' * (number != 1)}")

    def begins(self, steps: Sequence[MigrationStep]) -> None:
        """Report the first of the steps that are left, once."""
        if not isinstance(steps[0], RevisionStep):
            return
        script = steps[0].revision
        if script.revision not in self._reported:
            self._reported.append(script.revision)
            number = len(self._reported)
            verb = "upgrade to" if steps[0].is_upgrade else "downgrade from"
            self.line(f"{number}/{number + len(steps) - 1} {verb} {script.revision}: {title(script)}")
        self.at(f"revision {script.revision}")

    def ended(self, revisions: tuple[str, ...]) -> None:
        """Report where the run has ended."""
        self.line(f"done in {time.monotonic() - self._begin:.1f} s: {position(revisions)}")

    @contextmanager
    def ticking(self) -> Iterator[None]:
        """Report what takes long."""
        stopped = threading.Event()

        def tick() -> None:
            while not stopped.wait(1.0):
                self._tell()

        thread = threading.Thread(target=tick, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            thread.join()

    def _tell(self) -> None:
        seconds = time.monotonic() - self._since
        if self._working is not None:
            self._working(f"{self._at}, {int(seconds)} s" if seconds >= 1 else self._at)
        elif seconds >= self._next:
            self._next *= 2
            self.line(f"  {self._at}: {seconds:.0f} s so far")


def _printing(config: Config) -> Report:
    """Print lines as Alembic does, and at once: they tell what takes long."""

    def report(line: str) -> None:
        config.print_stdout(line)
        config.stdout.flush()

    return report


def position(revisions: tuple[str, ...]) -> str:
    """Where a database stands."""
    if not revisions:
        return "empty"
    return f"at head, {_names(revisions)}" if revisions == (head(),) else f"at {_names(revisions)}"


def _names(revisions: tuple[str, ...]) -> str:
    return ", ".join(revisions)


def _name(url: URL) -> str:
    if url.render_as_string() == DEFAULT_URL and URL_VARIABLE not in os.environ:
        return f"{masked(url)} in {Path.cwd()}, since {URL_VARIABLE} is not set"
    return masked(url)

"""Sight of what a statement on PostgreSQL waits for, from a second connection while it waits."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread

from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError

from fractal_models.database.connection.engine import maintenance_engine
from fractal_models.database.connection.errors import DatabaseError
from fractal_models.database.inspection.access import backend_pid
from fractal_models.database.inspection.blockers import Blocker, blockers_of

PATIENCE = 0.1
"""Seconds after which a statement is taken to wait; most are done by then, without a second connection."""

REPORTED_AFTER = 0.5
"""Seconds after which a wait is reported while it lasts."""

SHORT_PATIENCE = 0.01
"""The same for statements that wait for a lock for less than `STRONG_LOCK_TIMEOUT`."""

MAX_INTERVAL = 0.5
"""Maximum seconds between two looks at a statement that waits for long."""

JOIN_TIMEOUT = 1.0
"""Seconds to wait for the thread at the end; it may be connecting."""


class Watch:
    """Watches the statements of a connection to PostgreSQL from a thread, within its context.

    The thread opens a connection of its own when a statement takes long, or when `hurry` is called.
    """

    def __init__(self, connection: Connection, patience: float = PATIENCE) -> None:
        self.seen: tuple[Blocker, ...] = ()
        """Blockers of the statement that waits, or has waited in vain."""

        self.report: Callable[[tuple[Blocker, ...]], None] | None = None
        """Called from the thread with the blockers of a statement that waits for longer than `REPORTED_AFTER`."""

        self._connection = connection
        self._patience = patience
        self._pid: int | None = None
        self._starts: list[float] = []  # A listener may send statements before another one.
        self._has_waited = False
        self._wake = Event()
        self._is_eager = False
        self._stops = False
        self._thread = Thread(target=self._run, name="fractal-models watch", daemon=True)
        self._listeners: dict[str, Callable[..., None]] = {
            "before_cursor_execute": self._before,
            "after_cursor_execute": self._after,
            "rollback": self._failed,
        }

    def __enter__(self) -> Watch:
        if self._connection.dialect.name == "postgresql":
            self._pid = backend_pid(self._connection)
            for name, listener in self._listeners.items():
                event.listen(self._connection, name, listener)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._pid is not None:
            for name, listener in self._listeners.items():
                event.remove(self._connection, name, listener)
            self._stops = True
            self._wake.set()
            self._thread.join(JOIN_TIMEOUT)

    def hurry(self) -> None:
        """Connect at once, and look at statements that take a few milliseconds."""
        self._patience = SHORT_PATIENCE
        self._is_eager = True
        self._wake.set()

    def _before(self, *_: object) -> None:
        self._has_waited = False
        self._starts.append(time.monotonic())

    def _after(self, *_: object) -> None:
        del self._starts[-1:]
        if self._has_waited:
            self.seen = ()

    def _failed(self, *_: object) -> None:
        self._starts.clear()

    def _running_for(self) -> float:
        """Seconds for which a statement has been running; 0 if there is none."""
        return max((time.monotonic() - start for start in self._starts), default=0.0)

    def _run(self) -> None:
        while not (self._stops or self._is_eager or self._running_for() > self._patience):
            self._wake.wait(self._patience / 2)
        # Without a second connection, the blockers stay unknown.
        with suppress(DBAPIError, DatabaseError, OSError):
            if not self._stops:
                self._look_on()

    def _look_on(self) -> None:
        engine = maintenance_engine(self._connection.engine.url)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            self._wake.clear()
            while not self._stops:
                duration = self._running_for()
                if duration > self._patience and (found := blockers_of(connection, self._pid or 0)):
                    self._saw(found, duration)
                self._wake.wait(min(max(duration / 4, SHORT_PATIENCE), MAX_INTERVAL))

    def _saw(self, found: tuple[Blocker, ...], duration: float) -> None:
        if not self._starts:
            return  # The statement has ended meanwhile.
        self.seen, self._has_waited = found, True
        if self.report is not None and duration > REPORTED_AFTER:
            self.report(found)

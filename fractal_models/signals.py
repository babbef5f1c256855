"""SIGINT and SIGTERM end a command with one line on stderr, and cancel the statement that it is running.

This module imports nothing but the standard library, so that it works before everything else is imported.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
"""Signals that are handled, and what is said of each."""

PATIENCE = 2.0
"""Seconds until a process ends whose main thread does not return from a driver."""

REPETITION = 1.0
"""Seconds in which a second signal counts as the same one: `timeout` sends each twice."""


class Interruption(KeyboardInterrupt):
    """A signal has been received; the message is one line."""

    def __init__(self, number: int, line: str = "") -> None:
        super().__init__(line or WORDS[signal.Signals(number)])
        self.number = number
        self.exit_code = 128 + number
        self.is_complete = bool(line)
        """Whether the line says more than the name of the signal."""


class Work(NamedTuple):
    """What the main thread is doing on a connection."""

    cancel: Callable[[], None]
    """Cancels the running statement; called from another thread."""

    describe: Callable[[], str]
    """Says where the database stands, in one line."""


class _Watcher:
    """Handler of signals, and a thread that cancels the running statement.

    Python runs the handler when the main thread returns from the driver, which may be after hours; so the thread, which
    the interpreter wakes at once, makes it return.
    """

    def __init__(self) -> None:
        self.work: Work | None = None
        self.received: int | None = None
        self._since = 0.0
        self._handled = threading.Event()
        # Not a pipe, which cannot be non-blocking on every platform.
        self._received, self.sender = socket.socketpair()
        self.sender.setblocking(False)
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def handle(self, number: int, _frame: object) -> None:
        if self.received is None:
            self.received, self._since = number, time.monotonic()
            self._handled.set()
            raise Interruption(number)

    def _watch(self) -> None:
        while number := self._received.recv(1)[0]:
            if number not in WORDS:
                continue
            if not self._handled.wait(0.05):
                self._cancel(number)
            elif time.monotonic() - self._since > REPETITION:
                _end(number, "run the same command again to go on")

    def _cancel(self, number: int) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self.work is not None:
                with suppress(Exception):
                    self.work.cancel()
            # A statement that was only about to begin is cancelled the next time.
            if self._handled.wait(0.2):
                return
        line = self.work.describe() if self.work is not None else ""
        if not self._handled.is_set():
            _end(number, line)

    def stop(self) -> None:
        self.sender.send(b"\0")
        self._thread.join()
        self._received.close()
        self.sender.close()


_watcher: _Watcher | None = None


def _end(number: int, line: str) -> None:
    """End the process, whatever its main thread is doing."""
    show_cursor = "\x1b[?25h" if os.isatty(2) else ""
    message = f"{show_cursor}fractal-models: {WORDS[signal.Signals(number)]}{'; ' if line else ''}{line}\n"
    os.write(2, message.encode(errors="replace"))
    os._exit(128 + number)


def _end_at_once(number: int, _frame: object) -> None:
    _end(number, "nothing was changed, since it had not begun; run the same command again")


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a record is more than a signal: SQLAlchemy logs whatever is raised while it closes a connection."""
    return not (record.exc_info and isinstance(record.exc_info[1], Interruption))


def _install(handler: Any) -> dict[int, Any]:
    """Set the handler of signals that are not ignored, and return those before it."""
    numbers = [number for number in WORDS if signal.getsignal(number) not in {signal.SIG_IGN, None}]
    return {number: signal.signal(number, handler) for number in numbers}


def end_at_once() -> None:
    """End the process on a signal until `raising` begins; ignore signals when that has ended."""
    _install(_end_at_once)


@contextmanager
def raising() -> Iterator[bool]:
    """Raise Interruption on a signal, and cancel the statement of `cancelling`.

    Gives False within another such block and outside of the main thread, where it does nothing. A second signal ends
    the process.
    """
    global _watcher
    if _watcher is not None or threading.current_thread() is not threading.main_thread():
        yield False
        return
    _watcher = _Watcher()
    wakeup = signal.set_wakeup_fd(_watcher.sender.fileno(), warn_on_full_buffer=False)
    before = _install(_watcher.handle)
    if logging.lastResort is not None:
        logging.lastResort.addFilter(_is_news)
    try:
        yield True
    finally:
        if logging.lastResort is not None:
            logging.lastResort.removeFilter(_is_news)
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if handler is _end_at_once else handler)
        signal.set_wakeup_fd(wakeup)
        _watcher.stop()
        _watcher = None


@contextmanager
def cancelling(work: Work) -> Iterator[None]:
    """Cancel the running statement on a signal, within `raising`."""
    watcher = _watcher
    if watcher is not None:
        watcher.work = work
    try:
        yield
    finally:
        if watcher is not None:
            watcher.work = None


def check() -> None:
    """Return if no signal has been received; Python drops what a handler raises in a finalizer.

    Raises:
        Interruption: One has.
    """
    if _watcher is not None and _watcher.received is not None:
        raise Interruption(_watcher.received)


def interruption(error: BaseException) -> Interruption | None:
    """Signal behind an error: what cleans up after it may raise errors of its own."""
    causes = list(chain(error))
    for cause in causes:
        if isinstance(cause, Interruption):
            return cause
    if _watcher is not None and _watcher.received is not None:
        return Interruption(_watcher.received)
    return Interruption(signal.SIGINT) if any(isinstance(cause, KeyboardInterrupt) for cause in causes) else None


def chain(error: BaseException) -> Iterator[BaseException]:
    """An error, and those that it was raised from or while they were handled."""
    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and not any(cause is each for each in seen):
        yield cause
        seen.append(cause)
        cause = cause.__cause__ or cause.__context__

"""Several replicas convert one database at the same time: one does, the others find it at head."""

from datetime import UTC, datetime

import pytest

from fractal_models.testing.databases import Databases
from tests.support.old_databases.conversions import CONVERT, conversion_errors, create_old
from tests.support.processes import Forked


def test_processes_at_once(databases: Databases, thorough: bool, capsys: pytest.CaptureFixture[str]) -> None:
    processes, rounds = (8, 5) if thorough else (3, 1)
    for _ in range(rounds):
        old = create_old(databases, 16)
        began = datetime.now(UTC)

        started = [Forked(*CONVERT, url=old.url) for _ in range(processes)]
        outcomes = [process.finish() for process in started]

        assert [(outcome.code, outcome.err) for outcome in outcomes] == [(0, "")] * processes
        assert conversion_errors(old, began) == []
        databases.drop(old.url)

    with capsys.disabled():
        print(f"\n{databases.dialect}: {processes} processes at once, {rounds} times: one converts, all exit 0")

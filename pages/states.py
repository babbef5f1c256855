"""Exit codes and states, as regions of the guide for operators."""

from __future__ import annotations

from collections.abc import Iterator

from fractal_models.cli.main import EXIT_CODES
from fractal_models.database import DatabaseState
from pages.markdown import code, table


def regions() -> Iterator[tuple[str, str]]:
    """Names and texts."""
    lines = (line.strip().partition("  ") for line in EXIT_CODES.splitlines()[1:])
    yield "exit-codes", table(("code", "meaning"), [(number, meaning) for number, _, meaning in lines])
    yield (
        "states",
        table(
            ("state", "code", "condition", "what to do"),
            [
                (
                    code(state.value),
                    state.error.exit_code if state.error else 0,
                    state.condition,
                    state.remedy or (code(state.command) if state.error else "nothing"),
                )
                for state in DatabaseState
            ],
        ),
    )

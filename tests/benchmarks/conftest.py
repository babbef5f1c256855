"""What benchmarks leave behind."""

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def frozen() -> Iterator[None]:
    """Freeze again, as `tests/conftest.py` does, what a benchmark has unfrozen: collections would take long."""
    yield
    gc.freeze()

"""Benchmarks: `python -m benchmarks.models`, `.check`, `.fixtures` and `.site`; each has `--help`."""

"""Benchmark of a whole site in a real database, before and after the upgrade: `python -m benchmarks.site`."""

"""What the package costs, measured: `python -m benchmarks.models`."""

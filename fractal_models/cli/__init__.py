"""The `fractal-models` command."""

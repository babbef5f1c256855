"""Start of the `fractal-models` command: signals are handled before anything else is imported."""

from fractal_models import signals


def main() -> None:
    """Run the `fractal-models` command."""
    signals.end_at_once()

    from fractal_models.cli.main import main as run

    run()

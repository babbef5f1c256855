"""For the tests of servers: databases of their own, rows to put in, and a whole demo site.

With the package installed, pytest has the fixtures of `fractal_models.testing.plugin`. Rows of every table come from
`fractal_models.testing.factories`, a site from `seed`. All they need: `pip install 'fractal-models[testing]'`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fractal_models.testing.demo_site import seed

__all__ = ["seed"]


def __getattr__(name: str) -> Any:
    """Import on first use: pytest imports this package in every run, also where nobody uses it."""
    if name != "seed":
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    from fractal_models.testing.demo_site import seed

    return seed

"""Fixtures, factories and a demo site for the tests of servers: `pip install 'fractal-models[testing]'`.

The fixtures of `fractal_models.testing.plugin` are available in pytest wherever the package is installed. Factories of
every table are in `fractal_models.testing.factories`; `seed` fills a database with a demo site.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fractal_models.testing import factories
    from fractal_models.testing.demo_site import seed

__all__ = ["factories", "seed"]


def __getattr__(name: str) -> Any:
    """Import names on first use: pytest imports this package in every run."""
    from importlib import import_module

    if name == "factories":
        return import_module(f"{__name__}.factories")
    if name == "seed":
        return import_module(f"{__name__}.demo_site").seed
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return __all__

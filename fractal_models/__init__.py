"""The relational database of Fractal: tables, migrations and maintenance.

`fractal_models.models` contains the SQLModel classes, `fractal_models.schemas` the API bodies and enumerations,
`fractal_models.database` the functions for servers and operators.
"""

from typing import TYPE_CHECKING, Any

__all__ = ["__version__", "database", "enums", "loading", "models", "provenance", "schemas", "testing", "utils"]  # noqa: F822 (lazy)

__version__: str

if not TYPE_CHECKING:  # Type checkers would accept any name.

    def __getattr__(name: str) -> Any:
        """Import modules, and read the version, on first use."""
        from importlib import import_module, metadata

        if name == "__version__":
            return metadata.version("fractal-models")
        if name in __all__:
            return import_module(f"{__name__}.{name}")
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)

    def __dir__() -> list[str]:
        return __all__

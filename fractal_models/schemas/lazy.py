"""Packages whose names are imported when somebody first asks for them."""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any


def names_from(package: str, modules: Sequence[str]) -> Callable[[str], Any]:
    """Make the `__getattr__` of a package that offers what its modules list in `__all__`.

    The tables import `schemas.v1` and `schemas.v2` for their enumerations; they shall not wait for the API bodies.
    """

    def __getattr__(name: str) -> Any:  # noqa: N807 (it is one)
        # Names with an underscore are asked for by the import system itself, before any module is there.
        for module in () if name.startswith("_") or name in modules else modules:
            imported = import_module(f"{package}.{module}")
            if name in imported.__all__:
                return getattr(imported, name)
        message = f"module {package!r} has no attribute {name!r}"
        raise AttributeError(message)

    return __getattr__

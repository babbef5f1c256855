"""What columns mean, in the words of their tables.

Columns are described where they are declared, by the string below each. API bodies repeat columns and shall not repeat
their descriptions, nor may they import the tables: so the strings are read from the source.
"""

import ast
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from inspect import cleandoc
from itertools import pairwise

EVERYWHERE = {
    "id": "Identity, given by the database.",
    "name": "What people call it.",
    "timestamp_created": "When it was created.",
}
"""Columns that mean the same in each table that has them, and are not described there."""


def describe(name: str) -> dict[str, str]:
    """Give the description of each attribute of a class of this package, inherited ones included.

    The dict is empty for other classes, and where the package is installed without its source.
    """
    bases, described = _classes().get(name, ((), {}))
    inherited = {attribute: text for base in reversed(bases) for attribute, text in describe(base).items()}
    return inherited | described


@cache
def _classes() -> dict[str, tuple[tuple[str, ...], dict[str, str]]]:
    """Bases and described attributes of each class, by its name."""
    return {
        node.name: (tuple(base.id for base in node.bases if isinstance(base, ast.Name)), dict(_described(node)))
        for folder in ("models", "schemas")
        for module in _files(files("fractal_models") / folder)
        if module.name.endswith(".py")
        for node in ast.parse(module.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
    }


def _files(folder: Traversable) -> Iterator[Traversable]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _files(entry)
        else:
            yield entry


def _described(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for statement, following in pairwise([*node.body, ast.Pass()]):
        match statement, following:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, cleandoc(text)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Call(keywords=keywords)), _:
                for keyword in keywords:
                    if keyword.arg == "foreign_key":
                        yield name, f"Refers to `{ast.literal_eval(keyword.value)}`."

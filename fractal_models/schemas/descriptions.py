"""Descriptions of fields for JSON Schema: the docstrings below the attributes of bodies and tables.

They are read when a JSON Schema is built. pydantic's `use_attribute_docstrings` reads them when a class is defined,
which makes the import of the tables half as long again.
"""

import ast
from functools import cache
from inspect import cleandoc, getsource
from itertools import pairwise
from textwrap import dedent

from pydantic import BaseModel

COMMON = {
    "id": "Identity, given by the database.",
    "name": "What people call it.",
    "timestamp_created": "When it was created.",
}
"""Descriptions of columns that have no docstring because they mean the same in every table."""


def describe(body: type[BaseModel], table: str) -> dict[str, str]:
    """Describe the fields of a body, and below them the columns of its table."""
    if not table:
        return COMMON | _inherited_docstrings(body)
    from fractal_models import models  # Bodies can be imported without the tables.

    columns = getattr(models, table)
    keys = {name: getattr(field, "foreign_key", None) for name, field in columns.model_fields.items()}
    references = {name: f"Refers to `{key}`." for name, key in keys.items() if isinstance(key, str)}
    return COMMON | references | _inherited_docstrings(columns) | _inherited_docstrings(body)


def _inherited_docstrings(cls: type) -> dict[str, str]:
    return {name: text for base in reversed(cls.__mro__) for name, text in _docstrings(base).items()}


@cache
def _docstrings(cls: type) -> dict[str, str]:
    """Docstrings below the attributes of a class, by attribute; empty without its source."""
    try:
        (node,) = ast.parse(dedent(getsource(cls))).body
    except (OSError, TypeError, SyntaxError):
        return {}
    assert isinstance(node, ast.ClassDef)
    docstrings = {}
    for statements in pairwise(node.body):
        match statements:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                docstrings[name] = cleandoc(text)
    return docstrings

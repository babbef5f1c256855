"""Options of Alembic's autogenerate, which compares the models with a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import JSON, Column, DefaultClause, TypeDecorator
from sqlmodel import SQLModel

from fractal_models.models import TABLE_NAMES

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext
    from alembic.runtime.migration import MigrationContext

metadata = SQLModel.metadata

SKIPPED_EXPRESSION_INDEX = (
    r"(Skipped unsupported reflection of|autogenerate skipping metadata-specified) expression-based index"
)
"""Warnings for indexes on SQLite that Alembic cannot compare; `schema.differences` does."""


def include_name(name: str | None, type_: str, _parents: object) -> bool:
    """Leave out the tables of other applications."""
    return type_ != "table" or name in TABLE_NAMES


def render_item(type_: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Write SQLAlchemy's types instead of ours, since a revision never changes and the package does."""
    if type_ != "type" or not isinstance(item, TypeDecorator):
        return False
    return "sa.JSON()" if isinstance(item.impl_instance, JSON) else f"sa.{item.impl_instance!r}"


def compare_server_default(
    _context: MigrationContext, inspected: Column[Any], column: Column[Any], default: str | None, *_: object
) -> bool | None:
    """Compare the defaults of JSON columns as text, since PostgreSQL's `json` has no `=`."""
    if not isinstance(inspected.type, JSON):
        return None
    declared = column.server_default
    text = str(declared.arg) if isinstance(declared, DefaultClause) else None
    return (default.removesuffix("::json").strip("'") if default else None) != text

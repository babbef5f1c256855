"""Options of Alembic's autogenerate, which compares models with a database: for this package, and for a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import JSON, Column, DefaultClause, TypeDecorator

from fractal_models.tables import METADATA

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext
    from alembic.runtime.migration import MigrationContext

LEGACY_TABLE = "fractal_legacy"
"""Table of values of older databases that have no column any more; no model has it, and no revision changes it."""

SKIPPED_EXPRESSION_INDEX = (
    r"(Skipped unsupported reflection of|autogenerate skipping metadata-specified) expression-based index"
)
"""Warnings for indexes on SQLite that Alembic cannot compare; `schema.differences` does."""


def include_name(name: str | None, type_: str, _parents: object) -> bool:
    """Leave out the tables of other applications."""
    return type_ != "table" or name in METADATA.tables


def render_item(type_: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Write SQLAlchemy's types instead of ours and SQLModel's: a revision never changes, and these packages do."""
    package = type(item).__module__.partition(".")[0]
    if type_ != "type" or not isinstance(item, TypeDecorator) or package not in {"fractal_models", "sqlmodel"}:
        return False
    return "sa.JSON()" if isinstance(item.impl_instance, JSON) else f"sa.{item.impl_instance!r}"


def server_history(version_table: str) -> dict[str, Any]:
    """Return arguments of `context.configure`, for the `env.py` of a server with revisions of its own.

    Its revisions are recorded in `version_table`. Its autogenerate ignores the tables of this package and
    `alembic_version`, but finds foreign keys to these tables.
    """
    return {
        "version_table": version_table,
        "include_name": _include_server_name,
        "include_object": _include_server_object,
        "render_item": render_item,
    }


def _include_server_name(name: str | None, type_: str, _parents: object) -> bool:
    return type_ != "table" or name not in {*METADATA.tables, "alembic_version", LEGACY_TABLE}


def _include_server_object(_object: object, name: str | None, type_: str, *_: object) -> bool:
    # Alembic filters names of the database, and objects of the metadata.
    return _include_server_name(name, type_, None)


def compare_server_default(
    _context: MigrationContext, inspected: Column[Any], column: Column[Any], default: str | None, *_: object
) -> bool | None:
    """Compare the defaults of JSON columns as text, since PostgreSQL's `json` has no `=`."""
    if not isinstance(inspected.type, JSON):
        return None
    declared = column.server_default
    text = str(declared.arg) if isinstance(declared, DefaultClause) else None
    return (default.removesuffix("::json").strip("'") if default else None) != text

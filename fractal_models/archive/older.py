"""Tables of databases before 2.9: a copy gets them as they are, and is converted then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import sqlalchemy as sa
from sqlalchemy import Connection

from fractal_models.archive.progress import Progress, Report
from fractal_models.database.conversion.convert import convert
from fractal_models.database.conversion.progress import Progress as ConversionProgress
from fractal_models.database.revisions.baseline import baseline_operations, baseline_tables
from fractal_models.database.revisions.older_schemas import spans


def older_tables(columns: Mapping[str, Mapping[str, sa.types.TypeEngine[object]]]) -> sa.MetaData:
    """Tables that any release up to 2.9 had, with these of its columns, all of which may be null.

    Args:
        columns: Types by table and column, as they were read from a database.
    """
    metadata = sa.MetaData()
    known = {table for table, _ in spans()} & columns.keys()
    for name in [*(name for name in baseline_tables() if name in known), *sorted(known - baseline_tables().keys())]:
        kept = {column: type_ for column, type_ in columns[name].items() if (name, column) in spans()}
        _add_table(metadata, name, kept)
    return metadata


def _add_table(metadata: sa.MetaData, name: str, columns: Mapping[str, sa.types.TypeEngine[object]]) -> None:
    baseline = baseline_tables().get(name, sa.Table(name, sa.MetaData()))
    found: list[sa.schema.SchemaItem] = []
    for column, type_ in columns.items():
        of_2_9 = baseline.c.get(column)
        found.append(
            sa.Column(column, type_.as_generic(), primary_key=column == "id")
            if of_2_9 is None
            else sa.Column(
                column,
                of_2_9.type,
                primary_key=of_2_9.primary_key,
                server_default=of_2_9.server_default,
            )
        )
    for constraint in baseline.constraints:
        if isinstance(constraint, sa.ForeignKeyConstraint | sa.UniqueConstraint) and columns.keys() >= {
            column.name for column in constraint.columns
        }:
            found.append(_copied(constraint))
    table = sa.Table(name, metadata, *found)
    for operation in baseline_operations().get(name, [])[1:]:
        index = operation.to_index()  # type: ignore[attr-defined]
        names = [column.name for column in index.columns]
        if columns.keys() >= set(names):
            sa.Index(index.name, *(table.c[column] for column in names), unique=index.unique)


def _copied(constraint: sa.ForeignKeyConstraint | sa.UniqueConstraint) -> sa.schema.SchemaItem:
    names = [column.name for column in constraint.columns]
    if isinstance(constraint, sa.UniqueConstraint):
        return sa.UniqueConstraint(*names, name=constraint.name)
    return sa.ForeignKeyConstraint(names, [key.target_fullname for key in constraint.elements], name=constraint.name)


def create_older(connection: Connection, tables: sa.MetaData, revision: str) -> None:
    """Create tables at a revision of fractal-server."""
    tables.create_all(connection)
    connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    connection.execute(sa.text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": revision})


class _Converting(ConversionProgress):
    """Reports of a conversion as those of a copy."""

    def __init__(self, report: Report) -> None:
        super().__init__(_ignore)
        self._report = report

    def count(self, what: str, total: int, numbers: Iterable[int]) -> None:
        """Report rows."""
        done = 0
        for number in numbers:
            done += number
            self._report(Progress("convert", what, done, max(total, done)))


def _ignore(_line: str) -> None:
    """Lines tell the same as the numbers."""


def convert_copy(connection: Connection, task_owner: str | None, report: Report) -> None:
    """Convert the tables to those of 2.9, in the transaction of the copy.

    Raises:
        DatabaseError: They cannot be converted.
    """
    convert(connection, task_owner, _Converting(report))

"""Conversion on PostgreSQL, in place: all that a site has added to the tables stays.

Tables are widened to the columns of the baseline, rows are updated, and only then constraints set and columns dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext

from fractal_models.database.conversion.mends import MISSING
from fractal_models.database.conversion.old_database import OldDatabase
from fractal_models.database.conversion.takeover import joins_of, mends_of, ranges, write_notes
from fractal_models.database.revisions.baseline import baseline_operations, baseline_tables

TRIGGERS = """
    SELECT c.relname, t.tgname, t.tgenabled FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND pg_table_is_visible(c.oid) AND c.relname = ANY (:tables)
"""

ENABLE = {"O": "ENABLE", "R": "ENABLE REPLICA", "A": "ENABLE ALWAYS"}
"""Statements that enable a trigger, by `pg_trigger.tgenabled`."""

SEQUENCE = """
    SELECT setval('{sequence}', (SELECT max(id) FROM {table}))
    WHERE (SELECT max(id) FROM {table}) > (SELECT last_value FROM {sequence})
"""

FILLED = ("user_settings", "usergroup", "taskgroupv2")
"""Tables that get new rows."""

UNIQUE_SOURCE = """
    SELECT conname FROM pg_constraint WHERE conrelid = 'taskv2'::regclass AND contype = 'u' AND conkey = ARRAY(
        SELECT attnum FROM pg_attribute WHERE attrelid = 'taskv2'::regclass AND attname = 'source'
    )
"""


class PostgreSQL:
    """Conversion in place."""

    def __init__(self, old: OldDatabase) -> None:
        self.old = old
        self._operations = Operations(MigrationContext.configure(old.connection))
        self._triggers: list[Any] = []

    def prepare(self) -> None:
        """Lock the tables, switch their triggers off, and add what is missing."""
        old, run = self.old, self._operations.execute
        tables = list(old.columns)
        run(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE")
        for setting in ("statement_timeout", "idle_in_transaction_session_timeout"):
            run(f"SET LOCAL {setting} = 0")
        # Rows that a policy hides would be left behind: an error is better.
        run("SET LOCAL row_security = off")
        self._triggers = list(old.execute(TRIGGERS, tables=tables).all())
        for table, name, _ in self._triggers:
            run(f"ALTER TABLE {table} DISABLE TRIGGER {_quoted(name)}")
        for table, columns in baseline_tables().items():
            if table not in old.columns:
                for operation in baseline_operations()[table]:
                    self._operations.invoke(operation)
                continue
            for column in columns.columns:
                self._widen(table, column)
        for table in FILLED:
            self._synchronize(table)

    def _widen(self, table: str, column: sa.Column[Any]) -> None:
        if not self.old.has(table, column.name):
            value = MISSING.get((table, column.name))
            default = None if value is None else str(value)
            self._operations.add_column(table, sa.Column(column.name, column.type, server_default=default))
        elif column.nullable:
            self._operations.alter_column(table, column.name, nullable=True)

    def _synchronize(self, table: str) -> None:
        """Let the ids of new rows begin above those that are there."""
        sequence = self.old.execute("SELECT pg_get_serial_sequence(:table, 'id')", table=table).scalar_one()
        self.old.execute(SEQUENCE.format(table=table, sequence=sequence))

    def take_over(self, table: str) -> Iterator[int]:
        """Update the rows that are to be mended."""
        old, mends = self.old, mends_of(self.old, table)
        if table not in old.columns or not mends:
            return
        write_notes(old, table)
        values = ", ".join(
            f'CASE WHEN {mend.condition} THEN {mend.value} ELSE o."{mend.column}" END AS "{mend.column}"'
            for mend in mends
        )
        conditions = " OR ".join(f"({mend.condition})" for mend in mends)
        assignments = ", ".join(f'"{mend.column}" = mended."{mend.column}"' for mend in mends)
        statement = (
            f"UPDATE {table} SET {assignments} FROM (SELECT o.id, {values} FROM {table} o {joins_of(old, table)} "
            f"WHERE o.id > :first AND o.id <= :last AND ({conditions})) AS mended WHERE mended.id = {table}.id"
        )
        for first, last, number in ranges(old, table):
            old.execute(statement, first=first, last=last)
            yield number

    def finish(self) -> None:
        """Set the constraints and defaults of the baseline, and drop what it lacks."""
        old, operations = self.old, self._operations
        for table, columns in baseline_tables().items():
            if table in old.columns:
                for column in columns.columns:
                    self._narrow(table, column)
        for table, name in old.dropped():
            if table in baseline_tables():
                operations.drop_column(table, name)
        for table in old.dropped_tables():
            operations.drop_table(table)
        if "taskv2" in old.columns:
            for constraint in old.connection.scalars(sa.text(UNIQUE_SOURCE)).all():
                operations.drop_constraint(constraint, "taskv2")
        for table, name, state in self._triggers:
            operations.execute(f"ALTER TABLE {table} {ENABLE[state]} TRIGGER {_quoted(name)}")

    def _narrow(self, table: str, column: sa.Column[Any]) -> None:
        missing = not self.old.has(table, column.name)
        if missing:
            self._operations.alter_column(table, column.name, server_default=column.server_default)
            for key in column.foreign_keys:
                constraint = key.constraint
                assert constraint is not None
                referred = constraint.elements[0].target_fullname.split(".")
                self._operations.create_foreign_key(
                    str(constraint.name), table, referred[0], [column.name], [referred[1]]
                )
        if not column.nullable and not column.primary_key:
            self._operations.alter_column(table, column.name, nullable=False)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

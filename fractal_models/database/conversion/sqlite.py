"""Conversion on SQLite, into new tables: later revisions rely on how the first one has written them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext

from fractal_models.database.connection.errors import DependentObjectsError
from fractal_models.database.conversion.dialects import SQLiteWords
from fractal_models.database.conversion.mends import MISSING
from fractal_models.database.conversion.old_database import OLD_PREFIX, OldDatabase
from fractal_models.database.conversion.site_objects import broken_on_sqlite, refuse
from fractal_models.database.conversion.takeover import joins_of, mends_of, ranges, write_notes
from fractal_models.database.revisions.baseline import baseline_tables
from fractal_models.database.revisions.history import BASELINE, scripts
from fractal_models.database.revisions.operations.base import literal

BESIDE = """
    SELECT type, name, tbl_name, sql FROM sqlite_master
    WHERE type IN ('index', 'trigger') AND sql IS NOT NULL ORDER BY type, name
"""

PLAIN = r"""(?:^|[,(])\s*["`\[]?{name}["`\]]?(?=[\s,)])(?P<rest>(?:[^,()']|'[^']*'|\([^()]*\))*)"""
"""Definition of a column within that of a table, as far as it can be moved to another table."""

NOT_PLAIN = re.compile(r"\b(AS|CHECK|COLLATE|GENERATED|PRIMARY|REFERENCES|UNIQUE)\b", re.IGNORECASE)


class SQLite:
    """Conversion into new tables."""

    def __init__(self, old: OldDatabase) -> None:
        self.old = old
        assert isinstance(old.words, SQLiteWords)
        old.words.register(old.connection)
        self._run = old.connection.exec_driver_sql
        self._broken = broken_on_sqlite(old)
        self._beside = [row for row in self._run(BESIDE) if row.tbl_name in old.columns]
        self._own = {table: list(self._own_columns(table)) for table in old.columns if table in baseline_tables()}

    def _own_columns(self, table: str) -> Iterator[tuple[str, str]]:
        """Columns that a site has added to a table, with their definitions.

        Raises:
            DependentObjectsError: A definition is more than type and default.
        """
        dropped = {column for found, column in self.old.dropped() if found == table}
        sql = self._run("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", (table,)).scalar_one()
        for name in self.old.columns[table].keys() - baseline_tables()[table].columns.keys() - dropped:
            found = re.search(PLAIN.format(name=re.escape(name)), sql, re.IGNORECASE)
            rest = " ".join(found["rest"].split()) if found else "UNIQUE"
            needs_value = re.search(r"\bNOT NULL\b", rest, re.IGNORECASE) and "DEFAULT" not in rest.upper()
            if NOT_PLAIN.search(rest) or needs_value:
                message = (
                    f"column {table}.{name}, which is not of Fractal, has constraints that cannot be moved to a new "
                    "table, so nothing was changed; drop it, and add it again afterwards"
                )
                raise DependentObjectsError(message)
            yield name, f"{_quoted(name)} {rest}"

    def prepare(self) -> None:
        """Rename the old tables, and create those of the baseline."""
        old, run = self.old, self._run
        self._legacy_alter_table = run("PRAGMA legacy_alter_table").scalar()
        # Else references of views, triggers and other tables would follow the old tables to their new names.
        run("PRAGMA legacy_alter_table = ON")
        for kind, name, _, _ in self._beside:
            run(f"DROP {kind} {_quoted(name)}")
        for table in old.columns:
            run(f"ALTER TABLE {table} RENAME TO {OLD_PREFIX}{table}")
        old.prefix = OLD_PREFIX
        for table, columns in baseline_tables().items():
            for column in columns.columns if table in old.columns else ():
                if not old.has(table, column.name):
                    value = MISSING.get((table, column.name))
                    default = "NULL" if value is None else literal(str(value))
                    type_ = column.type.compile(old.connection.dialect)
                    run(f'ALTER TABLE {old.name(table)} ADD COLUMN "{column.name}" {type_} DEFAULT {default}')
        with Operations.context(MigrationContext.configure(old.connection)):
            scripts().get_revision(BASELINE).module.upgrade()
        for table, own in self._own.items():
            for _, definition in own:
                run(f"ALTER TABLE {table} ADD COLUMN {definition}")

    def take_over(self, table: str) -> Iterator[int]:
        """Copy the rows, with what is mended."""
        old = self.old
        if table not in old.columns:
            return
        write_notes(old, table)
        mends = {mend.column: mend for mend in mends_of(old, table)}
        values = {}
        for column in baseline_tables()[table].columns:
            value = f'o."{column.name}"'
            if isinstance(column.type, sa.DateTime):
                value = old.words.date(value)
            if column.name in mends:
                mend = mends[column.name]
                value = f"CASE WHEN {mend.condition} THEN {mend.value} ELSE {value} END"
            values[_quoted(column.name)] = value
        values |= {_quoted(name): f"o.{_quoted(name)}" for name, _ in self._own[table]}
        statement = (
            f"INSERT INTO {table} ({', '.join(values)}) SELECT {', '.join(values.values())} "
            f"FROM {old.name(table)} o {joins_of(old, table)}"
        )
        if "id" not in baseline_tables()[table].columns:
            yield old.execute(statement).rowcount
            return
        statement += " WHERE o.id > :first AND o.id <= :last ORDER BY o.id"
        for first, last, number in ranges(old, table):
            old.execute(statement, first=first, last=last)
            yield number

    def finish(self) -> None:
        """Drop the old tables, and create the indexes and triggers of a site again."""
        run = self._run
        for table in self.old.columns:
            run(f"DROP TABLE {OLD_PREFIX}{table}")
        present = {row.name for row in run("SELECT name FROM sqlite_master WHERE type = 'index'")}
        for kind, name, table, sql in self._beside:
            if table in baseline_tables() and not (
                kind == "index" and (name in present or self._is_dropped(table, sql))
            ):
                run(sql)
        run(f"PRAGMA legacy_alter_table = {self._legacy_alter_table}")
        refuse(f"{name} needs what is dropped" for name in sorted(broken_on_sqlite(self.old) - self._broken))

    def _is_dropped(self, table: str, sql: str) -> bool:
        """Whether an index is over a column that the baseline lacks."""
        words = set(re.findall(r"\w+", sql.partition("(")[2]))
        return any(found == table and column in words for found, column in self.old.dropped())


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

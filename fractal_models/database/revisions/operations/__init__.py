"""Alembic operations for revisions; importing this package registers them.

They are append-only: released revisions call them, so none of them ever changes in effect. A new need is a new
operation, or a new argument with a default.

On PostgreSQL each operation does only what is left to do, in whichever state an interrupted run has left the database,
and commits each statement on its own. In a transaction of the caller (option `transaction_of_caller` of the migration
context) nothing is committed, and indexes are created without CONCURRENTLY. On SQLite a run is one transaction.
Names of tables, columns and constraints are plain: nothing quotes them.
"""

from fractal_models.database.revisions.operations import (
    checks,
    constraint_names,
    defaults,
    foreign_keys,
    indexes,
)

__all__ = ["checks", "constraint_names", "defaults", "foreign_keys", "indexes"]

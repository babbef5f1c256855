"""The base class of our operations, and the transactions of their statements."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar, Self

from alembic.operations import MigrateOperation, Operations

from fractal_models.database.revisions.findings import Rule


class Operation(MigrateOperation):
    """An operation that revisions call as `op.NAME(…)`, with the fields of its class as arguments."""

    noun: ClassVar[str]
    """What it changes, such as "index"; fields `name`, if it has one, and `table` tell which."""

    table: str

    @classmethod
    def call(cls, operations: Operations, *args: Any, **kwargs: Any) -> None:
        """Make the operation and run it."""
        operations.invoke(cls(*args, **kwargs))

    def describe(self) -> str:
        """Name what it changes, such as `index ix_dataset_project_id`."""
        name: str | None = getattr(self, "name", None)
        return f"{self.noun} {name or f'on {self.table}'}"

    def run(self, operations: Operations) -> None:
        """Change the database."""
        raise NotImplementedError

    @classmethod
    def rules(cls, operations: Sequence[Self], below: str) -> Iterable[Rule]:
        """The rules that must hold before a revision runs these operations.

        Args:
            operations: All operations of the class in the revision.
            below: The revision before it. A database there may have parts of it, left by an interrupted run.
        """
        del operations, below
        return ()


@Operations.implementation_for(Operation)
def _run(operations: Operations, operation: Operation) -> None:
    at_work = operations.migration_context.opts.get("at_work")
    if at_work is not None:
        at_work(operation.describe())
    operation.run(operations)


def is_postgresql(operations: Operations) -> bool:
    """Tell the engine."""
    return operations.migration_context.dialect.name == "postgresql"


def commits_at_once(operations: Operations) -> bool:
    """Tell whether each statement is committed on its own."""
    return is_postgresql(operations) and not operations.migration_context.opts.get("transaction_of_caller")


def own_transaction(operations: Operations) -> AbstractContextManager[None]:
    """Commit what came before, and each statement of the block on its own, where that is possible."""
    return operations.migration_context.autocommit_block() if commits_at_once(operations) else nullcontext()


def literal(value: str) -> str:
    """Write a string in SQL."""
    return "'" + value.replace("'", "''") + "'"


def literals(values: Iterable[str]) -> str:
    """Write a list of strings in SQL."""
    return ", ".join(map(literal, values))


def at_revision(revision: str) -> str:
    """SQL condition: the database is at a revision."""
    return f"EXISTS (SELECT 1 FROM alembic_version WHERE version_num = {literal(revision)})"

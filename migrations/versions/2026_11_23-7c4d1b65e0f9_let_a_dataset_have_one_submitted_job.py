"""Let a dataset have one submitted job at a time.

The server asks whether there is one before it submits another: of two that ask at the same moment, both used to pass,
and two jobs wrote into one dataset. The index refuses the second one. It also lists the submitted jobs, few among many.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import sqlalchemy as sa
from alembic import op

revision = "7c4d1b65e0f9"
down_revision = "6a90f3d8142e"
branch_labels = None
depends_on = None

in_parts = True

INDEXES = [
    ("ix_applyworkflow_one_submitted_per_output_dataset", "applyworkflow", "output_dataset_id"),
    ("ix_jobv2_one_submitted_per_dataset", "jobv2", "dataset_id"),
]

# What somebody has made by our name would be taken for ours. Just below this revision, it may be what a run which was
# cut short has built.
preflight = [
    {
        "table": table,
        "reason": f"is one of several submitted jobs with the same {column}",
        "remedy": "Find out which one is running, if any, and end the others: "
        f"UPDATE {table} SET status = 'failed', end_timestamp = CURRENT_TIMESTAMP WHERE id IN (…)",
        "query": f"""
            SELECT id FROM {table} WHERE status = 'submitted' AND {column} IN (
                SELECT {column} FROM {table} WHERE status = 'submitted' GROUP BY {column} HAVING count(*) > 1
            ) ORDER BY {column}, id
        """,
    }
    for _, table, column in INDEXES
] + [
    {
        "table": "index",
        "reason": "has the name of an index that this revision makes",
        "remedy": "Rename it (ALTER INDEX … RENAME TO …) or drop it",
        "query": {
            "postgresql": f"""
                SELECT c.relname FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
                WHERE pg_table_is_visible(c.oid) AND i.indisvalid IS NOT FALSE
                AND c.relname IN ({", ".join(f"'{name}'" for name, *_ in INDEXES)})
                AND NOT EXISTS (SELECT 1 FROM alembic_version WHERE version_num = '{down_revision}')
                ORDER BY c.relname
            """,
            "sqlite": f"""
                SELECT name FROM sqlite_master
                WHERE name IN ({", ".join(f"'{name}'" for name, *_ in INDEXES)}) ORDER BY name
            """,
        },
    }
]

# The database does not use an index whose build was cut short, but has its name taken.
DROP_UNFINISHED = """
DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_index WHERE indexrelid = to_regclass('{name}') AND NOT indisvalid) THEN
        DROP INDEX {name};
    END IF;
END $$
"""


@contextmanager
def concurrently() -> Iterator[bool]:
    """Have each statement commit at once where indexes can be built beside readers and writers, and say whether."""
    context = op.get_context()
    possible = context.dialect.name == "postgresql" and not context.opts.get("transaction_of_caller")
    with context.autocommit_block() if possible else nullcontext():
        yield possible


def upgrade() -> None:
    submitted = sa.text("status = 'submitted'")
    with concurrently() as possible:
        for name, table, column in INDEXES:
            if op.get_context().dialect.name == "postgresql":
                op.execute(DROP_UNFINISHED.format(name=name))
            op.create_index(
                name,
                table,
                [column],
                unique=True,
                if_not_exists=True,
                postgresql_concurrently=possible,
                postgresql_where=submitted,
                sqlite_where=submitted,
            )


def downgrade() -> None:
    with concurrently() as possible:
        for name, table, _ in INDEXES:
            op.drop_index(name, table, if_exists=True, postgresql_concurrently=possible)

"""Index every foreign key.

Jobs, datasets and steps are looked up by the keys of their owners, and the database does so itself whenever an owner is
deleted: without an index, each time it reads the whole table. On PostgreSQL others read and write while the indexes are
built; what a run that was cut short has built is kept, but for the one index that it left unfinished.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from alembic import op

revision = "5e17c02b9d64"
down_revision = "4b8f0d6a91c3"
branch_labels = None
depends_on = None

in_parts = True

# Every foreign key but those that come first in the primary key of a table of memberships, whose index serves them.
COLUMNS = {
    "applyworkflow": ["project_id", "workflow_id", "input_dataset_id", "output_dataset_id"],
    "dataset": ["project_id"],
    "datasetv2": ["project_id"],
    "jobv2": ["project_id", "workflow_id", "dataset_id"],
    "linkusergroup": ["user_id"],
    "linkuserproject": ["user_id"],
    "linkuserprojectv2": ["user_id"],
    "oauthaccount": ["user_id"],
    "resource": ["dataset_id"],
    "taskgroupactivityv2": ["user_id", "taskgroupv2_id"],
    "taskgroupv2": ["user_id", "user_group_id"],
    "taskv2": ["taskgroupv2_id"],
    "user_oauth": ["user_settings_id"],
    "workflow": ["project_id"],
    "workflowtask": ["workflow_id", "task_id"],
    "workflowtaskv2": ["workflow_id", "task_id"],
    "workflowv2": ["project_id"],
}

INDEXES = [(f"ix_{table}_{column}", table, column) for table, columns in COLUMNS.items() for column in columns]

# An index that somebody has made by our name would be lost by a downgrade. Just below this revision, it may be one that
# a run which was cut short has built.
preflight = [
    {
        "table": "index",
        "reason": "has the name of an index on a foreign key that this revision makes",
        "remedy": "Rename it (ALTER INDEX … RENAME TO …) or drop it",
        "query": {
            "postgresql": f"""
                SELECT c.relname FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
                WHERE pg_table_is_visible(c.oid) AND i.indisvalid IS NOT FALSE
                AND c.relname IN ({", ".join(f"'{name}'" for name, *_ in INDEXES)})
                AND NOT (
                    EXISTS (SELECT 1 FROM alembic_version WHERE version_num = '{down_revision}')
                    AND coalesce(pg_get_indexdef(i.indexrelid, 0, true), '') IN (
                        {", ".join(f"'CREATE INDEX {n} ON {t} USING btree ({c})'" for n, t, c in INDEXES)}
                    )
                ) ORDER BY c.relname
            """,
            "sqlite": f"""
                SELECT name FROM sqlite_master WHERE name IN ({", ".join(f"'{name}'" for name, *_ in INDEXES)})
                AND NOT (
                    EXISTS (SELECT 1 FROM alembic_version WHERE version_num = '{down_revision}')
                    AND sql IN ({", ".join(f"'CREATE INDEX {n} ON {t} ({c})'" for n, t, c in INDEXES)})
                ) ORDER BY name
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
    with concurrently() as possible:
        for name, table, column in INDEXES:
            if op.get_context().dialect.name == "postgresql":
                op.execute(DROP_UNFINISHED.format(name=name))
            op.create_index(name, table, [column], if_not_exists=True, postgresql_concurrently=possible)


def downgrade() -> None:
    with concurrently() as possible:
        for name, table, _ in INDEXES:
            op.drop_index(name, table, if_exists=True, postgresql_concurrently=possible)

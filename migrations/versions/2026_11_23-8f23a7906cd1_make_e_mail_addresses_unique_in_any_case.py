"""Make e-mail addresses unique whatever their case.

Users are looked up by `lower(email)` when they log in: of two accounts that differ in case alone, nobody can say which
one is meant. The look-up gets an index as well.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import sqlalchemy as sa
from alembic import op

revision = "8f23a7906cd1"
down_revision = "7c4d1b65e0f9"
branch_labels = None
depends_on = None

in_parts = True

NAME = "ix_user_oauth_lower_email"

# What somebody has made by our name would be taken for ours. Just below this revision, it may be what a run which was
# cut short has built.
preflight = [
    {
        "table": "user_oauth",
        "reason": "has the e-mail address of another user, but for its case",
        "remedy": "Keep the account that is in use, and give each other one an address of its own: "
        "UPDATE user_oauth SET email = '…' WHERE id = …",
        "query": """
            SELECT id FROM user_oauth WHERE lower(email) IN (
                SELECT lower(email) FROM user_oauth GROUP BY lower(email) HAVING count(*) > 1
            ) ORDER BY lower(email), id
        """,
    },
    {
        "table": "index",
        "reason": "has the name of an index that this revision makes",
        "remedy": "Rename it (ALTER INDEX … RENAME TO …) or drop it",
        "query": {
            "postgresql": f"""
                SELECT c.relname FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
                WHERE pg_table_is_visible(c.oid) AND i.indisvalid IS NOT FALSE
                AND c.relname = '{NAME}'
                AND NOT EXISTS (SELECT 1 FROM alembic_version WHERE version_num = '{down_revision}')
            """,
            "sqlite": f"SELECT name FROM sqlite_master WHERE name = '{NAME}'",
        },
    },
]

# The database does not use an index whose build was cut short, but has its name taken.
DROP_UNFINISHED = f"""
DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_index WHERE indexrelid = to_regclass('{NAME}') AND NOT indisvalid) THEN
        DROP INDEX {NAME};
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
        if op.get_context().dialect.name == "postgresql":
            op.execute(DROP_UNFINISHED)
        op.create_index(
            NAME,
            "user_oauth",
            [sa.text("lower(email)")],
            unique=True,
            if_not_exists=True,
            postgresql_concurrently=possible,
        )


def downgrade() -> None:
    with concurrently() as possible:
        op.drop_index(NAME, "user_oauth", if_exists=True, postgresql_concurrently=possible)

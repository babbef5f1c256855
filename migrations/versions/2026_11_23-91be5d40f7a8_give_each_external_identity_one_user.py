"""Give each external identity one user.

Whoever logs in through an identity provider is looked up by the provider's name and the id there: two users with the
same pair would log in as whichever the database happens to find first.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from alembic import op

revision = "91be5d40f7a8"
down_revision = "8f23a7906cd1"
branch_labels = None
depends_on = None

in_parts = True

NAME = "ix_oauthaccount_oauth_name_account_id"

# What somebody has made by our name would be taken for ours. Just below this revision, it may be what a run which was
# cut short has built.
preflight = [
    {
        "table": "oauthaccount",
        "reason": "is the same external identity (oauth_name, account_id) as another row",
        "remedy": "Keep the one whose user_id is right: DELETE FROM oauthaccount WHERE id IN (…)",
        "query": """
            SELECT id FROM oauthaccount WHERE EXISTS (
                SELECT 1 FROM oauthaccount AS other
                WHERE other.account_id = oauthaccount.account_id AND other.oauth_name = oauthaccount.oauth_name
                AND other.id <> oauthaccount.id
            ) ORDER BY oauth_name, account_id, id
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
            "oauthaccount",
            ["oauth_name", "account_id"],
            unique=True,
            if_not_exists=True,
            postgresql_concurrently=possible,
        )


def downgrade() -> None:
    with concurrently() as possible:
        op.drop_index(NAME, "oauthaccount", if_exists=True, postgresql_concurrently=possible)

"""Make e-mail addresses unique, ignoring case.

A user who logs in is found by `lower(email)`. With two accounts that differ in case alone, it is unclear which one is
meant. The index also makes this query fast.
"""

import sqlalchemy as sa
from alembic import op

revision = "8f23a7906cd1"
down_revision = "7c4d1b65e0f9"
branch_labels = None
depends_on = None

restartable = True


def upgrade() -> None:
    op.create_index_online(
        "ix_user_oauth_lower_email",
        "user_oauth",
        [sa.text("lower(email)")],
        unique=True,
        reason="has the e-mail address of another user, ignoring case",
        remedy="Keep the account that is in use, and give each other one an address of its own: "
        "UPDATE user_oauth SET email = '…' WHERE id = …",
    )


def downgrade() -> None:
    op.drop_index_online("ix_user_oauth_lower_email", "user_oauth")

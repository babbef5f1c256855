"""Make external identities unique.

A user who logs in through an identity provider is found by its name and the account's id there. With two users of the
same pair, either could be found.
"""

from alembic import op

revision = "91be5d40f7a8"
down_revision = "8f23a7906cd1"
branch_labels = None
depends_on = None

restartable = True


def upgrade() -> None:
    op.create_index_online(
        "ix_oauthaccount_oauth_name_account_id",
        "oauthaccount",
        ["oauth_name", "account_id"],
        unique=True,
        reason="is the same external identity (oauth_name, account_id) as another row",
        remedy="Keep the one whose user_id is right: DELETE FROM oauthaccount WHERE id IN (…)",
    )


def downgrade() -> None:
    op.drop_index_online("ix_oauthaccount_oauth_name_account_id", "oauthaccount")

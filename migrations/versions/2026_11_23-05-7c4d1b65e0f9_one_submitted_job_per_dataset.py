"""Allow one submitted job per dataset.

The server looks for a submitted job before it adds another. Of two requests at the same time both found none, and two
jobs wrote into one dataset. The index also serves to list the submitted jobs, few among many.
"""

from alembic import op

revision = "7c4d1b65e0f9"
down_revision = "6a90f3d8142e"
branch_labels = None
depends_on = None

restartable = True

INDEXES = [
    ("ix_applyworkflow_one_submitted_per_output_dataset", "applyworkflow", "output_dataset_id"),
    ("ix_jobv2_one_submitted_per_dataset", "jobv2", "dataset_id"),
]


def upgrade() -> None:
    for name, table, column in INDEXES:
        op.create_index_online(
            name,
            table,
            [column],
            unique=True,
            where="status = 'submitted'",
            reason=f"is one of several submitted jobs with the same {column}",
            remedy="Find out which one is running, if any, and end the others: "
            f"UPDATE {table} SET status = 'failed', end_timestamp = CURRENT_TIMESTAMP WHERE id IN (…)",
        )


def downgrade() -> None:
    for name, table, _ in INDEXES:
        op.drop_index_online(name, table)

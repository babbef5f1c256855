"""Index foreign keys.

Jobs, datasets and workflow tasks are listed by the keys of their parents, and the database looks for children whenever
a parent is deleted. Without an index, either reads the whole table.
"""

from alembic import op

revision = "5e17c02b9d64"
down_revision = "4b8f0d6a91c3"
branch_labels = None
depends_on = None

restartable = True

# Not the first column of the primary key of an association table, whose index serves it.
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


def upgrade() -> None:
    for table, columns in COLUMNS.items():
        for column in columns:
            op.create_index_online(f"ix_{table}_{column}", table, [column])


def downgrade() -> None:
    for table, columns in COLUMNS.items():
        for column in columns:
            op.drop_index_online(f"ix_{table}_{column}", table)

"""Add ON DELETE rules to foreign keys.

Jobs and activities outlive the rows they ran on: their keys become null. Rows without meaning of their own are deleted
with their parent: resources, workflow tasks, tasks of a group, identities of a user, memberships. Other rows that are
referred to cannot be deleted, as before.
"""

from alembic import op

revision = "6a90f3d8142e"
down_revision = "5e17c02b9d64"
branch_labels = None
depends_on = None

restartable = True

# Table, column, parent, rule; and the primary key where it is not `id`.
KEYS = [
    ("applyworkflow", "project_id", "project", "SET NULL"),
    ("applyworkflow", "workflow_id", "workflow", "SET NULL"),
    ("applyworkflow", "input_dataset_id", "dataset", "SET NULL"),
    ("applyworkflow", "output_dataset_id", "dataset", "SET NULL"),
    ("jobv2", "project_id", "projectv2", "SET NULL"),
    ("jobv2", "workflow_id", "workflowv2", "SET NULL"),
    ("jobv2", "dataset_id", "datasetv2", "SET NULL"),
    ("taskgroupactivityv2", "taskgroupv2_id", "taskgroupv2", "SET NULL"),
    ("linkusergroup", "group_id", "usergroup", "CASCADE", "group_id, user_id"),
    ("linkusergroup", "user_id", "user_oauth", "CASCADE", "group_id, user_id"),
    ("linkuserproject", "project_id", "project", "CASCADE", "project_id, user_id"),
    ("linkuserproject", "user_id", "user_oauth", "CASCADE", "project_id, user_id"),
    ("linkuserprojectv2", "project_id", "projectv2", "CASCADE", "project_id, user_id"),
    ("linkuserprojectv2", "user_id", "user_oauth", "CASCADE", "project_id, user_id"),
    ("oauthaccount", "user_id", "user_oauth", "CASCADE"),
    ("resource", "dataset_id", "dataset", "CASCADE"),
    ("taskv2", "taskgroupv2_id", "taskgroupv2", "CASCADE"),
    ("workflowtask", "workflow_id", "workflow", "CASCADE"),
    ("workflowtaskv2", "workflow_id", "workflowv2", "CASCADE"),
]


def upgrade() -> None:
    for table, column, parent, rule, *primary_key in KEYS:
        op.replace_foreign_key(f"fk_{table}_{column}_{parent}", table, column, parent, rule, *primary_key)


def downgrade() -> None:
    for table, column, parent, *_ in KEYS:
        op.replace_foreign_key(f"fk_{table}_{column}_{parent}", table, column, parent, "NO ACTION")

"""Normalize the names of constraints, and set a missing default.

fractal-server adopted a naming convention late: older databases have names like `task_pkey` for `pk_task`. With the
same names everywhere, a revision can tell which constraint it means. The old names are kept as comments for downgrades.
"""

from alembic import op

revision = "4b8f0d6a91c3"
down_revision = "d256a7379ab8"
branch_labels = None
depends_on = None

restartable = True

# Foreign keys of each table: column and parent.
FOREIGN_KEYS = {
    "applyworkflow": {
        "input_dataset_id": "dataset",
        "output_dataset_id": "dataset",
        "project_id": "project",
        "workflow_id": "workflow",
    },
    "dataset": {"project_id": "project"},
    "datasetv2": {"project_id": "projectv2"},
    "jobv2": {"dataset_id": "datasetv2", "project_id": "projectv2", "workflow_id": "workflowv2"},
    "linkusergroup": {"group_id": "usergroup", "user_id": "user_oauth"},
    "linkuserproject": {"project_id": "project", "user_id": "user_oauth"},
    "linkuserprojectv2": {"project_id": "projectv2", "user_id": "user_oauth"},
    "oauthaccount": {"user_id": "user_oauth"},
    "project": {},
    "projectv2": {},
    "resource": {"dataset_id": "dataset"},
    "state": {},
    "task": {},
    "taskgroupactivityv2": {"taskgroupv2_id": "taskgroupv2", "user_id": "user_oauth"},
    "taskgroupv2": {"user_group_id": "usergroup", "user_id": "user_oauth"},
    "taskv2": {"taskgroupv2_id": "taskgroupv2"},
    "user_oauth": {"user_settings_id": "user_settings"},
    "user_settings": {},
    "usergroup": {},
    "workflow": {"project_id": "project"},
    "workflowtask": {"task_id": "task", "workflow_id": "workflow"},
    "workflowtaskv2": {"task_id": "taskv2", "workflow_id": "workflowv2"},
    "workflowv2": {"project_id": "projectv2"},
}

# All other tables have `id`.
PRIMARY_KEYS = {
    "linkusergroup": ["group_id", "user_id"],
    "linkuserproject": ["project_id", "user_id"],
    "linkuserprojectv2": ["project_id", "user_id"],
}

UNIQUE_COLUMNS = {"task": ["source"], "usergroup": ["name"]}


def upgrade() -> None:
    for table, parents in FOREIGN_KEYS.items():
        constraints = {f"pk_{table}": PRIMARY_KEYS.get(table, ["id"])}
        constraints |= {f"fk_{table}_{column}_{parent}": [column] for column, parent in parents.items()}
        constraints |= {f"uq_{table}_{column}": [column] for column in UNIQUE_COLUMNS.get(table, [])}
        op.normalize_constraint_names(table, constraints)
    op.set_missing_default("taskgroupv2", "timestamp_last_used", "2024-11-20 00:00:00+00")


def downgrade() -> None:
    op.drop_missing_default("taskgroupv2", "timestamp_last_used")
    for table in FOREIGN_KEYS:
        op.restore_constraint_names(table)

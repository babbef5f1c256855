"""Create the database of fractal-server 2.9.

Databases that fractal-server 2.9.0 or 2.9.1 has migrated are at this revision already, so it is not run on them. In
those that an early release created, 24 constraints have other names.
"""

import sqlalchemy as sa
from alembic import op

revision = "d256a7379ab8"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    "project",
    "projectv2",
    "state",
    "task",
    "user_settings",
    "usergroup",
    "dataset",
    "datasetv2",
    "user_oauth",
    "workflow",
    "workflowv2",
    "applyworkflow",
    "jobv2",
    "linkusergroup",
    "linkuserproject",
    "linkuserprojectv2",
    "oauthaccount",
    "resource",
    "taskgroupv2",
    "workflowtask",
    "taskgroupactivityv2",
    "taskv2",
    "workflowtaskv2",
)
"""In the order of creation: parents first."""


def upgrade() -> None:
    op.create_table(
        "project",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("read_only", sa.Boolean(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("timestamp_created", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_project"),
    )
    op.create_table(
        "projectv2",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("timestamp_created", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_projectv2"),
    )
    op.create_table(
        "state",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=True),
        sa.Column("timestamp", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_state"),
    )
    op.create_table(
        "task",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("command", sa.String(), nullable=False),
        sa.Column("input_type", sa.String(), nullable=False),
        sa.Column("output_type", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("version", sa.String(), nullable=True),
        sa.Column("meta", sa.JSON(), nullable=True),
        sa.Column("args_schema", sa.JSON(), nullable=True),
        sa.Column("args_schema_version", sa.String(), nullable=True),
        sa.Column("docs_info", sa.String(), nullable=True),
        sa.Column("docs_link", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_task"),
        sa.UniqueConstraint("source", name="uq_task_source"),
    )
    op.create_table(
        "user_settings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slurm_accounts", sa.JSON(), server_default="[]", nullable=False),
        sa.Column("ssh_host", sa.String(), nullable=True),
        sa.Column("ssh_username", sa.String(), nullable=True),
        sa.Column("ssh_private_key_path", sa.String(), nullable=True),
        sa.Column("ssh_tasks_dir", sa.String(), nullable=True),
        sa.Column("ssh_jobs_dir", sa.String(), nullable=True),
        sa.Column("slurm_user", sa.String(), nullable=True),
        sa.Column("cache_dir", sa.String(), nullable=True),
        sa.Column("project_dir", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_user_settings"),
    )
    op.create_table(
        "usergroup",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("timestamp_created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("viewer_paths", sa.JSON(), server_default="[]", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_usergroup"),
        sa.UniqueConstraint("name", name="uq_usergroup_name"),
    )
    op.create_table(
        "dataset",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=True),
        sa.Column("read_only", sa.Boolean(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("meta", sa.JSON(), nullable=True),
        sa.Column("history", sa.JSON(), server_default="[]", nullable=False),
        sa.Column("timestamp_created", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_dataset_project_id_project"),
        sa.PrimaryKeyConstraint("id", name="pk_dataset"),
    )
    op.create_table(
        "datasetv2",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("zarr_dir", sa.String(), nullable=False),
        sa.Column("images", sa.JSON(), server_default="[]", nullable=False),
        sa.Column("filters", sa.JSON(), server_default='{"attributes": {}, "types": {}}', nullable=False),
        sa.Column("history", sa.JSON(), server_default="[]", nullable=False),
        sa.Column("timestamp_created", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projectv2.id"], name="fk_datasetv2_project_id_projectv2"),
        sa.PrimaryKeyConstraint("id", name="pk_datasetv2"),
    )
    op.create_table(
        "user_oauth",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("hashed_password", sa.String(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("is_superuser", sa.Boolean(), nullable=False),
        sa.Column("is_verified", sa.Boolean(), nullable=False),
        sa.Column("username", sa.String(), nullable=True),
        sa.Column("user_settings_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_settings_id"], ["user_settings.id"], name="fk_user_oauth_user_settings_id_user_settings"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_user_oauth"),
    )
    op.create_index("ix_user_oauth_email", "user_oauth", ["email"], unique=True)
    op.create_table(
        "workflow",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("timestamp_created", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_workflow_project_id_project"),
        sa.PrimaryKeyConstraint("id", name="pk_workflow"),
    )
    op.create_table(
        "workflowv2",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("timestamp_created", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projectv2.id"], name="fk_workflowv2_project_id_projectv2"),
        sa.PrimaryKeyConstraint("id", name="pk_workflowv2"),
    )
    op.create_table(
        "applyworkflow",
        sa.Column("worker_init", sa.String(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=True),
        sa.Column("workflow_id", sa.Integer(), nullable=True),
        sa.Column("input_dataset_id", sa.Integer(), nullable=True),
        sa.Column("output_dataset_id", sa.Integer(), nullable=True),
        sa.Column("user_email", sa.String(), nullable=False),
        sa.Column("slurm_account", sa.String(), nullable=True),
        sa.Column("input_dataset_dump", sa.JSON(), nullable=False),
        sa.Column("output_dataset_dump", sa.JSON(), nullable=False),
        sa.Column("workflow_dump", sa.JSON(), nullable=False),
        sa.Column("project_dump", sa.JSON(), nullable=False),
        sa.Column("working_dir", sa.String(), nullable=True),
        sa.Column("working_dir_user", sa.String(), nullable=True),
        sa.Column("first_task_index", sa.Integer(), nullable=False),
        sa.Column("last_task_index", sa.Integer(), nullable=False),
        sa.Column("start_timestamp", sa.DateTime(timezone=True), nullable=False),
        sa.Column("end_timestamp", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("log", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["input_dataset_id"], ["dataset.id"], name="fk_applyworkflow_input_dataset_id_dataset"),
        sa.ForeignKeyConstraint(
            ["output_dataset_id"], ["dataset.id"], name="fk_applyworkflow_output_dataset_id_dataset"
        ),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_applyworkflow_project_id_project"),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflow.id"], name="fk_applyworkflow_workflow_id_workflow"),
        sa.PrimaryKeyConstraint("id", name="pk_applyworkflow"),
    )
    op.create_table(
        "jobv2",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=True),
        sa.Column("workflow_id", sa.Integer(), nullable=True),
        sa.Column("dataset_id", sa.Integer(), nullable=True),
        sa.Column("user_email", sa.String(), nullable=False),
        sa.Column("slurm_account", sa.String(), nullable=True),
        sa.Column("dataset_dump", sa.JSON(), nullable=False),
        sa.Column("workflow_dump", sa.JSON(), nullable=False),
        sa.Column("project_dump", sa.JSON(), nullable=False),
        sa.Column("worker_init", sa.String(), nullable=True),
        sa.Column("working_dir", sa.String(), nullable=True),
        sa.Column("working_dir_user", sa.String(), nullable=True),
        sa.Column("first_task_index", sa.Integer(), nullable=False),
        sa.Column("last_task_index", sa.Integer(), nullable=False),
        sa.Column("start_timestamp", sa.DateTime(timezone=True), nullable=False),
        sa.Column("end_timestamp", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("log", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasetv2.id"], name="fk_jobv2_dataset_id_datasetv2"),
        sa.ForeignKeyConstraint(["project_id"], ["projectv2.id"], name="fk_jobv2_project_id_projectv2"),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflowv2.id"], name="fk_jobv2_workflow_id_workflowv2"),
        sa.PrimaryKeyConstraint("id", name="pk_jobv2"),
    )
    op.create_table(
        "linkusergroup",
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column(
            "timestamp_created",
            sa.DateTime(timezone=True),
            server_default=sa.text("'2000-01-01 00:00:00+00'"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["group_id"], ["usergroup.id"], name="fk_linkusergroup_group_id_usergroup"),
        sa.ForeignKeyConstraint(["user_id"], ["user_oauth.id"], name="fk_linkusergroup_user_id_user_oauth"),
        sa.PrimaryKeyConstraint("group_id", "user_id", name="pk_linkusergroup"),
    )
    op.create_table(
        "linkuserproject",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_linkuserproject_project_id_project"),
        sa.ForeignKeyConstraint(["user_id"], ["user_oauth.id"], name="fk_linkuserproject_user_id_user_oauth"),
        sa.PrimaryKeyConstraint("project_id", "user_id", name="pk_linkuserproject"),
    )
    op.create_table(
        "linkuserprojectv2",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projectv2.id"], name="fk_linkuserprojectv2_project_id_projectv2"),
        sa.ForeignKeyConstraint(["user_id"], ["user_oauth.id"], name="fk_linkuserprojectv2_user_id_user_oauth"),
        sa.PrimaryKeyConstraint("project_id", "user_id", name="pk_linkuserprojectv2"),
    )
    op.create_table(
        "oauthaccount",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("oauth_name", sa.String(), nullable=False),
        sa.Column("access_token", sa.String(), nullable=False),
        sa.Column("expires_at", sa.Integer(), nullable=True),
        sa.Column("refresh_token", sa.String(), nullable=True),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("account_email", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_oauth.id"], name="fk_oauthaccount_user_id_user_oauth"),
        sa.PrimaryKeyConstraint("id", name="pk_oauthaccount"),
    )
    op.create_index("ix_oauthaccount_account_id", "oauthaccount", ["account_id"], unique=False)
    op.create_index("ix_oauthaccount_oauth_name", "oauthaccount", ["oauth_name"], unique=False)
    op.create_table(
        "resource",
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["dataset.id"], name="fk_resource_dataset_id_dataset"),
        sa.PrimaryKeyConstraint("id", name="pk_resource"),
    )
    op.create_table(
        "taskgroupv2",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("user_group_id", sa.Integer(), nullable=True),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("pkg_name", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=True),
        sa.Column("python_version", sa.String(), nullable=True),
        sa.Column("path", sa.String(), nullable=True),
        sa.Column("venv_path", sa.String(), nullable=True),
        sa.Column("wheel_path", sa.String(), nullable=True),
        sa.Column("pip_extras", sa.String(), nullable=True),
        sa.Column("pinned_package_versions", sa.JSON(), server_default="{}", nullable=True),
        sa.Column("pip_freeze", sa.String(), nullable=True),
        sa.Column("venv_size_in_kB", sa.Integer(), nullable=True),
        sa.Column("venv_file_number", sa.Integer(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("timestamp_created", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "timestamp_last_used",
            sa.DateTime(timezone=True),
            server_default=sa.text("'2024-11-20 00:00:00+00'"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["user_group_id"], ["usergroup.id"], name="fk_taskgroupv2_user_group_id_usergroup"),
        sa.ForeignKeyConstraint(["user_id"], ["user_oauth.id"], name="fk_taskgroupv2_user_id_user_oauth"),
        sa.PrimaryKeyConstraint("id", name="pk_taskgroupv2"),
    )
    op.create_table(
        "workflowtask",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workflow_id", sa.Integer(), nullable=False),
        sa.Column("task_id", sa.Integer(), nullable=False),
        sa.Column("order", sa.Integer(), nullable=True),
        sa.Column("meta", sa.JSON(), nullable=True),
        sa.Column("args", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name="fk_workflowtask_task_id_task"),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflow.id"], name="fk_workflowtask_workflow_id_workflow"),
        sa.PrimaryKeyConstraint("id", name="pk_workflowtask"),
    )
    op.create_table(
        "taskgroupactivityv2",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("taskgroupv2_id", sa.Integer(), nullable=True),
        sa.Column("pkg_name", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("log", sa.String(), nullable=True),
        sa.Column("timestamp_started", sa.DateTime(timezone=True), nullable=False),
        sa.Column("timestamp_ended", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["taskgroupv2_id"], ["taskgroupv2.id"], name="fk_taskgroupactivityv2_taskgroupv2_id_taskgroupv2"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user_oauth.id"], name="fk_taskgroupactivityv2_user_id_user_oauth"),
        sa.PrimaryKeyConstraint("id", name="pk_taskgroupactivityv2"),
    )
    op.create_table(
        "taskv2",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("taskgroupv2_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("command_non_parallel", sa.String(), nullable=True),
        sa.Column("command_parallel", sa.String(), nullable=True),
        sa.Column("version", sa.String(), nullable=True),
        sa.Column("meta_non_parallel", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("meta_parallel", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("args_schema_non_parallel", sa.JSON(), nullable=True),
        sa.Column("args_schema_parallel", sa.JSON(), nullable=True),
        sa.Column("args_schema_version", sa.String(), nullable=True),
        sa.Column("docs_info", sa.String(), nullable=True),
        sa.Column("docs_link", sa.String(), nullable=True),
        sa.Column("input_types", sa.JSON(), nullable=True),
        sa.Column("output_types", sa.JSON(), nullable=True),
        sa.Column("category", sa.String(), nullable=True),
        sa.Column("modality", sa.String(), nullable=True),
        sa.Column("authors", sa.String(), nullable=True),
        sa.Column("tags", sa.JSON(), server_default="[]", nullable=False),
        sa.ForeignKeyConstraint(["taskgroupv2_id"], ["taskgroupv2.id"], name="fk_taskv2_taskgroupv2_id_taskgroupv2"),
        sa.PrimaryKeyConstraint("id", name="pk_taskv2"),
    )
    op.create_table(
        "workflowtaskv2",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workflow_id", sa.Integer(), nullable=False),
        sa.Column("task_id", sa.Integer(), nullable=False),
        sa.Column("task_type", sa.String(), nullable=False),
        sa.Column("order", sa.Integer(), nullable=True),
        sa.Column("meta_non_parallel", sa.JSON(), nullable=True),
        sa.Column("meta_parallel", sa.JSON(), nullable=True),
        sa.Column("args_non_parallel", sa.JSON(), nullable=True),
        sa.Column("args_parallel", sa.JSON(), nullable=True),
        sa.Column("input_filters", sa.JSON(), server_default='{"attributes": {}, "types": {}}', nullable=False),
        sa.ForeignKeyConstraint(["task_id"], ["taskv2.id"], name="fk_workflowtaskv2_task_id_taskv2"),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflowv2.id"], name="fk_workflowtaskv2_workflow_id_workflowv2"),
        sa.PrimaryKeyConstraint("id", name="pk_workflowtaskv2"),
    )


def downgrade() -> None:
    """Drop every table, with all of its rows."""
    for table in reversed(TABLES):
        op.drop_table(table)

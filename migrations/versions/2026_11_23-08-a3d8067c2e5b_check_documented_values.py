"""Check documented values of status, action and task indexes.

Until now only the server kept to them; a value that it does not know makes it fail when it reads the row.
"""

from alembic import op

revision = "a3d8067c2e5b"
down_revision = "91be5d40f7a8"
branch_labels = None
depends_on = None

restartable = True

JOB_STATUS = "status IN ('submitted', 'done', 'failed')"
TASK_INDEX_RANGE = "0 <= first_task_index AND first_task_index <= last_task_index"
ACTIVITY_STATUS = "status IN ('pending', 'ongoing', 'failed', 'OK')"
ACTION = "action IN ('collect', 'deactivate', 'reactivate')"

# Name, table, condition, and the correction of rows that break it.
CHECKS = [
    ("ck_applyworkflow_status", "applyworkflow", JOB_STATUS, "status = 'failed'"),
    (
        "ck_applyworkflow_task_index_range",
        "applyworkflow",
        TASK_INDEX_RANGE,
        "first_task_index = …, last_task_index = …",
    ),
    ("ck_jobv2_status", "jobv2", JOB_STATUS, "status = 'failed'"),
    ("ck_jobv2_task_index_range", "jobv2", TASK_INDEX_RANGE, "first_task_index = …, last_task_index = …"),
    ("ck_taskgroupactivityv2_status", "taskgroupactivityv2", ACTIVITY_STATUS, "status = 'failed'"),
    ("ck_taskgroupactivityv2_action", "taskgroupactivityv2", ACTION, "action = 'collect'"),
]


def upgrade() -> None:
    for name, table, condition, correction in CHECKS:
        remedy = f"Find out what was meant: UPDATE {table} SET {correction} WHERE id IN (…)"
        op.add_check(name, table, condition, remedy)


def downgrade() -> None:
    for name, table, condition, _ in CHECKS:
        op.drop_check(name, table, condition)

"""Give every constraint one name, and a default to a column that lost it.

fractal-server named its constraints by a convention only half-way through its life: a database from before carries
names like `task_pkey` where a younger one has `pk_task`. From here on every database has the same names, so that a
revision may say which constraint it means. Constraints are found by table, kind and columns. Each old name is kept, as
a comment on its constraint, for the way back. SQLite databases have had these names from the start.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from alembic import op

revision = "4b8f0d6a91c3"
down_revision = "d256a7379ab8"
branch_labels = None
depends_on = None

in_parts = True

# Name, kind (primary key, foreign key, unique) and columns of every constraint.
CONSTRAINTS: dict[str, list[tuple[str, str, list[str]]]] = {
    "applyworkflow": [
        ("pk_applyworkflow", "p", ["id"]),
        ("fk_applyworkflow_input_dataset_id_dataset", "f", ["input_dataset_id"]),
        ("fk_applyworkflow_output_dataset_id_dataset", "f", ["output_dataset_id"]),
        ("fk_applyworkflow_project_id_project", "f", ["project_id"]),
        ("fk_applyworkflow_workflow_id_workflow", "f", ["workflow_id"]),
    ],
    "dataset": [
        ("pk_dataset", "p", ["id"]),
        ("fk_dataset_project_id_project", "f", ["project_id"]),
    ],
    "datasetv2": [
        ("pk_datasetv2", "p", ["id"]),
        ("fk_datasetv2_project_id_projectv2", "f", ["project_id"]),
    ],
    "jobv2": [
        ("pk_jobv2", "p", ["id"]),
        ("fk_jobv2_dataset_id_datasetv2", "f", ["dataset_id"]),
        ("fk_jobv2_project_id_projectv2", "f", ["project_id"]),
        ("fk_jobv2_workflow_id_workflowv2", "f", ["workflow_id"]),
    ],
    "linkusergroup": [
        ("pk_linkusergroup", "p", ["group_id", "user_id"]),
        ("fk_linkusergroup_group_id_usergroup", "f", ["group_id"]),
        ("fk_linkusergroup_user_id_user_oauth", "f", ["user_id"]),
    ],
    "linkuserproject": [
        ("pk_linkuserproject", "p", ["project_id", "user_id"]),
        ("fk_linkuserproject_project_id_project", "f", ["project_id"]),
        ("fk_linkuserproject_user_id_user_oauth", "f", ["user_id"]),
    ],
    "linkuserprojectv2": [
        ("pk_linkuserprojectv2", "p", ["project_id", "user_id"]),
        ("fk_linkuserprojectv2_project_id_projectv2", "f", ["project_id"]),
        ("fk_linkuserprojectv2_user_id_user_oauth", "f", ["user_id"]),
    ],
    "oauthaccount": [
        ("pk_oauthaccount", "p", ["id"]),
        ("fk_oauthaccount_user_id_user_oauth", "f", ["user_id"]),
    ],
    "project": [
        ("pk_project", "p", ["id"]),
    ],
    "projectv2": [
        ("pk_projectv2", "p", ["id"]),
    ],
    "resource": [
        ("pk_resource", "p", ["id"]),
        ("fk_resource_dataset_id_dataset", "f", ["dataset_id"]),
    ],
    "state": [
        ("pk_state", "p", ["id"]),
    ],
    "task": [
        ("pk_task", "p", ["id"]),
        ("uq_task_source", "u", ["source"]),
    ],
    "taskgroupactivityv2": [
        ("pk_taskgroupactivityv2", "p", ["id"]),
        ("fk_taskgroupactivityv2_taskgroupv2_id_taskgroupv2", "f", ["taskgroupv2_id"]),
        ("fk_taskgroupactivityv2_user_id_user_oauth", "f", ["user_id"]),
    ],
    "taskgroupv2": [
        ("pk_taskgroupv2", "p", ["id"]),
        ("fk_taskgroupv2_user_group_id_usergroup", "f", ["user_group_id"]),
        ("fk_taskgroupv2_user_id_user_oauth", "f", ["user_id"]),
    ],
    "taskv2": [
        ("pk_taskv2", "p", ["id"]),
        ("fk_taskv2_taskgroupv2_id_taskgroupv2", "f", ["taskgroupv2_id"]),
    ],
    "user_oauth": [
        ("pk_user_oauth", "p", ["id"]),
        ("fk_user_oauth_user_settings_id_user_settings", "f", ["user_settings_id"]),
    ],
    "user_settings": [
        ("pk_user_settings", "p", ["id"]),
    ],
    "usergroup": [
        ("pk_usergroup", "p", ["id"]),
        ("uq_usergroup_name", "u", ["name"]),
    ],
    "workflow": [
        ("pk_workflow", "p", ["id"]),
        ("fk_workflow_project_id_project", "f", ["project_id"]),
    ],
    "workflowtask": [
        ("pk_workflowtask", "p", ["id"]),
        ("fk_workflowtask_task_id_task", "f", ["task_id"]),
        ("fk_workflowtask_workflow_id_workflow", "f", ["workflow_id"]),
    ],
    "workflowtaskv2": [
        ("pk_workflowtaskv2", "p", ["id"]),
        ("fk_workflowtaskv2_task_id_taskv2", "f", ["task_id"]),
        ("fk_workflowtaskv2_workflow_id_workflowv2", "f", ["workflow_id"]),
    ],
    "workflowv2": [
        ("pk_workflowv2", "p", ["id"]),
        ("fk_workflowv2_project_id_projectv2", "f", ["project_id"]),
    ],
}

NOTE = "fractal-models: formerly "
"""Begins the comment that remembers an old name; a comment that was there before follows on the next line."""

NO_DEFAULT = "fractal-models: timestamp_last_used had no default"

# One block a table, in a transaction of its own: it takes one strong lock, and none where there is nothing to rename.
# A run that was cut short is continued: what has its name already is left alone.
RENAME = """
DO $$
DECLARE
    wanted record;
    found record;
BEGIN
    FOR wanted IN SELECT * FROM (VALUES {wanted}) AS w (name, kind, columns) LOOP
        SELECT c.conname AS name, obj_description(c.oid, 'pg_constraint') AS note INTO found
        FROM pg_constraint c
        WHERE c.conrelid = '{table}'::regclass AND c.contype::text = wanted.kind AND wanted.columns = ARRAY(
            SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY AS k (number, position)
            JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number ORDER BY k.position
        )
        ORDER BY c.conname <> wanted.name LIMIT 1;
        IF found.name <> wanted.name THEN
            EXECUTE format('ALTER TABLE {table} RENAME CONSTRAINT %I TO %I', found.name, wanted.name);
            EXECUTE format(
                'COMMENT ON CONSTRAINT %I ON {table} IS %L',
                wanted.name, concat_ws(E'\\n', '{note}' || found.name, found.note)
            );
        END IF;
    END LOOP;
END $$
"""

RENAME_BACK = """
DO $$
DECLARE
    renamed record;
BEGIN
    FOR renamed IN
        SELECT conname AS name,
            substr(split_part(note, E'\\n', 1), length('{note}') + 1) AS former,
            nullif(substr(note, length(split_part(note, E'\\n', 1)) + 2), '') AS note
        FROM (
            SELECT conname, obj_description(oid, 'pg_constraint') AS note FROM pg_constraint
            WHERE conrelid = '{table}'::regclass
        ) AS noted
        WHERE note LIKE '{note}%'
    LOOP
        EXECUTE format('COMMENT ON CONSTRAINT %I ON {table} IS %L', renamed.name, renamed.note);
        EXECUTE format('ALTER TABLE {table} RENAME CONSTRAINT %I TO %I', renamed.name, renamed.former);
    END LOOP;
END $$
"""

# A comment on the column itself would be part of the schema; that on its table's primary key is not.
SET_DEFAULT = f"""
DO $$
DECLARE
    note text := obj_description(oid, 'pg_constraint') FROM pg_constraint
        WHERE conrelid = 'taskgroupv2'::regclass AND conname = 'pk_taskgroupv2';
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM pg_attribute
        WHERE attrelid = 'taskgroupv2'::regclass AND attname = 'timestamp_last_used' AND atthasdef
    ) THEN
        ALTER TABLE taskgroupv2 ALTER COLUMN timestamp_last_used SET DEFAULT '2024-11-20 00:00:00+00';
        EXECUTE format(
            'COMMENT ON CONSTRAINT pk_taskgroupv2 ON taskgroupv2 IS %L', concat_ws(E'\\n', note, '{NO_DEFAULT}')
        );
    END IF;
END $$
"""

DROP_DEFAULT = f"""
DO $$
DECLARE
    note text := obj_description(oid, 'pg_constraint') FROM pg_constraint
        WHERE conrelid = 'taskgroupv2'::regclass AND conname = 'pk_taskgroupv2';
BEGIN
    IF strpos(note, '{NO_DEFAULT}') > 0 THEN
        ALTER TABLE taskgroupv2 ALTER COLUMN timestamp_last_used DROP DEFAULT;
        EXECUTE format(
            'COMMENT ON CONSTRAINT pk_taskgroupv2 ON taskgroupv2 IS %L',
            nullif(rtrim(replace(note, '{NO_DEFAULT}', ''), E'\\n'), '')
        );
    END IF;
END $$
"""


@contextmanager
def each_on_its_own() -> Iterator[None]:
    """Have each statement commit at once, so that no table is locked while another is waited for."""
    context = op.get_context()
    with nullcontext() if context.opts.get("transaction_of_caller") else context.autocommit_block():
        yield


def upgrade() -> None:
    if op.get_context().dialect.name != "postgresql":
        return
    with each_on_its_own():
        for table, constraints in CONSTRAINTS.items():
            wanted = ", ".join(f"('{name}', '{kind}', ARRAY{columns})" for name, kind, columns in constraints)
            op.execute(RENAME.format(table=table, wanted=wanted, note=NOTE))
        op.execute(SET_DEFAULT)


def downgrade() -> None:
    """Give back exactly the names and the default that were found."""
    if op.get_context().dialect.name != "postgresql":
        return
    with each_on_its_own():
        op.execute(DROP_DEFAULT)
        for table in CONSTRAINTS:
            op.execute(RENAME_BACK.format(table=table, note=NOTE))

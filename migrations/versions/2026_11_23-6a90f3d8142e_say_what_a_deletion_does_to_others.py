"""Say what the deletion of a row does to those that refer to it.

Jobs and activities outlive what they ran on: their keys become null. What has no meaning without its owner goes with
it: resources, steps of workflows, tasks of a group, identities of a user, memberships. Whatever else is referred to
cannot be deleted, as before: data is never destroyed by accident.

On PostgreSQL each key gets a successor, whose rows are checked while others read and write, and which then takes its
place; there is always one of the two. A run that was cut short is continued where it stopped.
"""

from contextlib import nullcontext

import sqlalchemy as sa
from alembic import op
from alembic.util import CommandError

revision = "6a90f3d8142e"
down_revision = "5e17c02b9d64"
branch_labels = None
depends_on = None

in_parts = True

SET_NULL, CASCADE, NO_ACTION = "SET NULL", "CASCADE", "NO ACTION"

LETTERS = {SET_NULL: "n", CASCADE: "c", NO_ACTION: "a"}
"""How PostgreSQL writes the rules in `pg_constraint.confdeltype`."""

# Table, column, table that it refers to, and what happens to the row when the other one is deleted.
KEYS = [
    ("applyworkflow", "project_id", "project", SET_NULL),
    ("applyworkflow", "workflow_id", "workflow", SET_NULL),
    ("applyworkflow", "input_dataset_id", "dataset", SET_NULL),
    ("applyworkflow", "output_dataset_id", "dataset", SET_NULL),
    ("jobv2", "project_id", "projectv2", SET_NULL),
    ("jobv2", "workflow_id", "workflowv2", SET_NULL),
    ("jobv2", "dataset_id", "datasetv2", SET_NULL),
    ("taskgroupactivityv2", "taskgroupv2_id", "taskgroupv2", SET_NULL),
    ("linkusergroup", "group_id", "usergroup", CASCADE),
    ("linkusergroup", "user_id", "user_oauth", CASCADE),
    ("linkuserproject", "project_id", "project", CASCADE),
    ("linkuserproject", "user_id", "user_oauth", CASCADE),
    ("linkuserprojectv2", "project_id", "projectv2", CASCADE),
    ("linkuserprojectv2", "user_id", "user_oauth", CASCADE),
    ("oauthaccount", "user_id", "user_oauth", CASCADE),
    ("resource", "dataset_id", "dataset", CASCADE),
    ("taskv2", "taskgroupv2_id", "taskgroupv2", CASCADE),
    ("workflowtask", "workflow_id", "workflow", CASCADE),
    ("workflowtaskv2", "workflow_id", "workflowv2", CASCADE),
]

PRIMARY_KEYS = {
    "linkusergroup": "group_id, user_id",
    "linkuserproject": "project_id, user_id",
    "linkuserprojectv2": "project_id, user_id",
}
"""Where it is not `id`."""


def plain(table: str, column: str, parent: str) -> str:
    """The key as SQLAlchemy writes it on SQLite, without a rule."""
    name = f"fk_{table}_{column}_{parent}"
    return f"CONSTRAINT {name} FOREIGN KEY({column}) REFERENCES {parent} (id)"


preflight = [
    {
        "table": table,
        "reason": f"refers, by {column}, to a row of {parent} that does not exist",
        "remedy": (
            f"UPDATE {table} SET {column} = NULL"
            if rule == SET_NULL
            else f"Say whose it is (UPDATE {table} SET {column} = …) or delete it: DELETE FROM {table}"
        )
        + f" WHERE ({PRIMARY_KEYS.get(table, 'id')}) IN (…)",
        "query": f"""
            SELECT {PRIMARY_KEYS.get(table, "id")} FROM {table} WHERE {column} IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM {parent} WHERE {parent}.id = {table}.{column}) ORDER BY 1
        """,
    }
    for table, column, parent, rule in KEYS
] + [
    {
        "table": "table",
        "reason": "was rebuilt by another tool, so that its foreign keys are not found",
        "remedy": "Copy the rows into a database that `fractal-models upgrade` has built",
        "query": {
            "sqlite": " UNION ".join(
                f"SELECT name FROM sqlite_master WHERE type = 'table' AND name = '{table}' "
                f"AND instr(sql, '{plain(table, column, parent)}') = 0"
                for table, column, parent, _ in KEYS
            )
        },
    }
]

SUCCESSOR = "SELECT 1 FROM pg_constraint WHERE conrelid = '{table}'::regclass AND conname = '{name}_new'"

# A run in the other direction that was cut short may have left a successor with another rule.
ADD = """
DO $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM pg_constraint WHERE conrelid = '{table}'::regclass
        AND conname = '{name}_new' AND confdeltype <> '{letter}'
    ) THEN
        ALTER TABLE {table} DROP CONSTRAINT {name}_new;
    END IF;
    IF NOT EXISTS (
        SELECT 1 FROM pg_constraint WHERE conrelid = '{table}'::regclass
        AND (conname = '{name}_new' OR conname = '{name}' AND confdeltype = '{letter}' AND convalidated)
    ) THEN
        ALTER TABLE {table} ADD CONSTRAINT {name}_new
        FOREIGN KEY ({column}) REFERENCES {parent} (id) ON DELETE {rule} NOT VALID;
    END IF;
END $$
"""

VALIDATE = f"""
DO $$
BEGIN
    IF EXISTS ({SUCCESSOR} AND NOT convalidated) THEN
        ALTER TABLE {{table}} VALIDATE CONSTRAINT {{name}}_new;
    END IF;
END $$
"""

# Apart from the next statement, so that the time to wait for both tables is bounded together.
LOCK = f"""
DO $$
BEGIN
    IF EXISTS ({SUCCESSOR}) THEN
        LOCK TABLE {{parent}} IN ACCESS EXCLUSIVE MODE;
    END IF;
END $$
"""

# The comment may be the former name of the key, which the revision before needs on its way back.
REPLACE = f"""
DO $$
DECLARE
    comment text := (
        SELECT obj_description(oid, 'pg_constraint') FROM pg_constraint
        WHERE conrelid = '{{table}}'::regclass AND conname = '{{name}}'
    );
BEGIN
    IF EXISTS ({SUCCESSOR}) THEN
        ALTER TABLE {{table}} DROP CONSTRAINT IF EXISTS {{name}};
        ALTER TABLE {{table}} RENAME CONSTRAINT {{name}}_new TO {{name}};
        EXECUTE format('COMMENT ON CONSTRAINT {{name}} ON {{table}} IS %L', comment);
    END IF;
END $$
"""


def upgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        replace_keys(KEYS)
    else:
        rewrite_tables(
            [
                (table, plain(table, column, parent), f"{plain(table, column, parent)} ON DELETE {rule}")
                for table, column, parent, rule in KEYS
            ]
        )


def downgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        replace_keys([(table, column, parent, NO_ACTION) for table, column, parent, _ in KEYS])
    else:
        rewrite_tables(
            [
                (table, f"{plain(table, column, parent)} ON DELETE {rule}", plain(table, column, parent))
                for table, column, parent, rule in KEYS
            ]
        )


def replace_keys(keys: list[tuple[str, str, str, str]]) -> None:
    context = op.get_context()
    for table, column, parent, rule in keys:
        values = {
            "table": table,
            "column": column,
            "parent": parent,
            "name": f"fk_{table}_{column}_{parent}",
            "rule": rule,
            "letter": LETTERS[rule],
        }
        # Each of the two in a transaction of its own; the next two share the one that follows.
        with nullcontext() if context.opts.get("transaction_of_caller") else context.autocommit_block():
            op.execute(ADD.format(**values))
            op.execute(VALIDATE.format(**values))
        op.execute(LOCK.format(**values))
        op.execute(REPLACE.format(**values))


def rewrite_tables(replacements: list[tuple[str, str, str]]) -> None:
    """Change the text of table definitions on SQLite, which has no statement for it.

    Rows are stored alike with and without a rule, so a table need not be built anew: that would take long, and lose
    triggers and other things that somebody has added to it.
    """
    op.execute("PRAGMA writable_schema = ON")
    for table, old, new in replacements:
        require_text(table, old)
        op.execute(
            f"UPDATE sqlite_master SET sql = replace(sql, '{old}', '{new}') WHERE type = 'table' AND name = '{table}'"
        )
    # Any definition tells other connections to read all of them again.
    op.execute("CREATE TABLE definitions_have_changed (id INTEGER)")
    op.execute("DROP TABLE definitions_have_changed")
    op.execute("PRAGMA writable_schema = RESET")


def require_text(table: str, text: str) -> None:
    """Refuse a definition that somebody else has written anew."""
    query = sa.text("SELECT instr(sql, :text) FROM sqlite_master WHERE type = 'table' AND name = :table")
    if op.get_context().as_sql or op.get_bind().scalar(query, {"text": text, "table": table}):
        return
    message = (
        f"table {table} was rebuilt by another tool, so that its definition cannot be changed: "
        "copy the rows into a database that `fractal-models upgrade` has built"
    )
    raise CommandError(message)

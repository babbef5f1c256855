"""Check that states, actions and task indexes have the values that the documentation allows.

On PostgreSQL a check counts for new rows at once; that the old ones obey it is found out while others read and write.
A run that was cut short is continued where it stopped.
"""

from contextlib import nullcontext

import sqlalchemy as sa
from alembic import op
from alembic.util import CommandError

revision = "a3d8067c2e5b"
down_revision = "91be5d40f7a8"
branch_labels = None
depends_on = None

in_parts = True

JOB_STATUS = "status IN ('submitted', 'done', 'failed')"
TASK_INDEX_RANGE = "0 <= first_task_index AND first_task_index <= last_task_index"

# Table, last part of the name, condition, and what to do about rows that break it.
CHECKS = [
    ("applyworkflow", "status", JOB_STATUS, "SET status = 'failed'"),
    ("applyworkflow", "task_index_range", TASK_INDEX_RANGE, "SET first_task_index = …, last_task_index = …"),
    ("jobv2", "status", JOB_STATUS, "SET status = 'failed'"),
    ("jobv2", "task_index_range", TASK_INDEX_RANGE, "SET first_task_index = …, last_task_index = …"),
    (
        "taskgroupactivityv2",
        "status",
        "status IN ('pending', 'ongoing', 'failed', 'OK')",
        "SET status = 'failed'",
    ),
    (
        "taskgroupactivityv2",
        "action",
        "action IN ('collect', 'deactivate', 'reactivate')",
        "SET action = 'collect'",
    ),
]

NAMES = [(table, f"ck_{table}_{rule}", condition) for table, rule, condition, _ in CHECKS]


def primary_key(table: str) -> str:
    """The primary key as SQLAlchemy writes it on SQLite."""
    return f"CONSTRAINT pk_{table} PRIMARY KEY (id)"


preflight = [
    {
        "table": table,
        "reason": f"breaks the rule {condition}",
        "remedy": f"Find out what was meant: UPDATE {table} {change} WHERE id IN (…)",
        "query": f"SELECT id FROM {table} WHERE NOT ({condition}) ORDER BY id",
    }
    for table, _, condition, change in CHECKS
] + [
    {
        "table": "table",
        "reason": "was rebuilt by another tool, so that there is no knowing where a check belongs",
        "remedy": "Copy the rows into a database that `fractal-models upgrade` has built",
        "query": {
            "sqlite": " UNION ".join(
                f"SELECT name FROM sqlite_master WHERE type = 'table' AND name = '{table}' "
                f"AND instr(sql, '{primary_key(table)}') = 0"
                for table, *_ in CHECKS
            )
        },
    },
    {
        "table": "check",
        "reason": "has the name of a check that this revision makes",
        "remedy": "Rename it (ALTER TABLE … RENAME CONSTRAINT … TO …) or drop it",
        "query": {
            "postgresql": f"""
                SELECT c.conname FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
                WHERE pg_table_is_visible(t.oid)
                AND c.conname IN ({", ".join(f"'{name}'" for _, name, _ in NAMES)})
                AND NOT EXISTS (SELECT 1 FROM alembic_version WHERE version_num = '{down_revision}')
                ORDER BY c.conname
            """,
            "sqlite": " UNION ".join(
                f"SELECT '{name}' FROM sqlite_master WHERE type = 'table' AND name = '{table}' "
                f"AND instr(sql, '{name}') > 0"
                for table, name, _ in NAMES
            ),
        },
    },
]

ADD = """
DO $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conrelid = '{table}'::regclass AND conname = '{name}') THEN
        ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({condition}) NOT VALID;
    END IF;
END $$
"""


def upgrade() -> None:
    context = op.get_context()
    if context.dialect.name == "postgresql":
        # Each statement in a transaction of its own.
        with nullcontext() if context.opts.get("transaction_of_caller") else context.autocommit_block():
            for table, name, condition in NAMES:
                op.execute(ADD.format(table=table, name=name, condition=condition))
                op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")
    else:
        rewrite_tables([(table, primary_key(table), with_check(table, name, check)) for table, name, check in NAMES])


def downgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        for table, name, _ in NAMES:
            op.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}")
    else:
        # The one that was added last stands first.
        rewrite_tables(
            [(table, with_check(table, name, check), primary_key(table)) for table, name, check in reversed(NAMES)]
        )


def with_check(table: str, name: str, condition: str) -> str:
    """The primary key, followed by a check."""
    return f"{primary_key(table)}, \n\tCONSTRAINT {name} CHECK ({condition})"


def rewrite_tables(replacements: list[tuple[str, str, str]]) -> None:
    """Change the text of table definitions on SQLite, which has no statement for it.

    Rows are stored alike with and without a check, so a table need not be built anew: that would take long, and lose
    triggers and other things that somebody has added to it.
    """
    op.execute("PRAGMA writable_schema = ON")
    for table, *texts in replacements:
        require_text(table, texts[0])
        old, new = (text.replace("'", "''") for text in texts)
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

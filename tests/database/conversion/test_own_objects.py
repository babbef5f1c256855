"""What a site has added to an old database is kept, or named in a refusal that has changed nothing."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from fractal_models.database.connection.engine import connect
from fractal_models.testing.databases import Databases
from tests.support.databases import databases_of
from tests.support.old_databases.conversions import conversion_errors, convert, create_old
from tests.support.refusal import execute


@dataclass(frozen=True)
class Addition:
    """Something that a site has added, and a query that finds it."""

    statements: tuple[str, ...]
    query: str
    found: object = 1


BOTH = {
    "column": Addition(
        ("ALTER TABLE project ADD site_note VARCHAR", "UPDATE project SET site_note = 'ü' WHERE id = 2"),
        "SELECT id FROM project WHERE site_note = 'ü'",
        found=2,
    ),
    "required column": Addition(
        ("ALTER TABLE dataset ADD site_quota INTEGER NOT NULL DEFAULT 7",),
        "SELECT min(site_quota) FROM dataset",
        found=7,
    ),
    "JSON column": Addition(
        ("""ALTER TABLE applyworkflow ADD site_data JSON DEFAULT '{"b": 1, "a": 2}'""",),
        "SELECT min(CAST(site_data AS TEXT)) FROM applyworkflow",
        found='{"b": 1, "a": 2}',
    ),
    "view": Addition(
        ("CREATE VIEW site_names AS SELECT name FROM workflow WHERE id = 1",), "SELECT count(*) FROM site_names"
    ),
    "view of a view": Addition(
        (
            "CREATE VIEW site_tasks AS SELECT id, name FROM task",
            "CREATE VIEW site_first_task AS SELECT * FROM site_tasks WHERE id = 1",
        ),
        "SELECT count(*) FROM site_first_task",
    ),
    "index": Addition(("CREATE INDEX site_index ON dataset (name)",), "SELECT {objects} WHERE name = 'site_index'"),
    "partial index": Addition(
        ("CREATE UNIQUE INDEX site_partial ON dataset (lower(name), id) WHERE read_only",),
        "SELECT {objects} WHERE name = 'site_partial'",
    ),
    "table": Addition(
        ("CREATE TABLE site_notes (id INTEGER PRIMARY KEY, note VARCHAR)", "INSERT INTO site_notes VALUES (1, 'ü')"),
        "SELECT count(*) FROM site_notes WHERE note = 'ü'",
    ),
    "foreign key from its own table": Addition(
        (
            "CREATE TABLE site_marks (id INTEGER PRIMARY KEY, job_id INTEGER REFERENCES applyworkflow (id))",
            "INSERT INTO site_marks VALUES (5, 4)",
        ),
        "SELECT count(*) FROM site_marks s JOIN applyworkflow a ON a.id = s.job_id",
    ),
}

SQLITE = {
    "trigger": Addition(
        (
            "CREATE TABLE site_log (id INTEGER)",
            "CREATE TRIGGER site_trigger AFTER UPDATE ON applyworkflow BEGIN INSERT INTO site_log VALUES (new.id); END",
        ),
        # It has not fired.
        "SELECT (SELECT count(*) FROM site_log) || name FROM sqlite_master WHERE type = 'trigger'",
        found="0site_trigger",
    ),
}

POSTGRESQL = {
    "trigger": Addition(
        (
            "CREATE FUNCTION site_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END'",
            "CREATE TRIGGER site_trigger BEFORE UPDATE ON applyworkflow FOR EACH ROW EXECUTE FUNCTION site_refuse()",
        ),
        "SELECT tgenabled = 'O' FROM pg_trigger WHERE tgname = 'site_trigger' AND tgrelid = 'applyworkflow'::regclass",
        found=True,
    ),
    "materialized view": Addition(
        ("CREATE MATERIALIZED VIEW site_copy AS SELECT id FROM task WHERE id = 1",), "SELECT count(*) FROM site_copy"
    ),
    "generated column": Addition(
        ("ALTER TABLE workflow ADD site_upper varchar GENERATED ALWAYS AS (upper(name)) STORED",),
        "SELECT count(*) FROM workflow WHERE site_upper = upper(name) AND id = 1",
    ),
    "function on rows": Addition(
        ("CREATE FUNCTION site_function(t task) RETURNS integer LANGUAGE sql AS 'SELECT t.id'",),
        "SELECT site_function(task) FROM task WHERE id = 1",
    ),
    "check": Addition(
        ("ALTER TABLE project ADD CONSTRAINT site_check CHECK (id > 0)",),
        "SELECT count(*) FROM pg_constraint WHERE conname = 'site_check' AND conrelid = 'project'::regclass",
    ),
    "unique": Addition(
        ("ALTER TABLE resource ADD CONSTRAINT site_unique UNIQUE (id, path)",),
        "SELECT count(*) FROM pg_constraint WHERE conname = 'site_unique' AND conrelid = 'resource'::regclass",
    ),
    "foreign key to its own table": Addition(
        (
            "CREATE TABLE site_labs (id integer PRIMARY KEY)",
            "ALTER TABLE project ADD site_lab integer CONSTRAINT site_key REFERENCES site_labs (id)",
        ),
        "SELECT count(*) FROM pg_constraint WHERE conname = 'site_key' AND conrelid = 'project'::regclass",
    ),
    "grant": Addition(
        ("GRANT SELECT ON workflow TO PUBLIC",),
        "SELECT count(*) FROM information_schema.table_privileges WHERE table_name = 'workflow' AND grantee = 'PUBLIC'",
    ),
    "grant on a column": Addition(
        ("GRANT SELECT (email) ON user_oauth TO PUBLIC",),
        "SELECT count(*) FROM information_schema.column_privileges "
        "WHERE table_name = 'user_oauth' AND column_name = 'email' AND grantee = 'PUBLIC'",
    ),
    "comment": Addition(
        ("COMMENT ON TABLE workflow IS 'site: as agreed'", "COMMENT ON COLUMN task.owner IS 'site: who'"),
        "SELECT count(*) FROM pg_description WHERE objoid IN ('task'::regclass, 'workflow'::regclass) "
        "AND description LIKE 'site:%'",
        found=2,
    ),
    "policy": Addition(
        ("CREATE POLICY site_policy ON state USING (true)", "ALTER TABLE state ENABLE ROW LEVEL SECURITY"),
        "SELECT count(*) FROM pg_policy WHERE polname = 'site_policy' AND polrelid = 'state'::regclass",
    ),
    "publication": Addition(
        ("CREATE PUBLICATION site_publication FOR TABLE workflow",),
        "SELECT count(*) FROM pg_publication_tables WHERE pubname = 'site_publication' AND tablename = 'workflow'",
    ),
    "statistics": Addition(
        ("CREATE STATISTICS site_statistics ON name, project_id FROM dataset",),
        "SELECT count(*) FROM pg_statistic_ext WHERE stxname = 'site_statistics'",
    ),
    "child table": Addition(
        ("CREATE TABLE site_states (note text) INHERITS (state)",),
        "SELECT count(*) FROM pg_inherits WHERE inhparent = 'state'::regclass",
    ),
    "storage": Addition(
        ("ALTER TABLE applyworkflow SET (autovacuum_enabled = false)",),
        "SELECT count(*) FROM pg_class WHERE oid = 'applyworkflow'::regclass AND reloptions::text LIKE '%autovacuum%'",
    ),
}

ADDITIONS = {"sqlite": BOTH | SQLITE, "postgresql": BOTH | POSTGRESQL}

OBJECTS = {
    "sqlite": "count(*) FROM sqlite_master",
    "postgresql": "count(*) FROM (SELECT relname AS name FROM pg_class) c",
}


def test_additions_are_kept(databases: Databases) -> None:
    old = create_old(databases, 12)
    additions = ADDITIONS[databases.dialect]
    execute(old.url, *(statement for addition in additions.values() for statement in addition.statements))
    began = datetime.now(UTC)

    outcome = convert(old.url)

    assert outcome.code == 0, outcome.all
    with connect(old.url) as connection:
        found = {
            name: connection.scalar(sa.text(addition.query.format(objects=OBJECTS[databases.dialect])))
            for name, addition in additions.items()
        }
    assert found == {name: addition.found for name, addition in additions.items()}
    assert conversion_errors(old, began) == []
    databases.drop(old.url)


REFUSED = {
    "view of a column": (("CREATE VIEW site_users AS SELECT id, slurm_user FROM user_oauth",), "view site_users"),
    "view of a table": (("CREATE VIEW site_states AS SELECT id FROM collectionstatev2",), "view site_states"),
    "foreign key to a table": (
        ("CREATE TABLE site_notes (id integer PRIMARY KEY, state_id integer REFERENCES collectionstatev2 (id))",),
        "site_notes",
    ),
    "table of that name": (("CREATE TABLE fractal_legacy (id integer PRIMARY KEY)",), "fractal_legacy"),
}
"""What depends on columns and tables that the baseline lacks."""

REFUSED_ON_POSTGRESQL = {
    "rule": (("CREATE RULE site_rule AS ON DELETE TO state DO INSTEAD NOTHING",), "rule site_rule"),
    "trigger on a column": (
        (
            "CREATE FUNCTION site_function() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'",
            "CREATE TRIGGER site_trigger AFTER UPDATE OF slurm_user ON user_oauth "
            "FOR EACH ROW EXECUTE FUNCTION site_function()",
        ),
        "trigger site_trigger",
    ),
}

REFUSED_ON_SQLITE = {
    "generated column": (
        ("ALTER TABLE dataset ADD site_upper VARCHAR GENERATED ALWAYS AS (upper(name)) VIRTUAL",),
        "dataset.site_upper",
    ),
    "trigger": (
        (
            "CREATE TABLE site_log (name VARCHAR)",
            "CREATE TRIGGER site_trigger AFTER UPDATE ON user_oauth "
            "BEGIN INSERT INTO site_log VALUES (old.slurm_user); END",
        ),
        "trigger site_trigger",
    ),
}

REFUSALS = [
    pytest.param(
        engine,
        statements,
        named,
        id=f"{engine}-{name}",
        marks=[] if name in own or "view" in name else [pytest.mark.thorough],
    )
    for engine, own in [("sqlite", REFUSED_ON_SQLITE), ("postgresql", REFUSED_ON_POSTGRESQL)]
    for name, (statements, named) in (REFUSED | own).items()
]


@pytest.mark.parametrize(("engine", "statements", "named"), REFUSALS)
def test_addition_in_the_way_is_named(
    request: pytest.FixtureRequest, engine: str, statements: tuple[str, ...], named: str
) -> None:
    databases = databases_of(request, engine)
    old = create_old(databases, 19)
    execute(old.url, *statements)
    before = old.snapshot()

    outcome = convert(old.url)

    assert outcome.code == 10, outcome.all
    assert named in outcome.err
    assert old.snapshot() == before
    databases.drop(old.url)

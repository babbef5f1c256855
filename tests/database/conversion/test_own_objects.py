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
    name: str = "site_"


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
    "view": Addition(
        ("CREATE VIEW site_names AS SELECT name FROM workflow WHERE id = 1",), "SELECT count(*) FROM site_names"
    ),
    "index": Addition(("CREATE INDEX site_index ON dataset (name)",), "SELECT {objects} WHERE name = 'site_index'"),
    "table": Addition(
        ("CREATE TABLE site_notes (id INTEGER PRIMARY KEY, note VARCHAR)", "INSERT INTO site_notes VALUES (1, 'ü')"),
        "SELECT count(*) FROM site_notes WHERE note = 'ü'",
    ),
    "foreign key from its own table": Addition(
        (
            "CREATE TABLE site_notes (id INTEGER PRIMARY KEY, job_id INTEGER REFERENCES applyworkflow (id))",
            "INSERT INTO site_notes VALUES (5, 4)",
        ),
        "SELECT count(*) FROM site_notes s JOIN applyworkflow a ON a.id = s.job_id",
    ),
}

SQLITE = {
    "trigger": Addition(
        (
            "CREATE TABLE site_log (id INTEGER)",
            "CREATE TRIGGER site_trigger AFTER UPDATE ON resource BEGIN INSERT INTO site_log VALUES (new.id); END",
        ),
        "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name = 'site_trigger'",
    ),
}

POSTGRESQL = {
    "trigger": Addition(
        (
            "CREATE FUNCTION site_function() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'",
            "CREATE TRIGGER site_trigger BEFORE UPDATE ON resource FOR EACH ROW EXECUTE FUNCTION site_function()",
        ),
        "SELECT count(*) FROM pg_trigger WHERE tgname = 'site_trigger' AND tgrelid = 'resource'::regclass",
    ),
    "materialized view": Addition(
        ("CREATE MATERIALIZED VIEW site_names AS SELECT id FROM task WHERE id = 1",), "SELECT count(*) FROM site_names"
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
        name="PUBLIC",
    ),
    "grant on a column": Addition(
        ("GRANT SELECT (email) ON user_oauth TO PUBLIC",),
        "SELECT count(*) FROM information_schema.column_privileges "
        "WHERE table_name = 'user_oauth' AND column_name = 'email' AND grantee = 'PUBLIC'",
        name="PUBLIC",
    ),
    "comment": Addition(
        ("COMMENT ON TABLE workflow IS 'site: as agreed'", "COMMENT ON COLUMN task.owner IS 'site: who'"),
        "SELECT count(*) FROM pg_description WHERE objoid IN ('task'::regclass, 'workflow'::regclass) "
        "AND description LIKE 'site:%'",
        found=2,
        name="comment",
    ),
    "policy": Addition(
        (
            "CREATE POLICY site_policy ON state USING (true)",
            "ALTER TABLE state ENABLE ROW LEVEL SECURITY",
        ),
        "SELECT count(*) FROM pg_policy WHERE polname = 'site_policy' AND polrelid = 'state'::regclass",
    ),
    "rule": Addition(
        ("CREATE RULE site_rule AS ON DELETE TO state DO INSTEAD NOTHING",),
        "SELECT count(*) FROM pg_rewrite WHERE rulename = 'site_rule' AND ev_class = 'state'::regclass",
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
    "reloptions": Addition(
        ("ALTER TABLE applyworkflow SET (autovacuum_enabled = false)",),
        "SELECT count(*) FROM pg_class WHERE oid = 'applyworkflow'::regclass AND reloptions::text LIKE '%autovacuum%'",
        name="autovacuum",
    ),
}

CASES = [
    pytest.param(engine, addition, id=f"{engine}-{name}")
    for engine, own in [("sqlite", SQLITE), ("postgresql", POSTGRESQL)]
    for name, addition in (BOTH | own).items()
]

OBJECTS = {
    "sqlite": "count(*) FROM sqlite_master",
    "postgresql": "count(*) FROM (SELECT relname AS name FROM pg_class) c",
}


@pytest.mark.parametrize(("engine", "addition"), CASES)
def test_addition_is_kept_or_named(request: pytest.FixtureRequest, engine: str, addition: Addition) -> None:
    databases: Databases = databases_of(request, engine)
    old = create_old(databases, 12)
    execute(old.url, *addition.statements)
    before = old.snapshot()
    began = datetime.now(UTC)

    outcome = convert(old.url)

    with connect(old.url) as connection:
        assert connection.scalar(sa.text(addition.query.format(objects=OBJECTS[engine]))) == addition.found
    if outcome.code == 0:
        assert conversion_errors(old, began) == []
        print("KEPT")
    else:
        assert outcome.code == 10, outcome.all
        assert addition.name in outcome.err
        assert old.snapshot() == before
        print("REFUSED", outcome.err)
    databases.drop(old.url)

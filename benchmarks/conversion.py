"""Conversion of a database of fractal-server 1.4.2 to the baseline, against a bare copy of its rows.

`python -m benchmarks.conversion --jobs 1000000` prints the time of an `INSERT … SELECT` of all rows into new tables of
the baseline, then that of the conversion, with dumps that are there and with dumps to be built. Memory is the peak of
this process, on top of what it had before.
"""

import resource
from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from alembic import command
from sqlalchemy import URL, Connection

from benchmarks.core import Row, milliseconds, option_parser, package_versions, publish, table
from benchmarks.databases import ENGINES, server_version, temporary_databases
from fractal_models.database import alembic_config
from fractal_models.database.connection.engine import maintenance_engine
from fractal_models.database.revisions.baseline import baseline_tables
from fractal_models.database.revisions.history import BASELINE
from fractal_models.database.revisions.older_schemas import columns_at, older_revisions
from fractal_models.testing.databases import Databases, migrate

RELEASE = "efa89c30e0a4"
LIMIT = 2.5
HEADINGS = {
    "name": "jobs",
    "engine": "engine",
    "bare_s": "INSERT … SELECT, s",
    "conversion_s": "conversion, s",
    "ratio": "ratio",
    "memory_mb": "memory, MB",
}
JOBS_PER_PROJECT = 100

STEP = (
    '{"id": 1, "args": {"level": 2, "channels": ["DAPI", "GFP"]}, "task_id": 1, "meta": {"cpus_per_task": 1}, '
    '"workflow_id": 1, "order": 0, "task": {"id": 1, "name": "Convert", "command": "/srv/venv/bin/python convert.py", '
    '"source": "pip_remote:tasks:1.0::3.9:convert", "input_type": "image", "output_type": "zarr", "owner": null}}'
)
DUMPS = {
    "workflow_dump": f'{{"name": "w", "project_id": 1, "id": 1, "task_list": [{", ".join([STEP] * 4)}]}}',
    "input_dataset_dump": '{"id": 1, "name": "in", "type": "image", "meta": {}, "history": [], "read_only": true, '
    '"project_id": 1, "resource_list": [{"dataset_id": 1, "path": "/data/in", "id": 1}]}',
    "output_dataset_dump": '{"id": 1, "name": "out", "type": "zarr", "meta": {"plate": ["a.zarr"]}, "history": [], '
    '"read_only": false, "project_id": 1, "resource_list": [{"dataset_id": 1, "path": "/data/out", "id": 1}]}',
    "project_dump": '{"read_only": false, "timestamp_created": "2023-06-27T16:47:03.587612+00:00", '
    '"name": "p", "id": 1}',
}


def older_tables() -> sa.MetaData:
    """The tables of release 1.4.2."""
    metadata, present = sa.MetaData(), columns_at(older_revisions().index(RELEASE))
    for name, columns in baseline_tables().items():
        kept = [column for column in columns.columns if (name, column.name) in present]
        if kept:
            parts = [
                sa.Column(each.name, each.type, primary_key=each.primary_key, nullable=each.nullable) for each in kept
            ]
            keys = [(each.name, key.target_fullname) for each in kept for key in each.foreign_keys]
            sa.Table(name, metadata, *parts, *(sa.ForeignKeyConstraint([own], [other]) for own, other in keys))
    users, dataset, task = (metadata.tables[name] for name in ("user_oauth", "dataset", "task"))
    users.append_column(sa.Column("slurm_user", sa.String))
    users.append_column(sa.Column("cache_dir", sa.String))
    users.append_column(sa.Column("slurm_accounts", sa.JSON, server_default="[]", nullable=False))
    dataset.c.history.server_default = sa.DefaultClause("[]")
    task.append_constraint(sa.UniqueConstraint("source"))
    sa.Index("ix_user_oauth_email", users.c.email, unique=True)
    accounts = metadata.tables["oauthaccount"]
    for column in ("account_id", "oauth_name"):
        sa.Index(f"ix_oauthaccount_{column}", accounts.c[column])
    return metadata


def create(databases: Databases, jobs: int, *, dumps: bool) -> URL:
    """Create a database of release 1.4.2."""
    url = databases.create()
    engine = maintenance_engine(url)
    with engine.begin() as connection:
        older_tables().create_all(connection)
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
        connection.exec_driver_sql(f"INSERT INTO alembic_version VALUES ('{RELEASE}')")
        for statement in _rows(connection.dialect.name == "sqlite", jobs, dumps):
            connection.execute(sa.text(statement.replace(":", "\\:")))
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
    engine.dispose()
    return url


def _rows(on_sqlite: bool, jobs: int, dumps: bool) -> Iterator[str]:
    def series(number: int) -> str:
        if not on_sqlite:
            return f"FROM generate_series(1, {number}) AS s (n)"
        numbers = f"SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {number}"
        return f"FROM (WITH RECURSIVE s (n) AS ({numbers}) SELECT n FROM s)"

    projects = -(-jobs // JOBS_PER_PROJECT)
    date = "'2023-06-27 16:47:03.587612'" if on_sqlite else "'2023-06-27 16:47:03.587612+00:00'"
    true, false = (1, 0) if on_sqlite else ("true", "false")
    yield (
        "INSERT INTO user_oauth (id, email, hashed_password, is_active, is_superuser, is_verified) "
        f"VALUES (1, 'a@example.org', 'x', {true}, {true}, {true})"
    )
    yield (
        "INSERT INTO task (id, source, name, command, input_type, output_type, meta) "
        f"SELECT n, 'task ' || n, 'Convert', '/srv/venv/bin/python convert.py', 'image', 'zarr', '{{}}' {series(20)}"
    )
    yield (
        "INSERT INTO project (id, name, read_only, timestamp_created) "
        f"SELECT n, 'p', {false}, {date} {series(projects)}"
    )
    yield f"INSERT INTO linkuserproject (project_id, user_id) SELECT n, 1 {series(projects)}"
    yield f"INSERT INTO workflow (id, name, project_id) SELECT n, 'w', n {series(projects)}"
    yield (
        "INSERT INTO dataset (id, name, read_only, project_id, meta, history) "
        f"SELECT n, 'd', {false}, n, '{{}}', '[]' {series(projects)}"
    )
    yield f"INSERT INTO resource (id, path, dataset_id) SELECT n, '/data', n {series(projects)}"
    yield (
        'INSERT INTO workflowtask (id, workflow_id, task_id, "order", args, meta) '
        f"SELECT n, (n + 3) / 4, 1 + n % 20, (n + 3) % 4, '{{\"level\": 2}}', '{{}}' {series(4 * projects)}"
    )
    texts = ", ".join(f"'{text if dumps else '{}'}'" for text in DUMPS.values())
    yield (
        "INSERT INTO applyworkflow (id, project_id, workflow_id, input_dataset_id, output_dataset_id, user_email, "
        f"{', '.join(DUMPS)}, first_task_index, last_task_index, start_timestamp, status, log) SELECT n, "
        f"{', '.join(['1 + (n - 1) / 100'] * 4)}, 'a@example.org', {texts}, 0, 3, {date}, 'done', "
        f"'{'log line ' * 20}' {series(jobs)}"
    )


def bare_copy(url: URL, databases: Databases) -> float:
    """Seconds of INSERT … SELECT of all rows into new tables of the baseline."""
    target = databases.create()
    migrate(target, BASELINE)
    engine = maintenance_engine(url)
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            connection.exec_driver_sql(f"ATTACH '{target.database}' AS bare")
        else:
            connection.exec_driver_sql("CREATE SCHEMA bare")
            metadata = sa.MetaData(schema="bare")
            for columns in baseline_tables().values():
                columns.to_metadata(metadata)
            metadata.create_all(connection)
        connection.commit()
        seconds = milliseconds(lambda: _copy(connection)) / 1000
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("DROP SCHEMA bare CASCADE")
            connection.commit()
    engine.dispose()
    databases.drop(target)
    return seconds


def _copy(connection: Connection) -> None:
    missing = {"timestamp_created": "'2000-01-01 00:00:00+00:00'"}
    for name, columns in older_tables().tables.items():
        wanted = baseline_tables()[name].columns
        kept = [column.name for column in columns.columns if column.name in wanted]
        added = [column for column in missing if column in wanted and column not in kept]
        names = ", ".join(f'"{column}"' for column in [*kept, *added])
        values = ", ".join([*(f'"{column}"' for column in kept), *(missing[column] for column in added)])
        connection.exec_driver_sql(f"INSERT INTO bare.{name} ({names}) SELECT {values} FROM {name}")
    connection.commit()


def convert(url: URL) -> tuple[float, int]:
    """Seconds of a conversion, and its memory in MB."""
    config = alembic_config(url)
    config.attributes |= {"convert": True, "report": lambda _line: None}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = milliseconds(lambda: command.upgrade(config, BASELINE)) / 1000
    return seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = option_parser("conversion", __doc__, jobs=(100_000, "jobs of version 1"))
    options = parser.parse_args(arguments)
    versions = package_versions("sqlalchemy")
    results: list[Row] = []
    for engine in ENGINES:
        for name, dumps in (("with dumps", True), ("without dumps", False)):
            with temporary_databases(engine) as databases:
                url = create(databases, options.jobs, dumps=dumps)
                versions[engine] = server_version(url)
                bare = bare_copy(url, databases)
                seconds, memory = convert(url)
            row = {"name": name, "engine": engine, "bare_s": bare, "conversion_s": seconds, "memory_mb": memory}
            limits = {"limits": {"ratio": LIMIT}} if dumps else {}
            results.append({**row, "ratio": round(seconds / bare, 2), **limits})
    publish(options, versions, results, table(results, HEADINGS))


if __name__ == "__main__":
    main()

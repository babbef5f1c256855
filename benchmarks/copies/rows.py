"""Rows of a site whose jobs have dumps and logs of realistic sizes, made by the server itself."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

USERS = 100
PROJECTS = 1000

LOG = r"""
    string_agg(
        to_char(timestamp '2024-04-24 12:54:44' + n * interval '1 second', 'YYYY-MM-DD HH24:MI:SS')
        || ',151 - WF' || job % 1000 || '_job' || job || ' - DEBUG - SUBMIT ' || n || '-th task (name="Über Task")',
        chr(10) ORDER BY n
    )
"""

SIZE = """
    SELECT sum(pg_table_size(oid)) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""
"""Bytes of all tables."""

CREATED = "2024-04-24T10:54:44.017086+00:00"

VERSIONS: dict[str, dict[str, Any]] = {
    "v1": {
        "job": "applyworkflow",
        "project": "project",
        "dataset": "dataset",
        "workflow": "workflow",
        "link": "linkuserproject",
        "datasets": ("input_dataset", "output_dataset"),
    },
    "v2": {
        "job": "jobv2",
        "project": "projectv2",
        "dataset": "datasetv2",
        "workflow": "workflowv2",
        "link": "linkuserprojectv2",
        "datasets": ("dataset",),
    },
}


def statements(jobs: int) -> Iterator[str]:
    """Generate statements that fill a database at head with this number of jobs, half of each version."""
    yield "SET LOCAL session_replication_role = replica"  # The rows that keys refer to are there.
    yield (
        "INSERT INTO user_oauth (id, email, hashed_password, is_active, is_superuser, is_verified)"
        f" SELECT n, 'user' || n || '@example.org', md5(n::text), true, false, true FROM generate_series(1, {USERS}) n"
    )
    for version, names in VERSIONS.items():
        yield from _parents(version, names)
        yield _jobs(names, jobs // 2)
    for table in (
        "user_oauth",
        *(VERSIONS[v][part] for v in VERSIONS for part in ("project", "dataset", "workflow", "job")),
    ):
        yield f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"


def _parents(version: str, names: dict[str, Any]) -> Iterator[str]:
    series = f"FROM generate_series(1, {PROJECTS}) n"
    more = (
        {"project": {"read_only": "false"}, "dataset": {"read_only": "false", "meta": "'{}'"}}
        if version == "v1"
        else {"dataset": {"zarr_dir": "'/zarr'"}}
    )
    for part in ("project", "dataset", "workflow"):
        columns = {"id": "n", "name": f"'{part} ' || n", "timestamp_created": "now()", **more.get(part, {})}
        if part != "project":
            columns["project_id"] = "n"
        yield f"INSERT INTO {names[part]} ({', '.join(columns)}) SELECT {', '.join(columns.values())} {series}"
    yield f"INSERT INTO {names['link']} (project_id, user_id) SELECT n, 1 + n % {USERS} {series}"


def _jobs(names: dict[str, Any], number: int) -> str:
    parent = f"1 + job % {PROJECTS}"
    dump = (
        "json_build_object('name', 'My {0}', 'project_id', {1}, 'id', {1}, 'zarr_dir', '/data/zarr/' || md5(job::text),"
        " 'filters', '{{\"attributes\": {{}}, \"types\": {{}}}}'::json, 'timestamp_created', '{2}')"
    )
    folder = "'/srv/fractal/jobs/proj_' || job % 1000 || '_job_' || job || '_20240424_105444'"
    columns = {
        "id": "job",
        "project_id": parent,
        "workflow_id": parent,
        "status": "'done'",
        "start_timestamp": "timestamptz '2024-04-24 10:54:44.103821+00' + job * interval '1 minute'",
        "end_timestamp": "timestamptz '2024-04-24 11:54:44.5+00' + job * interval '1 minute'",
        "user_email": f"'user' || 1 + job % {USERS} || '@example.org'",
        "workflow_dump": dump.format("workflow", parent, CREATED),
        "project_dump": f"json_build_object('name', 'My project', 'id', {parent}, 'timestamp_created', '{CREATED}')",
        "working_dir": folder,
        "working_dir_user": folder,
        "first_task_index": "0",
        "last_task_index": "4",
        "log": f"(SELECT {LOG} FROM generate_series(1, 14) n)",
    }
    for dataset in names["datasets"]:
        columns |= {f"{dataset}_id": parent, f"{dataset}_dump": dump.format(dataset, parent, CREATED)}
    return (
        f"INSERT INTO {names['job']} ({', '.join(columns)}) SELECT {', '.join(columns.values())}"
        f" FROM generate_series(1, {number}) job"
    )


def fill(engine: sa.Engine, jobs: int) -> int:
    """Fill a database at head on PostgreSQL; returns the number of bytes of its tables."""
    with engine.begin() as connection:
        for statement in statements(jobs):
            connection.exec_driver_sql(statement.replace("%", "%%"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")
        return int(connection.scalar(sa.text(SIZE)) or 0)

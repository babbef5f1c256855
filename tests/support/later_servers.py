"""Schemas of fractal-server after 2.9, as differences from it, and databases that have them.

Facts of the installed base: they never change. Tables that are new matter only where one has a name of ours.
"""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy import URL
from sqlalchemy.dialects.postgresql import JSONB

from fractal_models.database.connection.engine import connect
from fractal_models.tables import METADATA
from tests.support.rows import rows

CHANGES = {
    "316140ff7ee1": "- user_settings.cache_dir",
    "db09233ad13a": """
        + datasetv2.attribute_filters, datasetv2.type_filters, jobv2.attribute_filters, workflowtaskv2.type_filters
    """,
    "af8673379a5c": "- datasetv2.filters, workflowtaskv2.input_filters",
    "1eac13a26c83": "- applyworkflow, dataset, linkuserproject, project, resource, state, task, workflow, workflowtask",
    "981d588fe248": """
        - datasetv2.attribute_filters, datasetv2.type_filters
        - taskgroupv2.pinned_package_versions, taskgroupv2.pip_freeze, taskgroupv2.wheel_path
        + jobv2.executor_error_log, jobv2.type_filters
        + taskgroupv2.archive_path, taskgroupv2.env_info, taskgroupv2.pixi_version
        + taskgroupv2.pinned_package_versions_post, taskgroupv2.pinned_package_versions_pre
        ~ datasetv2.history, datasetv2.images, jobv2.dataset_dump, jobv2.project_dump, jobv2.workflow_dump
        ~ taskv2.input_types, taskv2.output_types, taskv2.tags, user_settings.slurm_accounts, usergroup.viewer_paths
        ~ workflowtaskv2.args_non_parallel, workflowtaskv2.args_parallel
    """,
    "83bc2ad3ffcc": """
        - user_oauth.username
        + projectv2.resource_id, taskgroupv2.resource_id
        + user_oauth.profile_id, user_oauth.project_dir, user_oauth.slurm_accounts
        + resource.id, resource.name, resource.type, resource.host, resource.jobs_local_dir, resource.timestamp_created
    """,
    "92ec661b7f76": """
        - datasetv2.history, taskgroupv2.venv_file_number, taskgroupv2.venv_size_in_kB, taskv2.source
        - user_oauth.project_dir, user_oauth.user_settings_id, user_settings, usergroup.viewer_paths
        + datasetv2.is_starred, jobv2.fractal_server_version, projectv2.description, projectv2.is_starred
        + linkuserprojectv2.is_owner, linkuserprojectv2.is_verified, linkuserprojectv2.permissions
        + taskgroupactivityv2.fractal_server_version, user_oauth.is_guest, user_oauth.project_dirs
        + workflowtaskv2.alias, workflowtaskv2.description
        + workflowv2.description, workflowv2.is_starred, workflowv2.template_id
    """,
}
"""What releases dropped (-), added (+), or made jsonb (~), by revision, each from the one before."""

Schema = dict[str, dict[str, sa.types.TypeEngine[Any]]]
"""Types of columns by table."""


def at_2_9() -> Schema:
    return {table.name: {column.name: column.type for column in table.columns} for table in METADATA.sorted_tables}


def later_schema(revision: str) -> Schema:
    """The schema at one of the revisions in `CHANGES`."""
    schema = at_2_9()
    for each, text in CHANGES.items():
        for sign, part in _changes(text):
            table, _, column = part.partition(".")
            if sign == "-":
                schema[table].pop(column) if column else schema.pop(table)
            else:
                jsonb: Any = sa.JSON().with_variant(JSONB(), "postgresql")
                schema.setdefault(table, {})[column] = jsonb if sign == "~" else sa.Text()
        if each == revision:
            return schema
    raise ValueError(revision)


def _changes(text: str) -> Iterator[tuple[str, str]]:
    for line in text.strip().splitlines():
        sign, _, parts = line.strip().partition(" ")
        yield from ((sign, part) for part in parts.split(", "))


def build(url: URL | str, schema: Schema, revision: str, number: int = 2) -> None:
    """Create a database with tables, rows 1 to `number` of the small site, and a revision.

    It has no foreign keys, and columns that 2.9 lacks are empty.
    """
    metadata = sa.MetaData()
    keys = {name: table.primary_key.columns.keys() for name, table in METADATA.tables.items()}
    tables = [
        sa.Table(name, metadata, *(sa.Column(c, type_, primary_key=c in keys[name]) for c, type_ in columns.items()))
        for name, columns in schema.items()
    ]
    version = sa.Table("alembic_version", metadata, sa.Column("version_num", sa.String, primary_key=True))
    with connect(url) as connection:
        metadata.create_all(connection, checkfirst=False)
        connection.execute(version.insert(), {"version_num": revision})
        every = [rows(n) for n in range(1, number + 1)]
        for table in tables:
            if values := [{c: v for c, v in row[table.name].items() if c in table.columns} for row in every]:
                connection.execute(table.insert(), values)
        connection.commit()

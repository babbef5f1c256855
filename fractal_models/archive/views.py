"""Views of an archive file, for those who read it with SQL: plain names, and NULL for what is not known."""

from __future__ import annotations

from sqlalchemy import Connection

from fractal_models.provenance import UNKNOWN_TASK_INDEX, UNKNOWN_TEXT

UNKNOWN = f"'{UNKNOWN_TEXT}'"
"""What servers wrote where a text was not known, in SQL."""


def _name(dump: str, row: str) -> str:
    """Name in a job's dump, else that of the row."""
    found = f"CASE WHEN json_valid({dump}) THEN json_extract({dump}, '$.name') END"
    return f"coalesce(nullif({found}, {UNKNOWN}), {row}.name)"


def _seconds(start: str, end: str) -> str:
    return f"round((julianday({end}) - julianday({start})) * 86400, 3)"


JOB = f"""
    job.id AS job_id,
    job.status,
    nullif(job.user_email, {UNKNOWN}) AS user,
    job.project_id,
    {_name("job.project_dump", "project")} AS project,
    job.workflow_id,
    {_name("job.workflow_dump", "workflow")} AS workflow,"""

RUN = f"""
    job.start_timestamp AS started,
    job.end_timestamp AS ended,
    {_seconds("job.start_timestamp", "job.end_timestamp")} AS seconds,
    nullif(job.first_task_index, {UNKNOWN_TASK_INDEX}) AS first_step,
    nullif(job.last_task_index, {UNKNOWN_TASK_INDEX}) AS last_step,
    job.slurm_account,
    job.working_dir_user AS folder,
    job.log"""

STEP = """
    step.workflow_id,
    workflow.name AS workflow,
    workflow.project_id,
    project.name AS project,
    step."order" AS position,
    task.name AS task,
    task.version,
    task.source,"""

VIEWS = {
    "jobs_v1": f"""
SELECT {JOB}
    job.input_dataset_id,
    {_name("job.input_dataset_dump", "input")} AS input_dataset,
    job.output_dataset_id,
    {_name("job.output_dataset_dump", "output")} AS output_dataset,{RUN}
FROM applyworkflow AS job
LEFT JOIN project ON project.id = job.project_id
LEFT JOIN workflow ON workflow.id = job.workflow_id
LEFT JOIN dataset AS input ON input.id = job.input_dataset_id
LEFT JOIN dataset AS output ON output.id = job.output_dataset_id""",
    "jobs_v2": f"""
SELECT {JOB}
    job.dataset_id,
    {_name("job.dataset_dump", "dataset")} AS dataset,{RUN}
FROM jobv2 AS job
LEFT JOIN projectv2 AS project ON project.id = job.project_id
LEFT JOIN workflowv2 AS workflow ON workflow.id = job.workflow_id
LEFT JOIN datasetv2 AS dataset ON dataset.id = job.dataset_id""",
    "steps_v1": f"""
SELECT {STEP}
    step.args,
    step.meta
FROM workflowtask AS step
JOIN workflow ON workflow.id = step.workflow_id
JOIN project ON project.id = workflow.project_id
JOIN task ON task.id = step.task_id
ORDER BY step.workflow_id, step."order" IS NULL, step."order", step.id""",
    "steps_v2": f"""
SELECT {STEP}
    step.task_type AS type,
    step.args_non_parallel,
    step.args_parallel,
    step.meta_non_parallel,
    step.meta_parallel,
    step.input_filters
FROM workflowtaskv2 AS step
JOIN workflowv2 AS workflow ON workflow.id = step.workflow_id
JOIN projectv2 AS project ON project.id = workflow.project_id
JOIN taskv2 AS task ON task.id = step.task_id
ORDER BY step.workflow_id, step."order" IS NULL, step."order", step.id""",
}
"""Views by name; jobs and steps of each version."""


def create_views(connection: Connection) -> None:
    """Create the views."""
    for name, query in VIEWS.items():
        connection.exec_driver_sql(f"CREATE VIEW {name} AS{query}")

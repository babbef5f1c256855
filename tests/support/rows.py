"""A small site: valid rows in every table of fractal-server 2.9, written by SQL, for the models move on."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import URL

from fractal_models.database.connection.engine import connect

SECRETS = ["secret-hash", "secret-access-token", "secret-refresh-token", "/secret/key"]
"""How the values begin that no output may show."""

MOMENT = datetime(2024, 3, 5, 14, 21, 7, tzinfo=UTC)

# Not in alphabetical order: that of the keys is data.
SCHEMA = {"type": "object", "properties": {"overwrite": {"default": False}, "channel": {"default": "A01"}}}


def rows(n: int) -> dict[str, dict[str, Any]]:
    """Row number `n` of each table, with every column that it has at fractal-server 2.9.

    Each table comes after those that it refers to.
    """
    dump = {"name": f"dump {n}", "id": n}
    job: dict[str, Any] = {
        "id": n,
        "project_id": n,
        "workflow_id": n,
        "user_email": f"user{n}@example.org",
        "slurm_account": None,
        "workflow_dump": dump,
        "project_dump": dump,
        "worker_init": "module load cuda",
        "working_dir": f"/jobs/{n}",
        "working_dir_user": f"/home/user{n}/jobs/{n}",
        "first_task_index": 0,
        "last_task_index": n % 3,
        "start_timestamp": MOMENT,
        "end_timestamp": MOMENT if n % 2 else None,  # row 1 tells the types
        "status": "done" if n % 2 else "submitted",
        "log": f"log of {n}\nüß",
    }
    created = {"timestamp_created": MOMENT}
    filters: dict[str, Any] = {"attributes": {}, "types": {}}
    return {
        "project": {"id": n, "name": f"project {n}", "read_only": False} | created,
        "projectv2": {"id": n, "name": f"project {n}"} | created,
        "state": {"id": n, "data": {"zeta": n, "alpha": [n]}, "timestamp": MOMENT},
        "task": {
            "id": n,
            "source": f"package:task-{n}",
            "name": f"task {n}",
            "command": "python task.py",
            "input_type": "zarr",
            "output_type": "zarr",
            "owner": None,
            "version": "1.0",
            "meta": {"parallelization_level": "image", "mem": 16_000},
            "args_schema": SCHEMA,
            "args_schema_version": "pydantic_v2",
            "docs_info": "# About",
            "docs_link": "https://example.org/task",
        },
        "user_settings": {
            "id": n,
            "slurm_accounts": ["imaging"],
            "ssh_host": "cluster.example.org",
            "ssh_username": f"user{n}",
            "ssh_private_key_path": f"/secret/key-{n}",
            "ssh_tasks_dir": "/tasks",
            "ssh_jobs_dir": "/jobs",
            "slurm_user": f"user{n}",
            "cache_dir": "/cache",
            "project_dir": "/project",
        },
        "usergroup": {"id": n, "name": f"group {n}", "viewer_paths": ["/data"]} | created,
        "dataset": {
            "id": n,
            "project_id": n,
            "name": f"dataset {n}",
            "type": "image",
            "read_only": False,
            "meta": {"num_levels": 5},
            "history": [{"status": "done"}],
        }
        | created,
        "datasetv2": {
            "id": n,
            "project_id": n,
            "name": f"dataset {n}",
            "zarr_dir": f"/zarr/{n}",
            "images": [{"zarr_url": f"/zarr/{n}/{well}", "attributes": {"well": well}} for well in ("B03", "A01")],
            "filters": filters,
            "history": [],
        }
        | created,
        "user_oauth": {
            "id": n,
            "email": f"user{n}@example.org",
            "hashed_password": f"secret-hash-{n}",
            "is_active": True,
            "is_superuser": n == 1,
            "is_verified": True,
            "username": f"user{n}",
            "user_settings_id": n,
        },
        "workflow": {"id": n, "project_id": n, "name": f"workflow {n}"} | created,
        "workflowv2": {"id": n, "project_id": n, "name": f"workflow {n}"} | created,
        "applyworkflow": job
        | {"input_dataset_id": n, "output_dataset_id": n, "input_dataset_dump": dump, "output_dataset_dump": dump},
        "jobv2": job | {"dataset_id": n, "dataset_dump": dump},
        "linkusergroup": {"group_id": n, "user_id": n} | created,
        "linkuserproject": {"project_id": n, "user_id": n},
        "linkuserprojectv2": {"project_id": n, "user_id": n},
        "oauthaccount": {
            "id": n,
            "user_id": n,
            "oauth_name": "github",
            "access_token": f"secret-access-token-{n}",
            "expires_at": 1_800_000_000,
            "refresh_token": f"secret-refresh-token-{n}",
            "account_id": f"{n}",
            "account_email": f"user{n}@example.org",
        },
        "resource": {"id": n, "dataset_id": n, "path": f"/data/{n}"},
        "taskgroupv2": {
            "id": n,
            "user_id": n,
            "user_group_id": n,
            "origin": "pypi",
            "pkg_name": f"package-{n}",
            "version": "1.0",
            "python_version": "3.11",
            "path": f"/tasks/{n}",
            "venv_path": f"/tasks/{n}/venv",
            "wheel_path": None,
            "pip_extras": None,
            "pinned_package_versions": {"numpy": "1.26", "dask": "2024.1"},
            "pip_freeze": "numpy==1.26",
            "venv_size_in_kB": 1000,
            "venv_file_number": 100,
            "active": True,
            "timestamp_last_used": MOMENT,
        }
        | created,
        "workflowtask": {"id": n, "workflow_id": n, "task_id": n, "order": 0, "meta": {"mem": 1}, "args": {"size": n}},
        "taskgroupactivityv2": {
            "id": n,
            "user_id": n,
            "taskgroupv2_id": n,
            "pkg_name": f"package-{n}",
            "version": "1.0",
            "status": "OK",
            "action": "collect",
            "log": None,
            "timestamp_started": MOMENT,
            "timestamp_ended": MOMENT,
        },
        "taskv2": {
            "id": n,
            "taskgroupv2_id": n,
            "source": None,
            "name": f"task {n}",
            "type": "parallel",
            "command_non_parallel": None,
            "command_parallel": "python task.py",
            "version": "1.0",
            "meta_non_parallel": {},
            "meta_parallel": {"mem": 1},
            "args_schema_non_parallel": None,
            "args_schema_parallel": SCHEMA,
            "args_schema_version": "pydantic_v2",
            "docs_info": None,
            "docs_link": None,
            "input_types": {"is_3D": True},
            "output_types": {},
            "category": "Segmentation",
            "modality": "HCS",
            "authors": "A. Author",
            "tags": ["2D"],
        },
        "workflowtaskv2": {
            "id": n,
            "workflow_id": n,
            "task_id": n,
            "task_type": "parallel",
            "order": 0,
            "meta_non_parallel": None,
            "meta_parallel": {"mem": 1},
            "args_non_parallel": None,
            "args_parallel": {"size": n},
            "input_filters": filters,
        },
    }


def fill(url: URL, number: int = 3) -> URL:
    """Write rows 1 to `number` of each table into an empty database at fractal-server 2.9."""
    with connect(url) as connection:
        every = [rows(n) for n in range(1, number + 1)]
        for name, columns in every[0].items():
            table = sa.table(name, *(sa.column(column, _type(value)) for column, value in columns.items()))
            connection.execute(sa.insert(table), [each[name] for each in every])
            if connection.dialect.name == "postgresql" and "id" in columns:
                connection.execute(
                    sa.text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :number)"),
                    {"name": name, "number": number},
                )
        connection.commit()
    return url


def content(url: URL) -> dict[str, str]:
    """A hash of all rows of each table, with the columns that it had at fractal-server 2.9."""
    found = {}
    with connect(url) as connection:
        for name, statement in _selections(connection.dialect).items():
            there = connection.exec_driver_sql(statement)
            found[name] = hashlib.sha256(json.dumps([list(map(str, row)) for row in there]).encode()).hexdigest()
    return found


_compiled: dict[str, dict[str, str]] = {}


def _selections(dialect: sa.Dialect) -> dict[str, str]:
    """For each table, the statement that selects all rows in order; it is compiled once."""
    if dialect.name not in _compiled:
        _compiled[dialect.name] = {}
        for name, columns in rows(1).items():
            table = sa.table(name, *map(sa.column, columns))
            keys = [table.c[column] for column in columns if column == "id" or column.endswith("_id")]
            _compiled[dialect.name][name] = str(sa.select(table).order_by(*keys).compile(dialect=dialect))
    return _compiled[dialect.name]


def _type(value: Any) -> sa.types.TypeEngine[Any] | None:
    if isinstance(value, dict | list):
        return sa.JSON(none_as_null=True)
    return sa.DateTime(timezone=True) if isinstance(value, datetime) else None

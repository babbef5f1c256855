"""What a conversion must make of the rows of an old database, worked out in plain Python."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from tests.support.old_databases.rows import NOT_KNOWN, TASK_COLUMNS, UNDEFINED
from tests.support.old_databases.schemas import Schema, schema_of
from tests.support.old_databases.values import NO_DATE, Json, Row, Tables

NOT_USED = datetime(2024, 11, 20, tzinfo=UTC)
"""Placeholder for the last use of a task group."""


class New(NamedTuple):
    """Id of a row that the conversion makes, whatever number it gets."""

    table: str
    key: Any


@dataclass(frozen=True)
class Built:
    """A JSON value that was made or changed: a date in it may be written in any form, its own keys in any order."""

    value: Any


class Now:
    """The moment of the conversion."""


class Either(tuple[Any, ...]):
    """One of several values."""

    __slots__ = ()


class Kept(NamedTuple):
    """A value that the new tables have no room for."""

    table: str
    id: Any
    column: str
    value: Any


@dataclass
class Expected:
    tables: Tables = field(default_factory=dict)
    kept: list[Kept] = field(default_factory=list)


FILLED: dict[str, dict[str, Any]] = {
    "applyworkflow": {
        "first_task_index": NOT_KNOWN,
        "last_task_index": NOT_KNOWN,
        "slurm_account": None,
        "user_email": UNDEFINED,
    },
    "dataset": {"history": Built([]), "timestamp_created": NO_DATE},
    "linkusergroup": {"timestamp_created": NO_DATE},
    "project": {"timestamp_created": NO_DATE},
    "task": dict.fromkeys(["args_schema", "args_schema_version", "docs_info", "docs_link"]),
    "taskgroupv2": {
        "pip_freeze": None,
        "venv_size_in_kB": None,
        "venv_file_number": None,
        "timestamp_last_used": NOT_USED,
    },
    "taskv2": {"category": None, "modality": None, "authors": None, "tags": Built([])},
    "user_oauth": {"user_settings_id": None},
    "user_settings": {"project_dir": None},
    "usergroup": {"viewer_paths": Built([])},
    "workflow": {"timestamp_created": NO_DATE},
}
"""Values of columns that an old table lacks."""

DUMPS = ("workflow_dump", "input_dataset_dump", "output_dataset_dump", "project_dump")


def expect(schema: Schema, old: Tables, owner: str | None = None) -> Expected:
    """Rows of the baseline, made of those of an old database.

    Args:
        schema: its tables and columns.
        old: rows of each of its tables.
        owner: e-mail address of the user who owns the task groups that have no other owner.
    """
    return _Conversion(schema, old, owner).result


class _Conversion:
    def __init__(self, schema: Schema, old: Tables, owner: str | None) -> None:
        self.schema = schema
        self.old = old
        self.result = Expected()
        self.tables = self.result.tables
        for table, columns in schema_of(25).items():
            self.tables[table] = [
                {name: row[name] if name in row else FILLED.get(table, {}).get(name) for name in columns}
                for row in old.get(table, [])
            ]
        self.owner = next((user["id"] for user in self.tables["user_oauth"] if user["email"] == owner), None)
        self.drop_columns()
        self.settings()
        self.group_of_all()
        self.task_groups()
        self.dates()
        self.jobs()
        self.jobs_v2()

    def keep(self, table: str, row: Row, column: str) -> None:
        if row.get(column) is not None:
            self.result.kept.append(Kept(table, row["id"], column, row[column]))

    def drop_columns(self) -> None:
        for table, column in [("task", "default_args"), ("taskv2", "owner")]:
            for row in self.old.get(table, []):
                self.keep(table, row, column)
        for row in self.old.get("task", []):
            if row.get("is_v2_compatible"):
                self.keep("task", row, "is_v2_compatible")
        for row in self.old.get("collectionstatev2", []):
            for column in row:
                self.keep("collectionstatev2", row, column)

    def settings(self) -> None:
        """Give each user settings; with values that are on the user, where there are none yet."""
        by_id = {row["id"]: row for row in self.tables["user_settings"]}
        for old, user in zip(self.old["user_oauth"], self.tables["user_oauth"], strict=True):
            if settings := by_id.get(user["user_settings_id"]):
                for column in ("slurm_user", "slurm_accounts", "cache_dir"):
                    if column in old and old[column] != settings[column]:
                        self.keep("user_oauth", old, column)
                continue
            user["user_settings_id"] = New("user_settings", user["id"])
            self.tables["user_settings"].append(
                dict.fromkeys(schema_of(25)["user_settings"])
                | {
                    "id": user["user_settings_id"],
                    "slurm_user": old.get("slurm_user"),
                    "slurm_accounts": old.get("slurm_accounts", Built([])),
                    "cache_dir": old.get("cache_dir"),
                }
            )

    def group_of_all(self) -> None:
        """Make every user a member of the group `All`."""
        self.all = next((row["id"] for row in self.tables["usergroup"] if row["name"] == "All"), None)
        if self.all is None:
            self.all = New("usergroup", "All")
            self.tables["usergroup"].append(
                {"id": self.all, "name": "All", "timestamp_created": Now, "viewer_paths": Built([])}
            )
        dated = "timestamp_created" in self.schema.get("linkusergroup", ())
        members = {row["user_id"] for row in self.tables["linkusergroup"] if row["group_id"] == self.all}
        for user in self.tables["user_oauth"]:
            if user["id"] not in members:
                self.tables["linkusergroup"].append(
                    {"group_id": self.all, "user_id": user["id"], "timestamp_created": Now if dated else NO_DATE}
                )

    def task_groups(self) -> None:
        """Give each task of version 2 without a task group one: per package, or of its own."""
        found: dict[Any, Row] = {}
        tasks = sorted(
            zip(self.old.get("taskv2", []), self.tables["taskv2"], strict=True), key=lambda two: two[0]["id"]
        )
        for old, task in tasks:
            if task["taskgroupv2_id"] is not None:
                continue
            package = package_of(old["source"])
            key = package or ("task", old["id"])
            task["taskgroupv2_id"] = New("taskgroupv2", key)
            if key not in found:
                found[key] = self.task_group(old, package) | {"id": New("taskgroupv2", key)}
        self.tables["taskgroupv2"] += found.values()
        for group in self.tables["taskgroupv2"]:
            if group["timestamp_last_used"] is None:
                group["timestamp_last_used"] = Either((NOT_USED, group["timestamp_created"]))

    def task_group(self, task: Row, package: tuple[str, ...] | None) -> Row:
        """The group of a task, or of a package of which it is the first task."""
        group = dict.fromkeys(schema_of(25)["taskgroupv2"]) | {
            "user_group_id": self.all,
            "pinned_package_versions": Built({}),
            "active": True,
            "timestamp_created": Now,
            "timestamp_last_used": Either((NOT_USED, Now)),
        }
        if package is None:
            owner = {"origin": "other", "user_id": self.owner_of(task)}
            return group | owner | {"pkg_name": task["source"], "version": task["version"]}
        name, version, extras, python = package
        command = task["command_non_parallel"] or task["command_parallel"] or ""
        folders = command.split()[0].split("/")[:-1] if command else []
        return group | {
            "origin": "pypi" if task["source"].startswith("pip_remote:") else "wheel-file",
            "user_id": self.owner,
            "pkg_name": name,
            "version": version,
            "pip_extras": extras or None,
            "python_version": python or None,
            "venv_path": "/".join(folders[:-1]) or None,
            "path": "/".join(folders[:-2]) or None,
        }

    def owner_of(self, task: Row) -> int | None:
        """The one user of that name, else the user whom the operator has named."""
        accounts = {row["id"]: row["slurm_user"] for row in self.tables["user_settings"]}
        named = [
            user["id"]
            for old, user in zip(self.old["user_oauth"], self.tables["user_oauth"], strict=True)
            if task.get("owner")
            and task["owner"] == (user["username"] or old.get("slurm_user") or accounts[user["user_settings_id"]])
        ]
        return named[0] if len(named) == 1 else self.owner

    def dates(self) -> None:
        """A date that is not known is that of the first job of the project, if it has any."""
        for project in self.tables["project"]:
            if project["timestamp_created"] == NO_DATE:
                starts = [
                    job["start_timestamp"] for job in self.tables["applyworkflow"] if job["project_id"] == project["id"]
                ]
                project["timestamp_created"] = min(starts, default=NO_DATE)
        self.projects = {row["id"]: row for row in self.tables["project"]}
        for row in self.tables["workflow"] + self.tables["dataset"]:
            if row["timestamp_created"] == NO_DATE:
                row["timestamp_created"] = self.projects[row["project_id"]]["timestamp_created"]

    def jobs(self) -> None:
        """Fill and complete dumps; a history in those of datasets, which servers ignore, stays."""
        for job in self.tables["applyworkflow"]:
            project = self.projects.get(job["project_id"])
            if job["user_email"] == UNDEFINED:
                job["user_email"] = self.user_of(job["project_id"])
            for column in DUMPS:
                text = job[column]
                dump = json.loads(text) if text is not None else None
                if not dump:
                    job[column] = Built(self.build(column, job[column.replace("dump", "id")]))
                    continue
                if "task_list" in dump:
                    dump["task_list"] = [put_right(step) for step in dump["task_list"]]
                dump.setdefault("timestamp_created", (project or {"timestamp_created": NO_DATE})["timestamp_created"])
                job[column] = text if dump == json.loads(text) else Built(dump)

    def user_of(self, project_id: int | None) -> str:
        """E-mail address of the only user of a project."""
        users = [row["user_id"] for row in self.tables["linkuserproject"] if row["project_id"] == project_id]
        emails = {row["id"]: row["email"] for row in self.tables["user_oauth"]}
        return emails[users[0]] if len(users) == 1 else UNDEFINED

    def build(self, column: str, id_: int | None) -> Row:
        """A dump of a row as it is, or of one that is gone."""
        if column == "workflow_dump":
            return self.dump("workflow", id_, "id", "name", "project_id", "timestamp_created") | (
                {"task_list": list(self.steps(id_))} if id_ is not None else {}
            )
        if column == "project_dump":
            return self.dump("project", id_, "id", "name", "read_only", "timestamp_created")
        columns = ("id", "name", "read_only", "project_id", "timestamp_created")
        return self.dump("dataset", id_, *columns, *(("type", "meta") if id_ is not None else ())) | {
            "resource_list": [
                {name: row[name] for name in ("id", "path", "dataset_id")}
                for row in sorted(self.tables["resource"], key=lambda row: row["id"])
                if row["dataset_id"] == id_
            ]
        }

    def dump(self, table: str, id_: int | None, *columns: str) -> Row:
        placeholders = {"name": UNDEFINED, "read_only": True, "timestamp_created": NO_DATE, "zarr_dir": UNDEFINED}
        placeholders |= {"filters": {"attributes": {}, "types": {}}}
        row = next((row for row in self.tables[table] if row["id"] == id_), None)
        if row is None:
            return {name: placeholders.get(name, -1) for name in columns}
        return {name: parsed(row[name]) for name in columns}

    def steps(self, workflow_id: int) -> Iterator[Row]:
        """Dumps of the steps of a workflow, with their tasks."""
        tasks = {row["id"]: row for row in self.tables["task"]}
        steps = [row for row in self.tables["workflowtask"] if row["workflow_id"] == workflow_id]
        for step in sorted(steps, key=lambda row: row["order"] or 0):
            task = {name: parsed(tasks[step["task_id"]][name]) for name in TASK_COLUMNS}
            yield {name: parsed(value) for name, value in step.items()} | {"task": task}

    def jobs_v2(self) -> None:
        named = ("id", "name", "timestamp_created")
        dumps = {
            "project_dump": ("projectv2", named),
            "workflow_dump": ("workflowv2", (*named, "project_id")),
            "dataset_dump": ("datasetv2", (*named, "project_id", "zarr_dir", "filters")),
        }
        for job in self.tables["jobv2"]:
            for column, (table, columns) in dumps.items():
                dump = json.loads(job[column])
                if not dump:
                    job[column] = Built(self.dump(table, job[column.replace("dump", "id")], *columns))
                elif removed := {"history", "images"} & set(dump):
                    for name in removed:
                        self.keep("jobv2", {"id": job["id"], column: dump.pop(name)}, column)
                    job[column] = Built(dump)


def package_of(source: str) -> tuple[str, ...] | None:
    """Normalised name, version, extras and Python version of the package that a source names."""
    parts = source.split(":")
    if parts[0] not in ("pip_remote", "pip_local") or len(parts) != 6:
        return None
    return (re.sub(r"[-_.]+", "-", parts[1]).lower(), *parts[2:5])


def put_right(item: Row) -> Row:
    """An entry of a task list; in inverted ones, the task stands around its step."""
    if "task_id" in item:
        return item
    return {**item["task"], "task": {name: value for name, value in item.items() if name != "task"}}


def parsed(value: Any) -> Any:
    return json.loads(value) if isinstance(value, Json) else value

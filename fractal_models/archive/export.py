"""Exports as JSON files, for people and programs without this package.

    index.json                      source, users, and projects with their folders
    schema.json                     JSON Schema of the objects in all other files
    tasks-v1.json, tasks-v2.json    tasks, those of version 2 with their task groups
    E-MAIL/PROJECT/project.json     a project, and its users
    E-MAIL/PROJECT/datasets.json    its datasets, those of version 1 with their resources
    E-MAIL/PROJECT/WORKFLOW.json    a workflow with its steps, in order, and their tasks
    E-MAIL/PROJECT/WORKFLOW.jobs.json   its jobs
    E-MAIL/PROJECT/jobs.json        jobs of the project whose workflow was deleted
    E-MAIL/jobs-v1.json, …          jobs of the user whose project was deleted

A project of several users is in the folder of the one with the lowest ID. What belongs to no user is in the folder
`without user`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import URL

from fractal_models.archive.documents import Document, document, exported, schemas
from fractal_models.archive.file_names import Names
from fractal_models.archive.files import Files, new_folder
from fractal_models.archive.generations import GENERATIONS, Generation, Version
from fractal_models.archive.progress import Progress, Report, ignore
from fractal_models.archive.reading import database_url, opened
from fractal_models.archive.selection import Selection
from fractal_models.archive.source import Source
from fractal_models.database.connection.errors import NeedsUpgradeError
from fractal_models.database.inspection.unknown import NOTES
from fractal_models.database.revisions.rules import orphans, require_none
from fractal_models.tables import METADATA

FORMAT = 1
NO_USER = "without user"

ROWS_AT_ONCE = 200


def export_database(
    source: str | Path | URL,
    folder: str | Path,
    *,
    only: Version | None = None,
    projects: Iterable[str | int] = (),
    progress: Report = ignore,
) -> Document:
    """Write a database as JSON files into a new folder.

    The source is read in one transaction, and not changed. Secrets are left out. If anything fails, there is no folder.

    Args:
        source: URL, or path of a SQLite file, as in `copy_database`.
        folder: A folder that does not exist, or an empty one.
        only: Export one version alone.
        projects: Export these projects alone: `"v1:3"`, `"v2:3"`, or with `only` also `3`.
        progress: Receives progress.

    Returns:
        The contents of `index.json`.

    Raises:
        ValueError: `only` or `projects` are not well-formed.
        NeedsUpgradeError: The source is older than 2.9.
        BlockedByDataError: The folder is not empty, or a project, valid JSON or the parent of a row is missing.
        DatabaseError: The source is unreachable, of the wrong kind, or fails.
    """
    selection = Selection.of(only, projects, without_secrets=True)
    with opened(database_url(source)) as reader:
        origin = Source(reader, selection)
        if origin.older is not None:
            raise NeedsUpgradeError("the database is older than 2.9: `fractal-models copy` it, and export the copy")
        if reader.dialect == "sqlite":
            require_none(orphans(reader.connection))
        with new_folder(Path(folder)) as place:
            return _Export(origin, Files(place), progress).write()


@dataclass
class _Project:
    """Folder of a project, and the files of its workflows."""

    folder: str
    facts: Document
    workflows: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.names = Names(".json", ".jobs.json")
        for name in ("project", "datasets", "jobs"):
            self.names.take(name)


class _Children:
    """Rows in order of a key, taken key by key."""

    def __init__(self, rows: Iterator[Document], key: str) -> None:
        self._rows, self._key = rows, key
        self._next = next(rows, None)

    def of(self, key: int) -> list[Document]:
        """Rows with a key; each call has a larger one."""
        found = []
        while self._next is not None and self._next[self._key] <= key:
            if self._next[self._key] == key:
                found.append(self._next)
            self._next = next(self._rows, None)
        return found


class _Export:
    """Files of one database."""

    def __init__(self, source: Source, files: Files, progress: Report) -> None:
        self._source = source
        self._files = files
        self._progress = progress
        self._selected = {rows.table.name: rows for rows in source.rows()}
        self._emails: dict[int, str] = {row["id"]: row["email"] for row in self._rows("user_oauth")}
        names = Names()
        for name in ("index.json", "schema.json", "tasks-v1.json", "tasks-v2.json"):
            names.take(name)
        self._folders = {email: names.take(email) for email in self._emails.values()}
        self._no_user = names.take(NO_USER)
        self._names: dict[str, Names] = {}

    def write(self) -> Document:
        """Write all files, and return the index."""
        generations = [found for found in GENERATIONS if found.project in self._selected]
        projects = [facts for generation in generations for facts in self._write_generation(generation)]
        options = self._source.selection.as_json()
        index = {
            "format": FORMAT,
            "package": f"fractal-models {version('fractal-models')}",
            "source": self._source.facts,
            "options": {name: options[name] for name in ("only", "projects")},
            "users": [
                {"id": key, "email": email, "folder": self._folders[email]} for key, email in self._emails.items()
            ],
            "projects": projects,
        }
        self._files.write("index.json", index)
        self._files.write("schema.json", schemas())
        self._files.close()
        return index

    def _write_generation(self, generation: Generation) -> list[Document]:
        """Write the files of one version, and return what the index says of its projects."""
        projects = self._write_projects(generation)
        self._write_workflows(generation, projects, self._write_tasks(generation))
        self._write_datasets(generation, projects)
        self._write_jobs(generation, projects)
        return [
            {
                "version": generation.name,
                **found.facts,
                "folder": found.folder,
                "workflows": [f"{name}.json" for name in found.workflows.values()],
            }
            for found in projects.values()
        ]

    def _write_projects(self, generation: Generation) -> dict[int, _Project]:
        links = _Children(self._rows(generation.link, ("project_id", "user_id")), "project_id")
        projects = {}
        for row, facts in self._documents(generation.project):
            emails = [self._emails[link["user_id"]] for link in links.of(row["id"])]
            owner = self._folders[emails[0]] if emails else self._no_user
            folder = f"{owner}/{self._names_in(owner).take(row['name'])}"
            projects[row["id"]] = _Project(folder, {"id": row["id"], "name": row["name"], "users": emails})
            self._files.write(f"{folder}/project.json", {**facts, "users": emails})
        return projects

    def _names_in(self, folder: str) -> Names:
        """Names that are taken in the folder of a user."""
        if folder not in self._names:
            self._names[folder] = Names()
            for generation in GENERATIONS:
                self._names[folder].take(f"jobs-{generation.name}.json")
        return self._names[folder]

    def _write_tasks(self, generation: Generation) -> dict[int, Document]:
        groups = {}
        if generation.name == "v2":
            groups = {row["id"]: facts for row, facts in self._documents("taskgroupv2")}
        tasks = {}
        for row, facts in self._documents(generation.task):
            tasks[row["id"]] = facts
            group = {"task_group": groups[row["taskgroupv2_id"]]} if groups else {}
            self._files.append(f"tasks-{generation.name}.json", {**facts, **group})
        return tasks

    def _write_workflows(
        self, generation: Generation, projects: dict[int, _Project], tasks: dict[int, Document]
    ) -> None:
        steps = _Children(self._rows(generation.step, ("workflow_id", "order", "id")), "workflow_id")
        for row, facts in self._documents(generation.workflow):
            project = projects[row["project_id"]]
            name = project.workflows[row["id"]] = project.names.take(row["name"])
            task_list = [{**document(step), "task": tasks[step["task_id"]]} for step in steps.of(row["id"])]
            self._files.write(f"{project.folder}/{name}.json", {**facts, "task_list": task_list})

    def _write_datasets(self, generation: Generation, projects: dict[int, _Project]) -> None:
        resources = None
        if generation.name == "v1":
            resources = _Children(self._rows("resource", ("dataset_id", "id")), "dataset_id")
        for row, facts in self._documents(generation.dataset):
            if resources is not None:
                facts["resource_list"] = [document(resource) for resource in resources.of(row["id"])]
            self._files.append(f"{projects[row['project_id']].folder}/datasets.json", facts)

    def _write_jobs(self, generation: Generation, projects: dict[int, _Project]) -> None:
        for row, facts in self._documents(generation.job):
            project = projects.get(row["project_id"])
            if project is None:
                path = f"{self._folders.get(row['user_email'], self._no_user)}/jobs-{generation.name}.json"
            elif name := project.workflows.get(row["workflow_id"]):
                path = f"{project.folder}/{name}.jobs.json"
            else:
                path = f"{project.folder}/jobs.json"
            self._files.append(path, facts)

    def _documents(self, name: str) -> Iterator[tuple[Document, Document]]:
        """Rows of a table and their objects, by ID."""
        notes = _Children(self._notes(name), "row_id")
        of_all_rows = [(note["column_name"], note["note"]) for note in notes.of(0)]
        for row in self._rows(name):
            own = [(note["column_name"], note["note"]) for note in notes.of(row["id"])]
            yield row, document(row, [*of_all_rows, *own])

    def _notes(self, name: str) -> Iterator[Document]:
        """What the conversion of an older database has noted on a table; `row_id` is 0 for notes on all rows."""
        if NOTES in self._source.columns:
            query = sa.text(
                f"SELECT coalesce(row_id, 0) AS row_id, column_name, note FROM {NOTES} "
                "WHERE table_name = :name AND note IS NOT NULL AND column_name IS NOT NULL ORDER BY 1, id"
            )
            connection = self._source.connection.execution_options(yield_per=ROWS_AT_ONCE)
            yield from map(dict, connection.execute(query, {"name": name}).mappings())

    def _rows(self, name: str, order: Sequence[str] = ("id",)) -> Iterator[Document]:
        """Selected rows of a table, without secrets, nulls last."""
        table = METADATA.tables[name]
        rows = self._selected[name]
        columns = exported(table, rows.columns)
        query = sa.select(*columns).order_by(*(table.c[key].nulls_last() for key in order))
        if rows.condition is not None:
            query = query.where(rows.condition)
        total = self._source.reader.count(rows)
        self._progress(Progress("export", name, 0, total))
        found = self._source.connection.execution_options(yield_per=ROWS_AT_ONCE).execute(query)
        for number, row in enumerate(found.mappings(), 1):
            yield dict(row)
            if number % ROWS_AT_ONCE == 0 or number == total:
                self._progress(Progress("export", name, number, total))

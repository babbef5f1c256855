"""Which rows a copy has: all, those of one version, or those of some projects, with or without secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from fractal_models.archive.generations import GENERATIONS, Version
from fractal_models.archive.text_form import Rows
from fractal_models.database.conversion.legacy_table import LEGACY
from fractal_models.database.inspection.roles import secret_columns
from fractal_models.tables import METADATA

TABLES: Mapping[Version, tuple[str, ...]] = {
    "v1": (
        "applyworkflow",
        "dataset",
        "linkuserproject",
        "project",
        "resource",
        "state",
        "task",
        "workflow",
        "workflowtask",
    ),
    "v2": (
        "datasetv2",
        "jobv2",
        "linkuserprojectv2",
        "projectv2",
        "taskgroupactivityv2",
        "taskgroupv2",
        "taskv2",
        "workflowtaskv2",
        "workflowv2",
    ),
}
"""Tables of each version; the others are those of users."""

PROJECTS: Mapping[Version, str] = {generation.name: generation.project for generation in GENERATIONS}

PARTS = {
    "applyworkflow": "project_id",
    "dataset": "project_id",
    "datasetv2": "project_id",
    "jobv2": "project_id",
    "linkuserproject": "project_id",
    "linkuserprojectv2": "project_id",
    "resource": "dataset_id",
    "workflow": "project_id",
    "workflowtask": "workflow_id",
    "workflowtaskv2": "workflow_id",
    "workflowv2": "project_id",
}
"""Key of each table whose rows belong to a project, or to a part of one."""

REMOVED = "removed"
"""What stands in place of a secret that cannot be null."""

ADDRESSES = {"user_settings": {"ssh_host", "ssh_username"}}
"""Columns that `without_secrets` leaves out beside those that `repr` does."""

DROPPED = {"collectionstatev2"}
"""Tables of version 2 before 2.9 that the models lack."""

Condition = sa.ColumnElement[bool]


@dataclass(frozen=True)
class Selection:
    """Options of a copy."""

    only: Version | None = None
    projects: Mapping[Version, tuple[int, ...]] = field(default_factory=dict)
    without_secrets: bool = False

    @classmethod
    def of(cls, only: str | None, projects: Iterable[str | int], without_secrets: bool) -> Selection:
        """Read the options of `copy_database`.

        Raises:
            ValueError: A version or a project is not well-formed, or of another version than `only`.
        """
        if only not in {None, "v1", "v2"}:
            message = f"only should be v1 or v2, not {only}"
            raise ValueError(message)
        found: dict[Any, list[int]] = {}
        for project in map(str, projects):
            match = re.fullmatch(r"(?:(v[12]):)?(\d+)", project)
            version = match and (match[1] or only)
            if not match or not version or (only and version != only):
                message = f"project {project} should be written as {only or 'v1'}:ID" + ("" if only else " or v2:ID")
                raise ValueError(message)
            found.setdefault(version, []).append(int(match[2]))
        return cls(only, {version: tuple(sorted({*ids})) for version, ids in found.items()}, without_secrets)  # type: ignore[arg-type]

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> Selection:
        """Read what `as_json` has written."""
        return cls.of(facts["only"], facts["projects"], facts["without_secrets"])

    def as_json(self) -> dict[str, Any]:
        """Return the arguments of `of`."""
        projects = [f"{version}:{id_}" for version, ids in sorted(self.projects.items()) for id_ in ids]
        return {"only": self.only, "projects": projects, "without_secrets": self.without_secrets}

    @property
    def is_part(self) -> bool:
        """Whether some rows are left out."""
        return self.only is not None or bool(self.projects)

    def rows(self, tables: Iterable[sa.Table], present: Mapping[str, Set[str]]) -> list[Rows]:
        """Rows of each table of which there may be any, in the columns that the database has.

        Args:
            tables: Parents before children.
            present: Tables and columns that the database has.
        """
        conditions = self._conditions(present) if self.is_part else {}
        return [
            Rows(
                table,
                tuple(column.name for column in table.columns if column.name in present[table.name]),
                conditions.get(table.name),
                self._replaced(table),
            )
            for table in tables
            if table.name in (conditions if self.is_part else present)
        ]

    def _replaced(self, table: sa.Table) -> dict[str, str | None]:
        """Text in place of each column that is not read."""
        if not self.without_secrets or table.name not in METADATA.tables:
            return {}
        hidden = secret_columns().get(table.name, set()) | ADDRESSES.get(table.name, set())
        columns = METADATA.tables[table.name].columns
        return {name: None if columns[name].nullable else REMOVED for name in hidden & set(table.columns.keys())}

    def _conditions(self, present: Mapping[str, Set[str]]) -> dict[str, Condition]:
        """Condition of each table that has rows; children come first, since they need their parents."""
        found: dict[str, Condition] = {}
        for table in reversed([table for table in METADATA.sorted_tables if table.name in present]):
            conditions: list[Condition] = [
                table.c.id.in_(sa.select(key.parent).where(found[child.name], key.parent.is_not(None)))
                for child in METADATA.sorted_tables
                for key in child.foreign_keys
                if key.column.table is table and child.name in found and key.parent.name in present[child.name]
            ]
            if (chosen := self._chosen(table)) is not None:
                conditions.append(chosen)
            if conditions:
                found[table.name] = sa.or_(*conditions)
        if {"user_oauth", "usergroup"} <= found.keys() and "linkusergroup" in present:
            found["linkusergroup"] = self._memberships(found)
        if self.only == "v2" and not self.projects:
            found |= {name: sa.true() for name in DROPPED & present.keys()}
        if LEGACY.name in present:
            found[LEGACY.name] = sa.or_(*(_notes(name, condition) for name, condition in found.items()))
        return found

    def _memberships(self, found: Mapping[str, Condition]) -> Condition:
        """Memberships of users and groups that are both selected."""
        members = METADATA.tables["linkusergroup"]
        keys = ((members.c.user_id, "user_oauth"), (members.c.group_id, "usergroup"))
        return sa.and_(*(key.in_(sa.select(METADATA.tables[name].c.id).where(found[name])) for key, name in keys))

    def _chosen(self, table: sa.Table) -> Condition | None:
        """Rows that were asked for, apart from those that they need."""
        if not self.projects:
            return sa.true() if self.only and table.name in TABLES[self.only] else None
        for version, ids in self.projects.items():
            if table.name == PROJECTS[version]:
                return table.c.id.in_(ids)
        if table.name not in PARTS:
            return None
        (key,) = table.c[PARTS[table.name]].foreign_keys
        parent = key.column.table
        chosen = self._chosen(parent)
        return None if chosen is None else key.parent.in_(sa.select(parent.c.id).where(chosen))


def _notes(table: str, condition: Condition) -> Condition:
    """Rows of `fractal_legacy` about a table, or about such rows of it."""
    about = LEGACY.c.table_name == table
    if table not in METADATA.tables or "id" not in METADATA.tables[table].columns:
        return about
    ids = sa.select(METADATA.tables[table].c.id).where(condition)
    return sa.and_(about, sa.or_(LEGACY.c.row_id.is_(None), LEGACY.c.row_id.in_(ids)))

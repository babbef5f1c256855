"""Task groups of the tasks of version 2 that have none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import sqlalchemy as sa

from fractal_models.database.connection.errors import BlockedByDataError
from fractal_models.database.conversion import legacy_table
from fractal_models.database.conversion.old_database import OldDatabase
from fractal_models.database.conversion.users import ALL
from fractal_models.database.revisions.baseline import baseline_tables
from fractal_models.enums import TaskGroupV2OriginEnum
from fractal_models.provenance import UNKNOWN_LAST_USED
from fractal_models.utils import get_timestamp

ORIGINS = {"pip_remote": TaskGroupV2OriginEnum.PYPI.value, "pip_local": TaskGroupV2OriginEnum.WHEELFILE.value}
"""Origins of packages by the start of the source of their tasks."""

SHOWN_TASKS = 10
"""Number of tasks in a message."""


class Package(NamedTuple):
    """What the tasks of a group of a package have in common."""

    pkg_name: str
    version: str | None
    pip_extras: str | None
    python_version: str | None


class Task(NamedTuple):
    """A task of version 2 without a group."""

    id: int
    name: str
    source: str | None
    version: str | None
    owner: str | None
    command: str | None


@dataclass
class Group:
    """A group to be made."""

    package: Package
    origin: str
    user_id: int | None
    """None if the operator has to name the owner."""

    tasks: list[Task]


@dataclass
class Plan:
    """New groups of all tasks that have none."""

    groups: list[Group] = field(default_factory=list)

    def without_owner(self) -> list[Task]:
        """Tasks of new groups whose owner is not known."""
        return [task for group in self.groups if group.user_id is None for task in group.tasks]


def package_of(source: str | None) -> tuple[str, Package] | None:
    """Origin and package of a task, by its source; None if it is not of a package."""
    mode, *parts = (source or "").split(":")
    if mode not in ORIGINS or len(parts) != 5:
        return None
    name, version, extras, python, _ = parts
    return ORIGINS[mode], Package(re.sub(r"[-_.]+", "-", name).lower(), version, extras or None, python or None)


def paths(command: str | None) -> tuple[str | None, str | None]:
    """Folder of the virtual environment whose interpreter begins a command, and the folder above it."""
    *folders, _ = next(iter((command or "").split()), "").split("/")
    return "/".join(folders[:-1]) or None, "/".join(folders[:-2]) or None


def plan(old: OldDatabase, task_owner: str | None) -> Plan:
    """Find the groups of the tasks that have none.

    Args:
        old: The database, before anything is changed.
        task_owner: E-mail of the user who owns the groups of packages, and those whose owner is not known.

    Raises:
        BlockedByDataError: An owner is needed, and none is given, or no user has that e-mail.
    """
    groups = Plan()
    if "taskv2" not in old.columns:
        return groups
    tasks = list(_tasks(old))
    if not tasks:
        return groups
    owners = _users_by_name(old)
    packages: dict[Package, Group] = {}
    for task in tasks:
        found = package_of(task.source)
        if found is None:
            owner = owners.get(task.owner or "")
            groups.groups.append(
                Group(Package(task.source or task.name, task.version, None, None), "other", owner, [task])
            )
            continue
        origin, package = found
        if package not in packages:
            packages[package] = Group(package, origin, None, [])
            groups.groups.append(packages[package])
        packages[package].tasks.append(task)
    if asking := groups.without_owner():
        owner = _named_owner(old, task_owner, asking)
        for group in groups.groups:
            group.user_id = group.user_id or owner
    return groups


def _tasks(old: OldDatabase) -> Iterator[Task]:
    owner = "owner" if old.has("taskv2", "owner") else "NULL"
    where = "WHERE taskgroupv2_id IS NULL" if old.has("taskv2", "taskgroupv2_id") else ""
    query = (
        f"SELECT id, name, source, version, {owner}, coalesce(command_non_parallel, command_parallel) "
        f"FROM {old.name('taskv2')} {where} ORDER BY id"
    )
    return (Task(*row) for row in old.execute(query))


def _users_by_name(old: OldDatabase) -> dict[str, int]:
    """Users by name, those of a name that only one has; it is `username`, else `slurm_user`."""
    if old.has("user_oauth", "slurm_user"):
        query = "SELECT id, coalesce(username, slurm_user) FROM user_oauth"
    elif old.has("user_oauth", "user_settings_id"):
        query = (
            "SELECT u.id, coalesce(u.username, s.slurm_user) "
            "FROM user_oauth u LEFT JOIN user_settings s ON s.id = u.user_settings_id"
        )
    else:
        query = "SELECT id, username FROM user_oauth"
    found: dict[str, list[int]] = {}
    for user, name in old.execute(query):
        if name:
            found.setdefault(name, []).append(user)
    return {name: users[0] for name, users in found.items() if len(users) == 1}


def _named_owner(old: OldDatabase, email: str | None, tasks: Sequence[Task]) -> int:
    shown = ", ".join(f"{task.id} ({task.name})" for task in tasks[:SHOWN_TASKS])
    more = f", … ({len(tasks)} in all)" if len(tasks) > SHOWN_TASKS else ""
    if email is None:
        message = (
            f"the task groups of taskv2 {shown}{more} need an owner: give the e-mail of a user, --task-owner E-MAIL"
        )
        raise BlockedByDataError(message)
    users = old.connection.scalars(
        sa.text("SELECT id FROM user_oauth WHERE lower(email) = lower(:email) ORDER BY email <> :email"),
        {"email": email},
    ).all()
    if not users:
        raise BlockedByDataError(
            f"no user has the e-mail {email}, the owner of the task groups of taskv2 {shown}{more}"
        )
    return int(users[0])


def add(old: OldDatabase, groups: Plan) -> None:
    """Make the groups, and put the tasks into them; users and `All` are there."""
    table, now = baseline_tables()["taskgroupv2"], get_timestamp()
    everybody = old.execute("SELECT id FROM usergroup WHERE name = :name", name=ALL).scalar_one()
    for group in groups.groups:
        venv_path, path = paths(group.tasks[0].command) if group.origin != "other" else (None, None)
        values: dict[str, Any] = {
            **group.package._asdict(),
            "user_id": group.user_id,
            "user_group_id": everybody,
            "origin": group.origin,
            "path": path,
            "venv_path": venv_path,
            "pinned_package_versions": {},
            "active": True,
            "timestamp_created": now,
            "timestamp_last_used": UNKNOWN_LAST_USED,
        }
        key = old.connection.execute(table.insert().values(values)).inserted_primary_key
        assert key is not None
        legacy_table.write(old, [legacy_table.note("taskgroupv2", key[0], "id", "group made")])
        old.connection.execute(
            sa.text(f"UPDATE {old.name('taskv2')} SET taskgroupv2_id = :group_id WHERE id = :id"),
            [{"group_id": key[0], "id": task.id} for task in group.tasks],
        )

"""What the upgrades of later releases of fractal-server do to the rows of a database at 2.9, or at head."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fractal_models.database.inspection import later_queries as find
from fractal_models.database.inspection.later_queries import Query


class Effect(StrEnum):
    """What an upgrade does at, or with, some rows."""

    STOPS = "stops"
    MAY_STOP = "may stop"
    """It depends on the configuration of the server, or on a script that may have been skipped."""
    LOSES = "loses"
    RENAMES = "renames"


@dataclass(frozen=True)
class Change:
    """Change by a release, and the rows that it concerns."""

    release: str
    effect: Effect
    table: str
    reason: str
    """Why these rows are concerned, as the end of a sentence."""
    remedy: str
    """What to do before, as a sentence without a period; empty if nothing is needed."""
    query: Query


KEEP = "Keep the values elsewhere, if they are needed"
SSH = ("ssh_username", "ssh_private_key_path", "ssh_tasks_dir", "ssh_jobs_dir")


def _drops(release: str, table: str, *columns: str, query: Query | None = None, reason: str = "") -> Change:
    names = " or ".join(columns).replace('"', "")
    return Change(
        release,
        Effect.LOSES,
        table,
        reason or f"has a value in {names}, which is dropped",
        KEEP,
        query or find.with_value(table, *columns),
    )


CHANGES: tuple[Change, ...] = (
    _drops("2.9.2", "user_settings", "cache_dir"),
    *(
        Change(
            "2.11.0",
            Effect.STOPS,
            table,
            f"has an attribute in {column} whose value is a list, an object or null, at which its data script fails",
            "Set the attribute to a text, a number or a boolean, or remove it",
            find.with_structured_members(table, column, key),
        )
        for table, column, key in (
            ("datasetv2", "filters", "attributes"),
            ("jobv2", "dataset_dump", "filters.attributes"),
        )
    ),
    Change(
        "2.11.0",
        Effect.STOPS,
        "datasetv2",
        "has an entry of its history without workflowtask.input_filters.types, at which its data script fails",
        'Add `"input_filters": {"attributes": {}, "types": {}}` to the workflowtask of the entry',
        find.with_entry_lacking("datasetv2", "history", "workflowtask.input_filters.types"),
    ),
    Change(
        "2.11.0",
        Effect.STOPS,
        "jobv2",
        "has a dataset_dump that still holds history or images, at which its data script fails",
        "Remove these keys from it, as the data script of 2.0.3 does",
        find.with_members("jobv2", "dataset_dump", "$", condition="m.key IN ('history', 'images')"),
    ),
    _drops(
        "2.11.0",
        "workflowtaskv2",
        query=find.with_members("workflowtaskv2", "input_filters", "attributes"),
        reason="filters by attributes in input_filters, for which steps have no column any more",
    ),
    *(
        _drops(
            "2.11.1",
            table,
            query=find.with_members(table, column, "attributes", "types"),
            reason=f"has filters in {column}, which is dropped: they are lost if the data script of 2.11.0 was skipped",
        )
        for table, column in (("datasetv2", "filters"), ("workflowtaskv2", "input_filters"))
    ),
    *(
        Change(
            "2.12.0",
            Effect.LOSES,
            table,
            "is dropped with everything of version 1, without a way back",
            "Keep a copy of the database, which `read_session` reads",
            f"SELECT {keys} FROM {table} ORDER BY {keys}",
        )
        for table, keys in (
            ("applyworkflow", "id"),
            ("dataset", "id"),
            ("linkuserproject", "project_id, user_id"),
            ("project", "id"),
            ("resource", "id"),
            ("state", "id"),
            ("task", "id"),
            ("workflow", "id"),
            ("workflowtask", "id"),
        )
    ),
    _drops(
        "2.14.0",
        "datasetv2",
        query=find.with_members("datasetv2", "filters", "attributes", "types"),
        reason="has filters, which are attribute_filters and type_filters by then, and dropped",
    ),
    *(
        Change(release, Effect.RENAMES, "taskgroupv2", f"keeps the value of {old} in {new}", "", query)
        for release, old, new, query in (
            ("2.15.0", "wheel_path", "archive_path", find.with_value("taskgroupv2", "wheel_path")),
            ("2.15.0", "pip_freeze", "env_info", find.with_value("taskgroupv2", "pip_freeze")),
            (
                "2.16.0",
                "pinned_package_versions",
                "a column of another name",
                find.with_members("taskgroupv2", "pinned_package_versions", "$"),
            ),
        )
    ),
    Change(
        "2.17.0",
        Effect.STOPS,
        "user_oauth",
        "is active and verified, and has no settings with an absolute project_dir",
        "Give the user such settings, or deactivate the user",
        find.of_users("s.project_dir IS NULL OR s.project_dir NOT LIKE '/%'"),
    ),
    Change(
        "2.17.0",
        Effect.STOPS,
        "user_oauth",
        "is active and verified, and has empty or repeated slurm_accounts",
        "Correct the list in the settings of the user, or deactivate the user",
        find.of_users_with_bad_entries("slurm_accounts"),
    ),
    Change(
        "2.17.0",
        Effect.MAY_STOP,
        "user_oauth",
        "is active and verified, and has no slurm_user, which a SLURM site with sudo needs",
        "On such a site, set it in the settings of the user, or deactivate the user",
        find.of_users("coalesce(s.slurm_user, '') = ''"),
    ),
    Change(
        "2.17.0",
        Effect.MAY_STOP,
        "user_oauth",
        f"is active and verified, and lacks one of {', '.join(SSH)}, which a site with SSH needs",
        "On such a site, set them in the settings of the user, or deactivate the user",
        find.of_users(" OR ".join(f"coalesce(s.{column}, '') = ''" for column in SSH)),
    ),
    Change(
        "2.17.0",
        Effect.MAY_STOP,
        "user_oauth",
        "is active and verified, and shares ssh_username with a user of other SSH settings, which a site with SSH "
        "cannot have",
        "On such a site, make the settings of these users alike",
        find.of_users(
            "EXISTS (SELECT 1 FROM user_oauth u JOIN user_settings o ON o.id = u.user_settings_id "
            "WHERE u.is_active AND u.is_verified AND o.ssh_username = s.ssh_username AND ("
            + " OR ".join(f"coalesce(o.{column}, '') <> coalesce(s.{column}, '')" for column in SSH[1:])
            + "))"
        ),
    ),
    _drops("2.17.0", "user_oauth", "username"),
    _drops(
        "2.17.1",
        "user_settings",
        query=find.rows_where("user_settings", "true"),
        reason="is dropped, apart from what the data script of 2.17.0 has moved",
    ),
    Change(
        "2.18.0",
        Effect.STOPS,
        "projectv2",
        "has several users, each of whom becomes its owner, and a project has one",
        "Delete all but one of its rows of linkuserprojectv2",
        "SELECT project_id FROM linkuserprojectv2 GROUP BY project_id HAVING count(*) > 1 ORDER BY project_id",
    ),
    Change(
        "2.18.0",
        Effect.STOPS,
        "jobv2",
        "is one of several submitted jobs of a dataset, which may have one",
        "Set `status` to 'failed' for jobs that do not run any more",
        find.sharing("jobv2", "dataset_id", where="t.status = 'submitted'"),
    ),
    _drops("2.18.0", "usergroup", "viewer_paths", query=find.with_entries("usergroup", "viewer_paths")),
    _drops("2.18.2", "taskgroupv2", '"venv_size_in_kB"', "venv_file_number"),
    _drops("2.19.0", "datasetv2", "history", query=find.with_entries("datasetv2", "history")),
    _drops("2.19.0", "taskv2", "source"),
    Change(
        "2.20.0",
        Effect.MAY_STOP,
        "taskgroupv2",
        "shares its path with another one, which may not be where the site has one resource",
        "Set `path` to NULL for all but one, or delete them",
        find.sharing("taskgroupv2", "path"),
    ),
    Change(
        "2.20.0",
        Effect.STOPS,
        "taskgroupv2",
        "has several activities of action collect, and may have one",
        "Delete all but one of them from taskgroupactivityv2",
        "SELECT taskgroupv2_id FROM taskgroupactivityv2 WHERE action = 'collect' AND taskgroupv2_id IS NOT NULL "
        "GROUP BY taskgroupv2_id HAVING count(*) > 1 ORDER BY taskgroupv2_id",
    ),
    *(
        Change(
            "2.23.1",
            Effect.MAY_STOP,
            table,
            "has no version, which stops it unless the data script of 2.23.0 has set '0'",
            "Run that script, or set a version",
            find.rows_where(table, "t.version IS NULL"),
        )
        for table in ("taskv2", "taskgroupv2")
    ),
    Change(
        "2.23.3",
        Effect.STOPS,
        "taskv2",
        "shares its name with another task of its group",
        "Rename all but one",
        find.sharing("taskv2", "name", "taskgroupv2_id"),
    ),
)
"""Changes that concern rows, in the order of releases."""

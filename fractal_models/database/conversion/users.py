"""Settings of users, and the group `All` with all users in it."""

from __future__ import annotations

import sqlalchemy as sa

from fractal_models.database.conversion import legacy_table
from fractal_models.database.conversion.old_database import OldDatabase
from fractal_models.database.revisions.baseline import baseline_tables
from fractal_models.provenance import UNKNOWN_TIMESTAMP
from fractal_models.utils import get_timestamp

ALL = "All"
"""Name of the group that every user is in."""

MOVED = ("slurm_user", "slurm_accounts", "cache_dir")
"""Columns of users that are now columns of their settings."""


def add_settings(old: OldDatabase) -> None:
    """Give each user without settings some, with the values of the user's own columns of before."""
    users, words = old.name("user_oauth"), old.words
    moved = [column for column in MOVED if old.has("user_oauth", column)]
    for column in moved:
        # Where there are settings already, they count.
        other = f"{words.text(f'o.{column}')} <> coalesce({words.text(f's.{column}')}, '')"
        legacy_table.keep(
            old,
            "user_oauth",
            column,
            f"o.{column} IS NOT NULL AND {other}",
            "JOIN user_settings s ON s.id = o.user_settings_id",
        )
    selected = ", ".join(["id", *(words.text(column) for column in moved)])
    rows = old.execute(f"SELECT {selected} FROM {users} WHERE user_settings_id IS NULL ORDER BY id").all()
    for user, *values in rows:
        given = {column: value for column, value in zip(moved, values, strict=True) if value is not None}
        if given.get("slurm_accounts", "null").strip() == "null":
            given["slurm_accounts"] = "[]"
        columns = ", ".join(given)
        parameters = ", ".join(
            words.from_text(f":{column}") if column == "slurm_accounts" else f":{column}" for column in given
        )
        settings = old.execute(
            f"INSERT INTO user_settings ({columns}) VALUES ({parameters}) RETURNING id", **given
        ).scalar_one()
        old.execute(f"UPDATE {users} SET user_settings_id = :settings WHERE id = :user", settings=settings, user=user)
    legacy_table.write(
        old, [legacy_table.note("user_oauth", user, "user_settings_id", "settings made") for user, *_ in rows]
    )


def add_memberships(old: OldDatabase) -> None:
    """Put every user into the group `All`, which is made if there is none."""
    groups, links = baseline_tables()["usergroup"], baseline_tables()["linkusergroup"]
    group = old.execute("SELECT id FROM usergroup WHERE name = :name", name=ALL).scalar()
    if group is None:
        values = {"name": ALL, "timestamp_created": get_timestamp(), "viewer_paths": []}
        key = old.connection.execute(groups.insert().values(values)).inserted_primary_key
        assert key is not None
        group = key[0]
        legacy_table.write(old, [legacy_table.note("usergroup", group, "id", "group made")])
    missing = "SELECT id FROM user_oauth WHERE id NOT IN (SELECT user_id FROM linkusergroup WHERE group_id = :group)"
    users = old.connection.scalars(sa.text(f"{missing} ORDER BY id"), {"group": group}).all()
    if users:
        since_2_7 = old.has("linkusergroup", "timestamp_created")
        date = get_timestamp() if since_2_7 else UNKNOWN_TIMESTAMP
        rows = [{"group_id": group, "user_id": user, "timestamp_created": date} for user in users]
        old.connection.execute(links.insert(), rows)
        legacy_table.write(
            old, [legacy_table.note("linkusergroup", user, "user_id", f"membership of {ALL} made") for user in users]
        )

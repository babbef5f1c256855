"""Options of all commands."""

from __future__ import annotations

import argparse
from contextlib import suppress
from typing import Any

from fractal_models.cli.forecast import server_release
from fractal_models.cli.help import describe
from fractal_models.database.connection.timeouts import MAX_TIMEOUT, MIGRATION_TIMEOUT
from fractal_models.database.connection.urls import DEFAULT_URL


def _seconds(text: str) -> float:
    with suppress(ValueError):
        if 0 <= (number := float(text)) <= MAX_TIMEOUT:
            return number
    raise argparse.ArgumentTypeError(f"should be a number of seconds from 0 to {MAX_TIMEOUT:.0f}")


def _positive(text: str) -> int:
    with suppress(ValueError):
        if (number := int(text)) >= 1:
            return number
    raise argparse.ArgumentTypeError("should be an integer of at least 1")


def add_options(parser: argparse.ArgumentParser, commands: Any) -> None:
    """Add the options of this package to those of Alembic, and all help texts.

    Args:
        parser: Of all commands.
        commands: The parsers of single commands, as `add_subparsers` returns them.
    """
    _add_common(parser, default=None)
    parsers = commands.choices
    for each in parsers.values():
        _add_common(each, default=argparse.SUPPRESS)
    for name in ("status", "doctor"):
        parsers[name].add_argument("--json", action="store_true", dest="as_json", help="print JSON, for programs")
    parsers["doctor"].add_argument(
        "--for-server",
        type=server_release,
        metavar="RELEASE",
        help="instead, print the rows that upgrades of fractal-server stop at or lose, from 2.9 to a later release",
    )
    parsers["wait"].add_argument(
        "--timeout", type=_seconds, default=60.0, metavar="SECONDS", help="time to wait (default: 60)"
    )
    parsers["roles"].add_argument("--prefix", default="fractal", help="prefix of the roles (default: fractal)")
    parsers["roles"].add_argument("--schema", default="public", help="schema of the tables (default: public)")
    parsers["roles"].add_argument(
        "--revoke", metavar="ROLE", help="end the rights of a role that owns, or owned, the tables"
    )
    parsers["seed"].add_argument(
        "--size", type=_positive, default=10, metavar="USERS", help="number of users (default: 10)"
    )
    parsers["stamp"].add_argument(
        "--yes", action="store_true", help="record the revision even if its schema is not there, as --purge does"
    )
    for name in ("upgrade", "downgrade"):
        parsers[name].add_argument("--yes", action="store_true", help="do not ask for confirmation, for scripts")
        parsers[name].add_argument(
            "--wait",
            type=_seconds,
            default=MIGRATION_TIMEOUT,
            metavar="SECONDS",
            help=f"timeout for locks of other sessions (default: {MIGRATION_TIMEOUT:g})",
        )
    parsers["downgrade"].add_argument(
        "--drop-tables", action="store_true", help="beside --yes: let `base` drop all tables with their rows"
    )

    upgrade = parsers["upgrade"]
    upgrade.add_argument(
        "--convert",
        action="store_true",
        help="convert a database of fractal-server before 2.9; there is no way back but a backup",
    )
    upgrade.add_argument(
        "--task-owner",
        metavar="E-MAIL",
        help="user who owns task groups that a conversion makes, where none is known",
    )
    describe(parser, commands)


def _add_common(parser: argparse.ArgumentParser, default: str | None) -> None:
    """Add the options that come before a command or after it."""
    source = (
        "the database: postgresql://USER:PASSWORD@HOST/NAME or sqlite:///FILE "
        f"(default: FRACTAL_DATABASE_URL, else {DEFAULT_URL} in the current folder)"
    )
    parser.add_argument("--url", default=default, help=source)
    parser.add_argument("--debug", default=default, action="store_true", help="show the traceback of an error")

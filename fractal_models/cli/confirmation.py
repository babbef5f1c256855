"""Questions before a migration."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script.revision import RevisionError
from alembic.util import CommandError
from sqlalchemy import Connection, text

from fractal_models.cli.verbs import url_of
from fractal_models.database.connection.engine import connect, maintenance_engine
from fractal_models.database.connection.errors import DatabaseState, DeclinedError
from fractal_models.database.connection.redaction import masked
from fractal_models.database.connection.timeouts import CONNECT_TIMEOUT
from fractal_models.database.inspection.dropped import CONSENT, describe_dropped, dropped_rows, refuse_dropped
from fractal_models.database.inspection.state import inspect_database
from fractal_models.database.revisions.history import pending, scripts
from fractal_models.database.revisions.rules import irreversible


def confirm(config: Config, options: argparse.Namespace) -> None:
    """Ask before a downgrade, and before an upgrade that cannot be undone.

    Raises:
        DeclinedError: The answer is not the one asked for, or nothing can answer.
    """
    config.attributes["convert"] = getattr(options, "convert", False) or _wants_conversion(config, options)
    config.attributes["task_owner"] = getattr(options, "task_owner", None)
    if options.cmd[0] is command.downgrade:
        config.attributes[CONSENT] = options.yes and options.drop_tables
        if not config.attributes[CONSENT]:
            _confirm_downgrade(config, options)
    elif not (options.yes or config.attributes["convert"]) and (losses := _losses(config, options.wait)):
        _confirm(f"This cannot be fully undone: {' '.join(losses)} Make sure that there is a backup. Continue?")


def _confirm_downgrade(config: Config, options: argparse.Namespace) -> None:
    name, rows = _dropped(config, options)
    if not rows:
        if not options.yes:
            _confirm(f"Downgrade {masked(url_of(config))} to {options.revision}?")
        return
    if not _is_terminal():
        refuse_dropped(rows)
    loss, tables = describe_dropped(rows)
    print(f"{masked(url_of(config))}: {loss}:", *tables, sep="\n  ")
    if _answer(f"Type the name of the database, {name}, to drop them: ") != name:
        raise DeclinedError("nothing was changed")
    config.attributes[CONSENT] = True


def _dropped(config: Config, options: argparse.Namespace) -> tuple[str, dict[str, int]]:
    """Name of the database, and numbers of rows of the tables that a downgrade drops."""
    engine = maintenance_engine(url_of(config), min(CONNECT_TIMEOUT, options.wait))
    found = inspect_database(engine, check_drift=False)
    try:
        downgrades = list(scripts().iterate_revisions(found.revisions, options.revision, select_for_downgrade=True))
    except (CommandError, RevisionError):
        return "", {}  # The command itself says what is wrong.
    if not found.revisions:
        return "", {}
    with connect(url_of(config)) as connection:
        return _name(connection), dropped_rows(connection, downgrades)


def _name(connection: Connection) -> str:
    """Name of a database; on SQLite that of its file."""
    if connection.dialect.name == "sqlite":
        return Path(connection.engine.url.database or "").name
    return str(connection.scalar(text("SELECT current_database()")))


def _confirm(question: str) -> None:
    """Ask a question.

    Raises:
        DeclinedError: The answer is not yes, or nothing can answer.
    """
    if not _is_terminal():
        raise DeclinedError(f"{question} Not a terminal; pass --yes")
    if _answer(f"{question} [y/N] ").lower() not in {"y", "yes"}:
        raise DeclinedError("nothing was changed")


def _is_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _answer(prompt: str) -> str:
    try:
        return input(prompt).strip()
    except EOFError:
        return ""


def _wants_conversion(config: Config, options: argparse.Namespace) -> bool:
    """Ask for the name of an older database on a terminal; elsewhere the upgrade refuses it.

    Raises:
        DeclinedError: The answer is another one.
    """
    if options.yes or options.cmd[0] is not command.upgrade or not _is_terminal():
        return False
    url = url_of(config)
    found = inspect_database(maintenance_engine(url, min(CONNECT_TIMEOUT, options.wait)), check_drift=False)
    if found.state is not DatabaseState.SERVER_OLDER:
        return False
    with connect(url) as connection:
        name = _name(connection)
    print(
        f"{masked(url)}: {found.message}. It is converted, and then upgraded. There is no way back but a backup, its "
        "server cannot run on the result, and all tables are locked throughout."
    )
    if _answer(f"Type the name of the database, {name}, to go on: ") != name:
        raise DeclinedError("nothing was changed")
    return True


def _losses(config: Config, timeout: float) -> list[str]:
    """Losses of the pending revisions, which their downgrades cannot restore."""
    losses = {script.revision: loss for script in pending(None) if (loss := irreversible(script))}
    if not losses:
        return []
    engine = maintenance_engine(url_of(config), min(CONNECT_TIMEOUT, timeout))
    found = inspect_database(engine, check_drift=False)
    if found.state is DatabaseState.EMPTY:
        return []
    return [losses[revision] for revision, _ in found.pending if revision in losses]

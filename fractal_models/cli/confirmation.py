"""Questions before a migration."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config

from fractal_models.cli.verbs import url_of
from fractal_models.database.connection.engine import maintenance_engine
from fractal_models.database.connection.errors import DatabaseState, DeclinedError
from fractal_models.database.connection.redaction import masked
from fractal_models.database.connection.timeouts import CONNECT_TIMEOUT
from fractal_models.database.inspection.state import inspect_database
from fractal_models.database.revisions.history import pending
from fractal_models.database.revisions.rules import irreversible


def confirm(config: Config, options: argparse.Namespace) -> None:
    """Ask before a downgrade, and before an upgrade that cannot be undone.

    Raises:
        DeclinedError: The answer is not yes, or nothing can answer.
    """
    config.attributes["convert"] = getattr(options, "convert", False) or _wants_conversion(config, options)
    config.attributes["task_owner"] = getattr(options, "task_owner", None)
    if options.yes or config.attributes["convert"]:
        return
    if options.cmd[0] is command.downgrade:
        question = f"Downgrade {masked(url_of(config))} to {options.revision}?"
    elif losses := _losses(config, options.wait):
        question = f"This cannot be fully undone: {' '.join(losses)} Make sure that there is a backup. Continue?"
    else:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise DeclinedError(f"{question} Not a terminal; pass --yes")
    try:
        answer = input(f"{question} [y/N] ")
    except EOFError:
        answer = ""
    if answer.strip().lower() not in {"y", "yes"}:
        raise DeclinedError("nothing was changed")


def _wants_conversion(config: Config, options: argparse.Namespace) -> bool:
    """Ask for the name of an older database, where somebody can answer; otherwise the upgrade refuses it.

    Raises:
        DeclinedError: The answer is another one.
    """
    if options.yes or options.cmd[0] is not command.upgrade or sys.stdin is None or not sys.stdin.isatty():
        return False
    url = url_of(config)
    found = inspect_database(maintenance_engine(url, min(CONNECT_TIMEOUT, options.wait)), check_drift=False)
    if found.state is not DatabaseState.SERVER_OLDER:
        return False
    name = Path(url.database or "").name
    print(
        f"{masked(url)}: {found.message}. It is converted, and then upgraded. There is no way back but a backup, its "
        "server cannot run on the result, and all tables are locked throughout."
    )
    try:
        answer = input(f"Type the name of the database, {name}, to go on: ")
    except EOFError:
        answer = ""
    if answer.strip() != name:
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

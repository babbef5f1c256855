"""`doctor --for-server`: what the upgrades of a later fractal-server do to the rows."""

from __future__ import annotations

import argparse

from rich.markup import escape
from sqlalchemy import URL

from fractal_models.cli.output import console, print_json
from fractal_models.database.inspection.for_server import Forecast, examine_for_server, known_release
from fractal_models.database.inspection.later_releases import Effect

STYLES = {Effect.STOPS: "bold red", Effect.MAY_STOP: "bold yellow"}


def server_release(name: str) -> str:
    """Release of fractal-server, as the type of an option."""
    try:
        return known_release(name)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def forecast(url: URL, release: str, as_json: bool) -> None:
    """Print the rows that upgrades of the server stop at or lose, up to a release."""
    found = examine_for_server(url, release)
    (_print_json if as_json else _print)(found)
    found.raise_for_findings()


def _print_json(found: Forecast) -> None:
    print_json(
        {
            "state": found.status.state.value,
            "message": found.status.message,
            "for_server": found.release,
            "notices": list(found.notices),
            "changes": [
                {
                    "release": concerned.change.release,
                    "effect": concerned.change.effect.value,
                    "table": concerned.change.table,
                    "number": concerned.number,
                    "rows": list(concerned.keys),
                    "reason": concerned.change.reason,
                    "remedy": concerned.change.remedy,
                }
                for concerned in found.concerned
            ],
        }
    )


def _print(found: Forecast) -> None:
    out = console()
    for notice in found.notices:
        out.print(f"[bold]note[/]: {escape(notice)}")
    for concerned in found.concerned:
        effect = concerned.change.effect
        label = f"{concerned.change.release} {effect.value}"
        out.print(f"[{STYLES.get(effect, 'bold')}]{label}[/]: {escape(str(concerned))}")

"""Commands for copies, exports and backups: copy, verify, export, and `upgrade --backup`."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from alembic.config import Config
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.text import Text

from fractal_models.archive import Manifest, Progress, back_up, copy_database, export_database, verify_archive
from fractal_models.archive.generations import Version
from fractal_models.archive.reading import database_url
from fractal_models.archive.selection import Selection
from fractal_models.cli.output import console
from fractal_models.cli.verbs import url_of
from fractal_models.database.connection.errors import DatabaseState
from fractal_models.database.connection.redaction import masked
from fractal_models.database.inspection.state import inspect_database

DONE = {"copy": "copied", "convert": "converted", "verify": "verified", "export": "exported"}

SECONDS_BETWEEN_LINES = 1.0
"""Pause between two lines of `--json` about one table."""


def copy(
    config: Config,
    source: str | None = None,
    target: str = "",
    only: Version | None = None,
    project: Sequence[str] = (),
    without_secrets: bool = False,
    task_owner: str | None = None,
    as_json: bool = False,
) -> None:
    """Copy a database into a new file or an empty database, and verify the copy."""
    _require_selection(config, only, project)
    origin = url_of(config) if source is None else database_url(source)
    with _reporter(as_json) as report:
        manifest = copy_database(
            origin,
            target,
            only=only,
            projects=project,
            without_secrets=without_secrets,
            task_owner=task_owner,
            progress=report,
        )
    if as_json:
        _print_line({"manifest": manifest.as_json()})
        return
    _print(f"[bold green]{masked(database_url(target))}[/] is equal to what was read from {escape(masked(origin))}")
    _print_facts(manifest)


def verify(config: Config, target: str = "", source: str | None = None, as_json: bool = False) -> None:
    """Compare the rows of a copy with its manifest, and with its source."""
    with _reporter(as_json) as report:
        found = verify_archive(target, source, progress=report)
    if as_json:
        _print_line({"differences": list(found.differences), "manifest": found.manifest.as_json()})
    found.raise_for_differences()
    if not as_json:
        beside = "" if source is None else f" and {escape(masked(database_url(source)))}"
        _print(f"[bold green]{escape(masked(database_url(target)))}[/] is equal to its manifest{beside}")
        _print_facts(found.manifest)


def export(
    config: Config, folder: str = "", only: Version | None = None, project: Sequence[str] = (), as_json: bool = False
) -> None:
    """Write the database as folders of JSON files."""
    _require_selection(config, only, project)
    url = url_of(config)
    with _reporter(as_json) as report:
        index = export_database(url, folder, only=only, projects=project, progress=report)
    if as_json:
        _print_line({"index": index})
        return
    numbers = f"{len(index['projects']):,} projects of {len(index['users']):,} users"
    _print(f"[bold green]{escape(folder)}[/] has {numbers} from {escape(masked(url))}")


def back_up_first(config: Config, path: str, lock_timeout: float) -> None:
    """Make a backup before an upgrade, where there is something to upgrade, and print how to restore it."""
    url = url_of(config)
    state = inspect_database(url, check_drift=False).state
    if state in {DatabaseState.AT_HEAD, DatabaseState.EMPTY, DatabaseState.FILE_NOT_FOUND}:
        reason = "there is no database yet" if state is DatabaseState.FILE_NOT_FOUND else f"it is {state.condition}"
        _print(f"no backup of the database, since {reason}")
        return
    command = back_up(url, path, lock_timeout=lock_timeout)
    first = "stop what uses the database, and run" if url.get_backend_name() == "sqlite" else "run"
    _print(f"backup {escape(path)}; to restore it, {first}:")
    # In one line, so that it can be copied.
    console().print(f"  {escape(command)}", soft_wrap=True)


def _require_selection(config: Config, only: str | None, projects: Sequence[str], secrets: bool = True) -> None:
    """End with a usage error if the options are not well-formed."""
    try:
        Selection.of(only, projects, not secrets)
    except ValueError as error:
        config.cmd_opts.usage_error(str(error))  # type: ignore[union-attr]


def add_options(parsers: Mapping[str, argparse.ArgumentParser]) -> None:
    """Add arguments and options."""
    parser = parsers["copy"]
    parser.add_argument(
        "source", nargs="?", help="URL or file of the database (default: that of --url or FRACTAL_DATABASE_URL)"
    )
    parser.add_argument("target", help="a file that does not exist, or the URL of an empty database")
    parser.add_argument(
        "--without-secrets",
        action="store_true",
        help="replace password hashes, tokens, paths of keys and SSH addresses",
    )
    parser.add_argument(
        "--task-owner",
        metavar="E-MAIL",
        help="user who gets the task groups whose owner is not known, for a database before 2.9",
    )
    parsers["export"].add_argument("folder", help="a folder that does not exist, or an empty one")
    for name in ("copy", "export"):
        parsers[name].add_argument(
            "--only", choices=("v1", "v2"), help="take the tables of one version, with the users that these refer to"
        )
        parsers[name].add_argument(
            "--project",
            action="append",
            default=[],
            metavar="ID",
            help="take one project with all that belongs to it; can be repeated. v1:3 is project 3 of version 1; "
            "with --only, 3 is enough",
        )
        parsers[name].set_defaults(usage_error=parsers[name].error)
    parsers["upgrade"].add_argument(
        "--backup", metavar="PATH", help="first make a backup, by VACUUM INTO or pg_dump; without it, do not begin"
    )
    parsers["verify"].add_argument("target", help="file or URL of the copy")
    parsers["verify"].add_argument("source", nargs="?", help="URL or file of the database that it was made from")
    for name in ("copy", "verify", "export"):
        parsers[name].add_argument(
            "--json", action="store_true", dest="as_json", help="print a line of JSON for each step, for programs"
        )


def _print(line: str) -> None:
    console().print(line)


def _print_facts(manifest: Manifest) -> None:
    """Print what a copy says of itself."""
    source = manifest.source
    of_release = f" ({source['release']})" if source["release"] else ""
    lines = [
        ("rows", f"{manifest.rows:,}"),
        ("sha256", manifest.sha256),
        ("source", f"{source['engine']}, at {source['revision']}{of_release}, read at {source['time']}"),
    ]
    chosen = manifest.selection
    if chosen.is_part:
        lines.append(("part", " ".join(filter(None, [chosen.only, *chosen.as_json()["projects"]]))))
    if chosen.without_secrets:
        lines.append(("secrets", "replaced"))
    if manifest.left_out:
        lines.append(("left out", ", ".join(manifest.left_out)))
    for name, value in lines:
        _print(f"[bold]{name:<9}[/] {escape(value)}")


def _print_line(facts: dict[str, object]) -> None:
    print(json.dumps(facts, ensure_ascii=False), flush=True)


@contextmanager
def _reporter(as_json: bool) -> Iterator[Callable[[Progress], None]]:
    """Give a function that shows progress: bars on a terminal, else lines."""
    out = console()
    if as_json:
        yield _JSONLines()
    elif out.is_terminal:
        with _bars(out) as report:
            yield report
    else:
        yield _print_when_done


def _print_when_done(progress: Progress) -> None:
    if progress.rows and progress.rows == progress.total:
        print(f"{DONE[progress.step]} {progress.table}: {progress.rows:,} rows", flush=True)


class _JSONLines:
    """Prints the beginning and the end of each table, and a line per second in between."""

    def __init__(self) -> None:
        self._printed = 0.0

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.rows in {0, progress.total} or now - self._printed > SECONDS_BETWEEN_LINES:
            self._printed = now
            _print_line(
                {"step": progress.step, "table": progress.table, "rows": progress.rows, "total": progress.total}
            )


class _Rate(ProgressColumn):
    """Rows per second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f} rows/s", justify="right")


@contextmanager
def _bars(out: Console) -> Iterator[Callable[[Progress], None]]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f}", justify="right"),
        _Rate(),
        TimeRemainingColumn(),
    )
    shown: dict[tuple[str, str], TaskID] = {}
    with Bars(*columns, console=out) as bars:

        def report(progress: Progress) -> None:
            key = progress.step, progress.table
            if key not in shown and progress.total:
                shown[key] = bars.add_task(f"{progress.step} {progress.table}", total=progress.total)
            if key in shown:
                bars.update(shown[key], completed=progress.rows)

        yield report

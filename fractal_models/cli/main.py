"""The `fractal-models` command: Alembic's command line on the migrations of this package, with commands of its own.

Each command ends with one of the exit codes in `EXIT_CODES`. Errors are one line on stderr.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from importlib.metadata import version
from typing import TextIO, cast

from alembic import command
from alembic.config import CommandFunction, CommandLine, Config
from rich.markup import escape
from sqlalchemy import URL

from fractal_models.cli import archive
from fractal_models.cli.confirmation import confirm
from fractal_models.cli.output import MaskedOutput, console, describe_error
from fractal_models.cli.verbs import doctor, roles, seed, status, url_of, wait
from fractal_models.database.connection.timeouts import MAX_TIMEOUT, MIGRATION_TIMEOUT
from fractal_models.database.connection.urls import DEFAULT_URL, missing_file, sync_url
from fractal_models.database.migration.conversion import refuse_way_back
from fractal_models.database.revisions.history import BASELINE, alembic_config

EXIT_CODES = """\
exit codes:
  0  success
  1  other error
  2  usage error
  3  the database is empty, behind head, or older than 2.9: `fractal-models upgrade head`
  4  rows block a revision, break a documented rule, or prevent a demo site or a copy
  5  the database is newer than these models, or of another application
  6  the schema differs from its revision
  7  the database is unreachable, or the connection is read-only
  8  another session held a lock for longer than the timeout
  9  not confirmed
  10  objects of another application depend on what a downgrade or a conversion drops
  11  a copy differs from its manifest or its source
  130  interrupted
"""

OMITTED = {"edit", "init", "list_templates", "merge", "revision"}
"""Commands of Alembic for authors of revisions, who have a checkout."""

EXAMPLES = {
    "branches": "fractal-models branches",
    "check": "fractal-models check",
    "current": "fractal-models current --verbose",
    "doctor": "fractal-models doctor --json",
    "downgrade": f"fractal-models downgrade {BASELINE}",
    "ensure_version": "fractal-models ensure_version",
    "heads": "fractal-models heads",
    "history": "fractal-models history --indicate-current",
    "roles": "fractal-models roles --prefix fractal | psql NAME",
    "seed": "fractal-models seed --size 20",
    "show": f"fractal-models show {BASELINE}",
    "stamp": f"fractal-models stamp {BASELINE}",
    "status": "fractal-models status --json",
    "upgrade": "FRACTAL_DATABASE_URL=postgresql://USER:PASSWORD@HOST/NAME fractal-models upgrade head --yes",
    "wait": "fractal-models wait --timeout 60 && fractal-models upgrade head --yes",
    **archive.EXAMPLES,
}

MIGRATING = {command.upgrade, command.downgrade}

NEEDING_A_DATABASE = {command.check, command.current, command.downgrade, command.stamp}
"""Commands of Alembic that would create an empty SQLite file."""


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 <= number <= MAX_TIMEOUT:
        raise argparse.ArgumentTypeError(f"should be between 0 and {MAX_TIMEOUT:.0f} seconds")
    return number


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("should be at least 1")
    return number


class FractalCommandLine(CommandLine):
    """Alembic's command line with our migrations, commands, exit codes and errors."""

    def __init__(self) -> None:
        super().__init__(prog="fractal-models")
        self.parser.description = "Create, upgrade and examine the database of Fractal."
        self.parser.epilog = EXIT_CODES
        self.parser.formatter_class = argparse.RawDescriptionHelpFormatter
        for action in self.parser._actions:
            if action.dest == "version":
                action.version = f"%(prog)s {version('fractal-models')}"  # type: ignore[attr-defined]
            elif action.dest in {"config", "name"}:
                action.help = argparse.SUPPRESS  # the configuration is ours
        for verb in (status, doctor, wait, roles, seed, archive.copy, archive.verify):
            self.register_command(verb)
        self._add_options()

    def register_command(self, fn: CommandFunction) -> None:
        """Leave out the commands that need a checkout."""
        if fn.__name__ not in OMITTED:
            super().register_command(fn)

    def _add_options(self) -> None:
        _add_common(self.parser, default=None)
        parsers = self.subparsers.choices
        for name, parser in parsers.items():
            _add_common(parser, default=argparse.SUPPRESS)
            parser.formatter_class = argparse.RawDescriptionHelpFormatter
            parser.epilog = f"example:\n  {EXAMPLES.get(name, f'fractal-models {name}')}"
        for name in ("status", "doctor"):
            parsers[name].add_argument("--json", action="store_true", dest="as_json", help="print JSON, for programs")
        parsers["wait"].add_argument(
            "--timeout", type=_seconds, default=60.0, metavar="SECONDS", help="time to wait (default: 60)"
        )
        parsers["roles"].add_argument("--prefix", default="fractal", help="prefix of the roles (default: fractal)")
        parsers["roles"].add_argument("--schema", default="public", help="schema of the tables (default: public)")
        parsers["seed"].add_argument(
            "--size", type=_positive, default=10, metavar="USERS", help="number of users (default: 10)"
        )
        archive.add_options(parsers)
        for name in ("upgrade", "downgrade"):
            parsers[name].add_argument("--yes", action="store_true", help="do not ask for confirmation, for scripts")
            parsers[name].add_argument(
                "--wait",
                type=_seconds,
                default=MIGRATION_TIMEOUT,
                metavar="SECONDS",
                help=f"timeout for locks of other sessions (default: {MIGRATION_TIMEOUT:g})",
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

    def main(self, argv: Sequence[str] | None = None) -> None:
        """Run a command, and exit with its code."""
        sys.stdout = sys.stdout or io.StringIO()  # None where it is closed
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # some terminals cannot show an arrow
        options = self.parser.parse_args(argv)
        if not hasattr(options, "cmd"):
            self.parser.error("missing command; see --help")
        url: URL | None = None
        try:
            url = sync_url(options.url or os.environ.get("FRACTAL_DATABASE_URL") or DEFAULT_URL)
            config = alembic_config(url)
            config.cmd_opts = options
            config.stdout = cast(TextIO, MaskedOutput(sys.stdout, url))
            self.run_cmd(config, options)
        except KeyboardInterrupt:
            self._fail("interrupted", 130)
        except BrokenPipeError:
            pass
        except Exception as error:
            if options.raiseerr:
                raise
            if options.debug:
                traceback.print_exc()
            self._fail(*describe_error(error, url))
        finally:
            _flush()

    def run_cmd(self, config: Config, options: argparse.Namespace) -> None:
        """Run a command; `main` handles its exceptions."""
        function, positional, keywords = options.cmd
        offline = getattr(options, "sql", False)
        migrates = function in MIGRATING and not offline
        if (function in NEEDING_A_DATABASE or getattr(options, "indicate_current", False)) and not offline:
            _require_file(url_of(config))
        if migrates:
            refuse_way_back(options.revision)
            config.attributes["wait"] = options.wait
            confirm(config, options)
        arguments = [getattr(options, name) for name in positional]
        with _progress(config) if migrates else nullcontext():
            function(config, *arguments, **{name: getattr(options, name) for name in keywords})

    def _fail(self, message: str, code: int) -> None:
        print(f"fractal-models: {' '.join(message.split())}", file=sys.stderr)
        raise SystemExit(code)


@contextmanager
def _progress(config: Config) -> Iterator[None]:
    """Report progress: plain lines, and a spinner on a terminal."""
    out = console()
    if not out.is_terminal or config.messaging_opts.get("quiet"):
        yield
        return
    with out.status("") as spinner:

        def report(line: str) -> None:
            out.print(escape(line))
            spinner.update(escape(line))

        config.attributes["report"] = report
        config.attributes["working"] = lambda line: spinner.update(escape(line))
        yield


def _add_common(parser: argparse.ArgumentParser, default: str | None) -> None:
    """Add the options that come before a command or after it."""
    source = f"the database (default: FRACTAL_DATABASE_URL, else {DEFAULT_URL} in the current folder)"
    parser.add_argument("--url", default=default, help=source)
    parser.add_argument("--debug", default=default, action="store_true", help="show the traceback of an error")


def _require_file(url: URL) -> None:
    if (missing := missing_file(url)) is not None:
        missing.raise_for_state()


def _flush() -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has closed the pipe (`| head`); Python would report it again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main() -> None:
    """Run the `fractal-models` command."""
    FractalCommandLine().main()

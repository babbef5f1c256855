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

from fractal_models import signals
from fractal_models.cli import archive
from fractal_models.cli.confirmation import confirm
from fractal_models.cli.options import add_options
from fractal_models.cli.output import (
    MaskedOutput,
    console,
    describe_error,
    print_error,
    print_json,
    status_facts,
)
from fractal_models.cli.verbs import doctor, roles, seed, status, url_of, wait
from fractal_models.database.connection.errors import DatabaseState
from fractal_models.database.connection.urls import DEFAULT_URL, environment_url, missing_file, sync_url
from fractal_models.database.migration.conversion import refuse_way_back
from fractal_models.database.migration.interruption import complete
from fractal_models.database.revisions.history import alembic_config

EXIT_CODES = """\
exit codes:
  0  success
  1  other error
  2  usage error
  3  the database is empty, behind head, or older than 2.9: upgrade it
  4  rows block a revision, a copy or a demo site, or break a documented rule
  5  the database is newer than these models, or of another application
  6  the schema differs from its revision
  7  the database is unreachable, lost or read-only, or its disk is full
  8  a lock was held for longer than the timeout, or a statement was canceled
  9  not confirmed
  10  objects of another application depend on what would be dropped
  11  a copy differs from its manifest or its source
  12  the backup failed
  130  interrupted (Ctrl-C, SIGINT)
  143  terminated (SIGTERM)
"""

OMITTED = {"edit", "init", "list_templates", "merge", "revision"}
"""Commands of Alembic for authors of revisions, who have a checkout."""

MIGRATING = {command.upgrade, command.downgrade}

NEEDING_A_DATABASE = {command.check, command.current, command.downgrade, command.stamp}
"""Commands of Alembic that would create an empty SQLite file."""


class FractalCommandLine(CommandLine):
    """Alembic's command line with our migrations, commands, exit codes and errors."""

    def __init__(self) -> None:
        super().__init__(prog="fractal-models")
        self.parser.description = "Create, upgrade and examine the database of Fractal, on PostgreSQL or SQLite."
        self.parser.epilog = EXIT_CODES
        for action in self.parser._actions:
            if action.dest == "version":
                action.version = f"%(prog)s {version('fractal-models')}"  # type: ignore[attr-defined]
            elif action.dest in {"config", "name"}:
                action.help = argparse.SUPPRESS  # the configuration is ours
        for verb in (status, doctor, wait, roles, seed, archive.copy, archive.verify, archive.export):
            self.register_command(verb)
        add_options(self.parser, self.subparsers)

    def register_command(self, fn: CommandFunction) -> None:
        """Leave out the commands that need a checkout."""
        if fn.__name__ not in OMITTED:
            super().register_command(fn)

    def main(self, argv: Sequence[str] | None = None) -> None:
        """Run a command, and exit with its code."""
        sys.stdout = sys.stdout or io.StringIO()  # None where it is closed
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # some terminals cannot show an arrow
        options = self.parser.parse_args(argv)
        if not hasattr(options, "cmd"):
            self.parser.error("missing command; see --help")
        with signals.raising():
            self._handle(options)

    def _handle(self, options: argparse.Namespace) -> None:
        """Run a command; errors and signals become one line and an exit code."""
        url: URL | None = None
        try:
            given = environment_url() if options.url is None else options.url
            url = sync_url(DEFAULT_URL if given is None else given)
            config = alembic_config(url)
            config.cmd_opts = options
            config.stdout = cast(TextIO, MaskedOutput(sys.stdout, url))
            self.run_cmd(config, options)
            signals.check()
        except BrokenPipeError:
            pass
        except (Exception, KeyboardInterrupt) as error:
            if (interruption := signals.interruption(error)) is not None:
                if url is not None and options.cmd[0] in MIGRATING:
                    interruption = complete(interruption, url)
                self._fail(str(interruption), interruption.exit_code)
            if options.raiseerr:
                raise
            if options.debug:
                traceback.print_exc()
            if url is None and getattr(options, "as_json", False):
                print_json(status_facts(DatabaseState.UNREACHABLE.status(str(error), ""), None))
            self._fail(*describe_error(cast(Exception, error), url))
        finally:
            _flush()

    def run_cmd(self, config: Config, options: argparse.Namespace) -> None:
        """Run a command; `main` handles its exceptions."""
        function, positional, keywords = options.cmd
        offline = getattr(options, "sql", False)
        migrates = function in MIGRATING and not offline
        if (function in NEEDING_A_DATABASE or getattr(options, "indicate_current", False)) and not offline:
            _require_file(url_of(config))
        config.attributes["yes"] = getattr(options, "yes", False)
        if migrates:
            refuse_way_back(options.revision)
            config.attributes["wait"] = options.wait
            confirm(config, options)
            if getattr(options, "backup", None) is not None:
                archive.back_up_first(config, options.backup, options.wait)
        arguments = [getattr(options, name) for name in positional]
        with _progress(config) if migrates else nullcontext():
            function(config, *arguments, **{name: getattr(options, name) for name in keywords})

    def _fail(self, message: str, code: int) -> None:
        print_error(message)
        raise SystemExit(code)


@contextmanager
def _progress(config: Config) -> Iterator[None]:
    """Report progress: plain lines, and a spinner on a terminal."""
    out = console()
    if not out.is_terminal or config.messaging_opts.get("quiet"):
        yield
        return
    with out.status("") as spinner:
        config.attributes["report"] = lambda line: out.print(escape(line), soft_wrap=False)
        config.attributes["working"] = lambda line: spinner.update(escape(line))
        yield


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
    """Run the `fractal-models` command; `fractal_models.cli.start` does so with fewer imports before."""
    FractalCommandLine().main()

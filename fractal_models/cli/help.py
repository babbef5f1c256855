"""Help texts of all commands, those of Alembic included."""

from __future__ import annotations

import argparse
import textwrap
from typing import NamedTuple

from fractal_models.database.revisions.history import BASELINE


class Help(NamedTuple):
    """Help of one command."""

    summary: str
    """Its line in the list of commands."""
    description: str
    example: str


COMMANDS = {
    "branches": Help(
        "list revisions at which the history branches",
        "List the revisions at which the history branches. This history does not branch, so the list is empty. "
        "No database is needed.",
        "fractal-models branches",
    ),
    "check": Help(
        "compare the database at head with the models",
        "Compare the database with the models, as Alembic does: objects that a site has added count as differences, "
        "checks and the rows do not. The database must be at head. `doctor` compares more.",
        "fractal-models check",
    ),
    "copy": Help(
        "copy a database into a new one, and prove the copy",
        "Copy a database into a new SQLite file or an empty database, on either engine, and compare the copy with what "
        "was read. The source is not changed. A database before 2.9 is converted in the copy.",
        "fractal-models copy postgresql://USER@HOST/NAME archive.db --only v1",
    ),
    "current": Help(
        "print the revision of the database",
        "Print the revision of the database, and (head) if it is the latest one. Nothing is printed for an empty one.",
        "fractal-models current --verbose",
    ),
    "doctor": Help(
        "list what is wrong with schema and rows",
        "List differences between the schema and its revision, rows that block an upgrade to head, and rows that break "
        "a documented rule, each with its remedy. It changes nothing.",
        "fractal-models doctor --json",
    ),
    "downgrade": Help(
        "return to an earlier revision",
        f"Return the database to an earlier revision. {BASELINE} is fractal-server 2.9; `-1` is one revision back. "
        "It asks for confirmation. `base` drops all tables with their rows, and asks for the name of the database.",
        f"fractal-models downgrade {BASELINE}",
    ),
    "ensure_version": Help(
        "create the table alembic_version",
        "Create the table alembic_version, which holds the revision, if it is missing. `upgrade` does this itself.",
        "fractal-models ensure_version",
    ),
    "export": Help(
        "write a database as JSON files",
        "Write the database as folders of JSON files, for people and programs without this package: a folder for each "
        "user, in it one for each project, with its workflows, jobs and datasets. Secrets are left out.",
        "fractal-models export site --only v1",
    ),
    "heads": Help(
        "print the latest revision of this package",
        "Print the latest revision of this package, which is what `upgrade head` leads to. No database is needed.",
        "fractal-models heads",
    ),
    "history": Help(
        "list all revisions, the latest first",
        "List all revisions of this package, from head down to the first one. No database is needed, except for "
        "--indicate-current.",
        "fractal-models history --indicate-current",
    ),
    "roles": Help(
        "print SQL for roles with least privileges",
        "Print SQL for three roles on PostgreSQL: a migrator that owns the tables, a server that reads and writes "
        "rows, and an analyst that reads all but secrets. Run it as a superuser, and again after each upgrade. The "
        "role that owns the tables keeps its rights until --revoke names it.",
        "fractal-models roles | psql --set ON_ERROR_STOP=1 NAME",
    ),
    "seed": Help(
        "fill an empty database with a demo site",
        'Fill an empty database at head with a demo site. All of its users have the password "demo".',
        "fractal-models seed --size 20",
    ),
    "show": Help(
        "print what a revision does",
        "Print what a revision does, and the file that it is in. No database is needed.",
        "fractal-models show head",
    ),
    "stamp": Help(
        "record a revision without running it",
        "Record a revision in alembic_version without running it, for a database that has lost this table. `status` "
        "names the revision that fits. The tables are not changed.",
        f"fractal-models stamp {BASELINE}",
    ),
    "status": Help(
        "print the state of the database, and what to do",
        "Print the state of the database, its revision, the pending revisions and the numbers of rows. The exit code "
        "is 0 at head. It changes nothing.",
        "fractal-models status --json",
    ),
    "upgrade": Help(
        "create the tables, or bring them to head",
        "Create the tables in an empty database, or upgrade them with all rows. `head` is the latest revision. "
        "Before the first change, the rules for rows and the schema are checked. Servers can continue to run, and an "
        "interrupted upgrade is completed by the next one.",
        "fractal-models upgrade head --yes",
    ),
    "verify": Help(
        "compare a copy with its manifest, and with its source",
        "Compute the digests of a copy again, and compare them with its manifest; with a second database also those of "
        "the source. The exit code is 11 if anything differs.",
        "fractal-models verify archive.db",
    ),
    "wait": Help(
        "wait until the server accepts connections",
        "Wait until the server accepts connections. It ends at once where waiting does not help, as after a wrong "
        "password.",
        "fractal-models wait --timeout 60 && fractal-models upgrade head --yes",
    ),
}

ARGUMENTS = {
    "check_heads": "end with exit code 3 unless the database is at head",
    "indicate_current": "mark the revision of the database",
    "purge": "forget the recorded revision first, even one that this package does not know",
    "quiet": "print no progress",
    "raiseerr": argparse.SUPPRESS,
    "resolve_dependencies": argparse.SUPPRESS,
    "rev": "a revision id, or `head`",
    "rev_range": "list a part: FROM:TO, where either may be left out; ids, `base`, `head` and `current`",
    "downgrade revision": "a revision id, `-1` for one revision back, or `base` for no tables",
    "upgrade revision": "`head`, a revision id, or `+1` for the next revision",
    "revisions": "a revision id, or `head`",
    "sql": "print the SQL instead of running it; give the present revision too: FROM:TO",
    "tag": argparse.SUPPRESS,
    "verbose": "print more",
    "x": argparse.SUPPRESS,
}
"""Help of Alembic's arguments, by name or by command and name; those for an `env.py` of one's own are hidden."""


class Formatter(argparse.RawDescriptionHelpFormatter):
    """Breaks lines between words only; leaves the epilog as it is."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(" ".join(text.split()), width, break_long_words=False, break_on_hyphens=False)

    def add_text(self, text: str | None) -> None:
        """Add a paragraph, in lines of at most the width of the terminal."""
        if text and text is not argparse.SUPPRESS and "\n" not in text:
            text = "\n".join(self._split_lines(text, self._width - self._current_indent))
        super().add_text(text)


def describe(parser: argparse.ArgumentParser, commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe all commands and their arguments in the words of this package."""
    parser.formatter_class = Formatter
    parser._positionals.title = "commands"
    commands.metavar = "COMMAND"
    for listed in commands._choices_actions:
        if listed.dest in COMMANDS:
            listed.help = COMMANDS[listed.dest].summary
    for name, subparser in commands.choices.items():
        subparser.formatter_class = Formatter
        if name in COMMANDS:
            subparser.description = COMMANDS[name].description
            subparser.epilog = f"example:\n  {COMMANDS[name].example}"
    for name, each in {"": parser, **commands.choices}.items():
        for action in each._actions:
            action.help = ARGUMENTS.get(f"{name} {action.dest}", ARGUMENTS.get(action.dest, action.help))

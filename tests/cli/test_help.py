"""Help on a terminal of 80 columns: every command in our words, and no word broken."""

import re

import alembic.config
import pytest

from fractal_models.cli.help import COMMANDS
from fractal_models.cli.main import FractalCommandLine
from tests.support.commandline import run

VERBS = sorted(FractalCommandLine().subparsers.choices)


def help_of(verb: str, columns: int, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", str(columns))
    return run(*filter(None, [verb]), "--help").out


@pytest.mark.parametrize("verb", ["", *VERBS])
@pytest.mark.parametrize("columns", [80, 40])
def test_lines_are_broken_between_words(verb: str, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    wide, narrow = help_of(verb, 1000, monkeypatch), help_of(verb, columns, monkeypatch)

    assert narrow.split() == wide.split()
    if columns == 80:
        assert not [line for line in narrow.splitlines() if len(line) > columns]


def test_every_command_has_help_of_its_own() -> None:
    assert sorted(COMMANDS) == VERBS
    for name, each in COMMANDS.items():
        assert each.summary[0].islower()
        assert not each.summary.endswith(".")
        assert each.description.endswith(".")
        assert f"fractal-models {name}" in each.example


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_a_command_says_what_it_does_and_how(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = help_of(verb, 80, monkeypatch)

    assert " ".join(COMMANDS[verb].description.split()) in " ".join(shown.split())
    assert f"example:\n  {COMMANDS[verb].example}\n" in shown
    assert "sqlite:///FILE" in shown
    if re.search(r"^  rev\w*  ", shown, re.MULTILINE):
        assert "`head`" in shown or verb == "downgrade"


def test_no_words_of_alembic_show_through(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = alembic.config.CommandLine()
    parsers = [theirs.parser, *theirs.subparsers.choices.values()]
    sentences = {action.help for parser in parsers for action in parser._actions if action.help}
    sentences |= {str(listed.help) for listed in theirs.subparsers._choices_actions}
    sentences -= {"show this help message and exit", "show program's version number and exit"}
    assert len(sentences) > 20

    ours = "\n".join(" ".join(help_of(verb, 1000, monkeypatch).split()) for verb in ["", *VERBS])

    assert not [sentence for sentence in sentences if " ".join(sentence.split()) in ours]

"""The guide for analysts: its examples run as written, and its tables say what is so."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from fractal_models import provenance
from tests.docs.test_readme import blocks
from tests.support.databases import ROOT, upgrade
from tests.support.later_servers import build, later_schema
from tests.support.processes import Forked

GUIDE = (ROOT / "docs" / "analysts.md").read_text()


def test_examples_read_a_newer_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _, newer, notes = blocks(GUIDE, "python")
    build("sqlite:///fractal.db", later_schema("af8673379a5c"), "af8673379a5c", number=1)

    printed = subprocess.check_output([sys.executable, "-W", "error", "-c", newer + notes], text=True)

    assert printed.splitlines() == [
        "dataset 1 ['/data/1'] user1@example.org",
        "user_settings.cache_dir cannot be read: this database (fractal-server 2.11.1) lacks it, "
        "or the role may not read it",
        "1 {}",
    ]


def test_example_reads_version_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    upgrade("sqlite:///fractal.db")
    assert Forked("seed", "--size", "2", url="sqlite:///fractal.db").finish().code == 0
    version_1, *_ = blocks(GUIDE, "python")

    printed = subprocess.check_output([sys.executable, "-W", "error", "-c", version_1], text=True)

    assert [line.partition("+00:00 ")[2] for line in printed.splitlines()] == [
        "admin@example.org Segmentation Processed",
        "user1@example.org Segmentation Processed",
    ]


def test_placeholders_are_those_of_the_code() -> None:
    (table,) = re.findall(r"\| field \| placeholder \|.*?\n\n", GUIDE, re.DOTALL)

    for value in (provenance.UNKNOWN_TEXT, provenance.UNKNOWN_TASK_INDEX, f'"id": {provenance.UNKNOWN_ID}'):
        assert str(value) in table
    for moment in (provenance.UNKNOWN_TIMESTAMP, provenance.UNKNOWN_LAST_USED):
        assert f"{moment:%Y-%m-%d %H:%M} UTC" in table

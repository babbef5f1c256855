import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fractal_models.archive.file_names import Names, safe_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Embryo screen", "Embryo screen"),
        ("a/b\\c:d", "a_b_c_d"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("", "unnamed"),
        (" . ", "unnamed"),
        ("nul", "_nul"),
        ("COM1.json", "_COM1.json"),
        ("-rf", "_-rf"),
        ("Zellkerne ä", "Zellkerne ä"),
        ("line\nbreak", "line_break"),
        ("é" * 200, "é" * 50),
    ],
)
def test_a_name_keeps_what_a_file_system_accepts(text: str, name: str) -> None:
    assert safe_name(text) == name


@given(st.lists(st.text(st.characters(blacklist_categories=()), max_size=120), max_size=12))
def test_names_are_files_and_differ_also_where_case_is_ignored(texts: list[str]) -> None:
    names = Names(".json", ".jobs.json")

    taken = [names.take(text) + suffix for text in texts for suffix in (".json",)]

    assert len({unicodedata.normalize("NFKC", name).casefold() for name in taken}) == len(taken)
    assert all(Path(name).name == name and len(name.encode()) < 200 for name in taken)


def test_a_name_does_not_collide_with_the_jobs_of_another() -> None:
    names = Names(".json", ".jobs.json")

    assert [names.take(text) for text in ("screen", "Screen", "screen.jobs", "SCREEN")] == [
        "screen",
        "Screen (2)",
        "screen.jobs (2)",
        "SCREEN (3)",
    ]

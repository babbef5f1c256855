"""The documentation: generated pages are current, complete, and every link leads somewhere."""

import re
import tomllib
from pathlib import Path

import pytest

from fractal_models.database.revisions.history import BASELINE, pending
from fractal_models.models import TABLES
from pages.__main__ import DOCS, stale
from pages.diagram import drawings
from tests.package.test_exports import DOCUMENTED
from tests.support.databases import ROOT

FILES = sorted(DOCS.rglob("*.md"))
LINK = re.compile(r"\]\((?!https?:)(?P<file>[^)#\s]*)(?:#(?P<anchor>[^)\s]+))?\)")


def text_of(path: Path) -> str:
    """Text of a page with the files that it includes, without code."""
    included = re.sub(r'--8<-- "([^"]+)"', lambda match: _find(match[1]).read_text(), path.read_text())
    return re.sub(r"^```.*?^```", "", included, flags=re.DOTALL | re.MULTILINE)


def _find(name: str) -> Path:
    return next(folder / name for folder in (DOCS, ROOT) if (folder / name).exists())


def anchors(path: Path) -> set[str]:
    """Anchors of a page: those that it states, and those of its headings and of its docstrings."""
    text = text_of(path)
    stated = re.findall(r'(?:\{ ?#|<a id="|<g id=")([\w.-]+)', text)
    headings = re.findall(r"^#+ (.+?)(?: \{.*)?$", text, re.MULTILINE)
    slugs = [re.sub(r"[\s]+", "-", re.sub(r"[^\w\s-]", "", heading.lower()).strip()) for heading in headings]
    return {*stated, *slugs, *re.findall(r"^::: ([\w.]+)$", text, re.MULTILINE)}


def test_generated_pages_are_current() -> None:
    assert stale() == [], "run `python -m pages`"


def test_drawings_are_those_of_the_tables() -> None:
    for name, dot in drawings():
        assert (DOCS / "diagrams" / f"{name}.dot").read_text() == dot, "run `python -m pages --draw`"
        drawn = (DOCS / "diagrams" / f"{name}.svg").read_text()
        assert re.findall(r'xlink:title="(\w+)"', drawn)


@pytest.mark.parametrize("name", DOCUMENTED)
def test_each_documented_name_has_an_entry(name: str) -> None:
    reference = "\n".join(path.read_text() for path in (DOCS / "reference").glob("*.md"))

    if name == "JobStatusTypeV1":
        assert f"{{ #{name} }}" in reference
    else:
        entry = reference.partition(f"::: fractal_models.models.{name}\n")[2].partition("\n:::")[0]
        assert [attribute for attribute in DOCUMENTED[name].split() if f"`{attribute}" not in entry] == []


def test_each_table_is_in_the_dictionary() -> None:
    dictionary = (DOCS / "reference" / "dictionary.md").read_text()

    assert [table.__tablename__ for table in TABLES if f"{{ #{table.__tablename__} }}" not in dictionary] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(DOCS)))
def test_links_lead_somewhere(path: Path) -> None:
    for match in LINK.finditer(text_of(path)):
        target = (path.parent / match["file"]).resolve() if match["file"] else path
        assert target.exists(), match[0]
        if match["anchor"] and target.suffix == ".md":
            assert match["anchor"] in anchors(target), match[0]


def test_each_command_has_a_screen() -> None:
    page = (DOCS / "reference" / "commands.md").read_text()

    commands = re.findall(r"^## (\w+) \{", page, re.MULTILINE)
    assert len(commands) > 15
    assert [command for command in commands if f"$ fractal-models {command}" not in page] == []


def test_each_revision_has_its_waits() -> None:
    page = (DOCS / "reference" / "migrations.md").read_text()

    assert page.count("**Waits**") == len(pending(BASELINE))


def test_each_page_is_in_the_navigation() -> None:
    navigation = re.findall(r'= "([^"]+\.md)"', (ROOT / "zensical.toml").read_text())
    tomllib.loads((ROOT / "zensical.toml").read_text())

    assert sorted(navigation) == [str(path.relative_to(DOCS)) for path in FILES]

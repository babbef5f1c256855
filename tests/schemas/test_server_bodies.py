"""Bodies and enumerations of the server: each at its path, with its fields; `docs/schemas.md` lists the differences."""

import re
from importlib import import_module

import pytest

from tests.support.databases import ROOT
from tests.support.server_bodies import BODIES, FACTS, SCHEMAS, Fact, class_of, differences

PAGE = (ROOT / "docs" / "schemas.md").read_text()


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def rows(title: str) -> list[list[str]]:
    """Cells of the tables of a section, without headings."""
    lines = re.findall(r"^\| (.*[`.]) \|.*$", section(title), re.MULTILINE)
    return [line.split(" | ") for line in lines]


DOCUMENTED: dict[str, tuple[str, str]] = {
    field: (here, there)
    for fields, types, _ in rows("Differences")
    for here, there in [re.findall("`(.+?)`", types)]
    for field in re.findall("`(.+?)`", fields)
}
"""Type and default here and in the server, by field that differs."""


def id_of(fact: Fact) -> str:
    return f"{fact.module}.{fact.body}"


@pytest.mark.parametrize("fact", BODIES, ids=id_of)
def test_a_body_is_that_of_the_server_but_for_documented_differences(fact: Fact) -> None:
    body = class_of(fact)
    assert (body.__name__, body.__module__.startswith("fractal_models.")) == (fact.body, True)
    documented = {field: types for field, types in DOCUMENTED.items() if field.startswith(f"{fact.body}.")}
    assert differences(fact) == documented


def test_every_documented_difference_is_of_a_body_and_has_a_reason() -> None:
    assert {field.partition(".")[0] for field in DOCUMENTED} <= {fact.body for fact in BODIES}
    assert all(reason.endswith(".") for _, _, reason in rows("Differences"))


def test_the_page_counts_the_bodies() -> None:
    same = [fact for fact in BODIES if not differences(fact)]
    assert f"has the {len(BODIES)} bodies" in PAGE
    assert f" {len(same)} of them are the same" in PAGE


@pytest.mark.parametrize("fact", [fact for fact in BODIES if fact.export], ids=id_of)
def test_a_package_exports_what_that_of_the_server_exports(fact: Fact) -> None:
    package = fact.module.partition(".")[0] if fact.module.startswith("v") else ""
    exporting = import_module(f"{SCHEMAS}.{package}".rstrip("."))
    assert fact.body in exporting.__all__
    assert getattr(exporting, fact.body) is class_of(fact)


def test_every_validator_of_the_server_has_a_documented_rule() -> None:
    documented = {cells[0].split("`")[1] for cells in rows("Rules of the server")}
    assert documented == {name for fact in FACTS for name in fact.validators.split()}

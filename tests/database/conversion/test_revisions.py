"""Databases of every old revision are converted: each row is the one that the oracle expects."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from fractal_models.database.connection.engine import connect
from fractal_models.testing.databases import Databases
from tests.support.catalog import Catalog, catalog, differences, revisions
from tests.support.commandline import run
from tests.support.databases import databases_of
from tests.support.old_databases.conversions import (
    OldDatabase,
    conversion_errors,
    convert,
    create_from,
    create_old,
    without_legacy,
)
from tests.support.old_databases.schemas import (
    FAMILIES,
    OLD,
    REVISIONS,
    Family,
    create_tables,
    prereleases,
    schema_of,
)
from tests.support.old_databases.values import SKIPPED, read
from tests.support.sites import Sites, SitesOf

BASELINE = REVISIONS[-1]

CatalogAt = Callable[[str], Catalog]

ALL = [(number, engine, family) for number in OLD for engine, families in FAMILIES.items() for family in families]

SAMPLE = {
    (3, "sqlite", Family.UNNAMED),
    (6, "postgresql", Family.EARLY),
    (13, "sqlite", Family.LATE),
    (17, "postgresql", Family.LATE),
    (19, "sqlite", Family.UNNAMED),
    (22, "postgresql", Family.EARLY),
}
"""Run without `--thorough`."""


def _case(number: int, engine: str, family: Family) -> object:
    marks = [] if (number, engine, family) in SAMPLE else [pytest.mark.thorough]
    return pytest.param(number, engine, family, marks=marks, id=f"{number:02}-{engine}-{family}")


@pytest.fixture(scope="module")
def early_sites(fractal_postgresql_databases: Databases) -> Iterator[Sites]:
    """A database of fractal-server 2.9 that an early release has created, without rows."""
    url = fractal_postgresql_databases.create()
    create_tables(url, schema_of(25), BASELINE, Family.EARLY)
    sites = Sites(fractal_postgresql_databases, url)
    yield sites
    sites.drop()


@pytest.fixture
def catalogs(request: pytest.FixtureRequest, sites_of: SitesOf, engine: str, family: Family) -> CatalogAt:
    """Gives the catalog that a database of fractal-server 2.9, with these names of constraints, has at a revision."""
    if family is Family.EARLY:
        sites: Sites = request.getfixturevalue("early_sites")
    else:
        sites = sites_of("sqlite" if engine == "sqlite" else "young", rows=False)
    return lambda revision: catalog(sites.template(revision))


@pytest.mark.parametrize(("number", "engine", "family"), [_case(*case) for case in ALL])
def test_each_row_is_the_expected_one(
    request: pytest.FixtureRequest,
    number: int,
    engine: str,
    family: Family,
    catalogs: CatalogAt,
    capsys: pytest.CaptureFixture[str],
) -> None:
    databases = databases_of(request, engine)
    old = create_old(databases, number, family)

    seconds = convert_and_check(old, catalogs)

    with capsys.disabled():
        before = sum(map(len, old.rows.values()))
        after = sum(map(len, read(old.url, schema_of(25)).values()))
        print(f"\n{number:2} {old.revision} {engine:10} {family:8} {before:4} rows, then {after}, {seconds:.2f} s")
    databases.drop(old.url)


def convert_and_check(old: OldDatabase, catalogs: CatalogAt) -> float:
    """Convert a database, compare all of it, and downgrade and upgrade it; the seconds of its conversion."""
    began, start = datetime.now(UTC), time.monotonic()
    outcome = convert(old.url)
    seconds = time.monotonic() - start
    assert outcome.code == 0, outcome.all
    head = catalogs("head")

    assert conversion_errors(old, began) == []
    assert differences(without_legacy(catalog(old.url)), head) == []
    assert reused_ids(old) == []

    rows = read(old.url, schema_of(25))
    assert run("downgrade", BASELINE, "--yes", url=old.url).code == 0
    assert differences(without_legacy(catalog(old.url)), catalogs(BASELINE)) == []
    assert (revisions(old.url), read(old.url, schema_of(25))) == ([BASELINE], rows)

    assert run("upgrade", "head", url=old.url).code == 0
    assert differences(without_legacy(catalog(old.url)), head) == []
    assert conversion_errors(old, began) == []
    return seconds


def reused_ids(old: OldDatabase) -> list[str]:
    """Tables whose next id may be one that a deleted row had."""
    if old.url.get_backend_name() != "postgresql":
        return []
    with connect(old.url) as connection:
        query = sa.text("SELECT sequencename, last_value FROM pg_sequences")
        last = {name.removesuffix("_id_seq"): value for name, value in connection.execute(query)}
    return [
        f"{table}: {last.get(table)}"
        for table, rows in old.rows.items()
        if table in schema_of(25) and rows and "id" in rows[0]
        if (last.get(table) or 0) < max(row["id"] for row in rows) + SKIPPED
    ]


PRERELEASES = [
    pytest.param(
        name, engine, Family.LATE, marks=[] if number % 4 == turn else [pytest.mark.thorough], id=f"{name}-{engine}"
    )
    for number, name in enumerate(prereleases())
    for turn, engine in enumerate(["postgresql", "sqlite"])
]


@pytest.mark.parametrize(("name", "engine", "family"), PRERELEASES)
def test_database_of_a_prerelease(
    request: pytest.FixtureRequest, name: str, engine: str, family: Family, catalogs: CatalogAt
) -> None:
    databases = databases_of(request, engine)
    revision, schema = prereleases()[name]
    old = create_from(databases, schema, revision, family)

    convert_and_check(old, catalogs)

    databases.drop(old.url)

"""What `status` says of the parts of the models that cannot be read."""

import json
import re

import pytest
from sqlalchemy import URL

from fractal_models.database import inspect_database
from fractal_models.models import TABLES
from fractal_models.testing.databases import Databases
from tests.support.commandline import run
from tests.support.later_servers import build, later_schema


def test_every_part_can_be_read_at_head(url: URL) -> None:
    facts = json.loads(run("status", "--json", url=url).out)

    assert facts["readable"] == sorted(str(table.__tablename__) for table in TABLES)
    assert facts["missing"] == []
    assert "cannot be read" not in run("status", url=url).out


@pytest.mark.parametrize("revision", ["af8673379a5c", "83bc2ad3ffcc"])
def test_lists_are_in_json_and_in_the_table(revision: str, empty_url: URL) -> None:
    build(empty_url, later_schema(revision), revision)

    facts = json.loads(run("status", "--json", url=empty_url).out)
    printed = run("status", url=empty_url).out
    status = inspect_database(empty_url)

    assert (facts["readable"], facts["missing"]) == (list(status.readable), list(status.missing))
    assert {"user_settings.cache_dir", "datasetv2.filters"} <= set(facts["missing"])
    assert re.search(r"^user_settings +2 +cache_dir *$", printed, re.MULTILINE)
    assert ("resource" in facts["readable"]) == (revision == "af8673379a5c")
    assert bool(re.search(r"^resource +2 +all columns *$", printed, re.MULTILINE)) == (revision == "83bc2ad3ffcc")
    assert len(printed.splitlines()[0]) <= 200


def test_empty_database_has_nothing_to_read(fractal_postgresql_databases: Databases) -> None:
    facts = json.loads(run("status", "--json", url=fractal_postgresql_databases.create()).out)

    assert facts["readable"] == []
    assert len(facts["missing"]) == len(TABLES)

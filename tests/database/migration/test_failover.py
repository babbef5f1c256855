"""An upgrade whose primary fails ends in one line, and goes on where it was on the promoted standby."""

import pytest
from rich.progress import Progress

from benchmarks.site.fill import fill, row_counts
from benchmarks.site.layout import Site
from fractal_models.database import create_engine
from fractal_models.testing.databases import migrate
from tests.support.cluster import running_cluster
from tests.support.dumps import dump
from tests.support.processes import Forked
from tests.support.rows import content
from tests.support.server_2_9 import BASELINE
from tests.support.servers import administer

JOBS = 34_000
"""Jobs of each version; the site then has more than 100,000 rows."""


@pytest.mark.thorough
@pytest.mark.parametrize("revision", [2, 4, 6])
def test_upgrade_goes_on_after_a_failover(revision: int) -> None:
    with running_cluster() as cluster:
        url = cluster.url(target_session_attrs="read-write").set(database="site")
        administer(cluster.primary, "CREATE DATABASE site")
        migrate(url, BASELINE)
        engine = create_engine(url)
        with Progress(disable=True) as progress:
            fill(engine, Site(JOBS), progress)
        assert sum(row_counts(engine).values()) > 100_000
        engine.dispose()
        administer(cluster.primary, "CREATE DATABASE clean TEMPLATE site")
        migrate(url.set(database="clean"))

        upgrade = Forked("upgrade", "head", url=url)
        upgrade.wait_until_it_says(f"{revision}/")
        cluster.crash()
        cluster.promote()
        failed = upgrade.finish()

        assert (failed.code, failed.err.count("\n")) == (7, 1), failed
        assert Forked("upgrade", "head", url=url).finish().code == 0
        site, clean = (cluster.primary.set(database=name) for name in ("site", "clean"))
        assert content(site) == content(clean)
        assert dump(site, "--schema-only") == dump(clean, "--schema-only")

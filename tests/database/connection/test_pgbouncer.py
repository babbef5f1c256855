"""Engines through a real PgBouncer, in both of its modes."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
import sqlalchemy as sa
from sqlalchemy import URL

from fractal_models.database import DatabaseState, inspect_database
from fractal_models.models import State
from fractal_models.testing.databases import PostgreSQLDatabases
from tests.support.cluster import free_port
from tests.support.commandline import run
from tests.support.drivers import POSTGRESQL_DRIVERS, Client

PROGRAM = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin:/usr/local/sbin")

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="PgBouncer is not installed")


@pytest.fixture(scope="module", params=["session", "transaction"])
def pooled(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    fractal_postgresql_databases: PostgreSQLDatabases,
) -> Iterator[tuple[str, URL]]:
    """A mode, and a database at head through a pooler in that mode with two connections."""
    database = fractal_postgresql_databases.create_at_head()
    host, port = database.query.get("host") or database.host, free_port()
    password = f" password={database.password}" if database.password else ""
    folder: Path = tmp_path_factory.mktemp("pgbouncer")
    configuration = folder / "pgbouncer.ini"
    configuration.write_text(
        f"[databases]\n* = host={host} port={database.port or 5432} user={database.username}{password}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
        f"pool_mode = {request.param}\ndefault_pool_size = 2\nignore_startup_parameters = extra_float_digits\n"
    )
    for each in (folder, *folder.parents[:3]):
        each.chmod(0o755)
    configuration.chmod(0o644)
    # It refuses to run as root; the owner of the server's socket may connect to it.
    owner = Path(str(host)).owner() if str(host).startswith("/") else "nobody"
    user = owner if os.geteuid() == 0 else None
    process = subprocess.Popen([str(PROGRAM), str(configuration)], user=user, stderr=subprocess.DEVNULL)
    url = database.set(host="127.0.0.1", port=port, query={"sslmode": "disable"})
    for _ in range(100):
        try:
            psycopg2.connect(host="127.0.0.1", port=port, user=url.username, dbname=url.database).close()
            break
        except psycopg2.OperationalError:
            time.sleep(0.05)
    yield request.param, url
    process.terminate()
    process.wait()
    fractal_postgresql_databases.drop(database)


def write_and_count(connection: sa.Connection) -> int:
    connection.execute(sa.insert(State).values(data={"a": 1}))
    return connection.scalar(sa.select(sa.func.count()).select_from(State)) or 0


@pytest.mark.parametrize("driver", POSTGRESQL_DRIVERS)
def test_engines_read_and_write_through_it(driver: str, pooled: tuple[str, URL]) -> None:
    mode, url = pooled
    with Client(driver, url, pooler=mode == "transaction", pool_size=1) as client:
        counts = [client.run(write_and_count) for _ in range(3)]

    assert counts == [counts[0], counts[0] + 1, counts[0] + 2]


def test_database_is_known_through_it_and_not_migrated(pooled: tuple[str, URL]) -> None:
    _, url = pooled

    assert inspect_database(url).state is DatabaseState.AT_HEAD
    assert run("downgrade", "-1", "--yes", url=url).code == 7
    assert "goes through a pooler" in run("downgrade", "-1", "--yes", url=url).err

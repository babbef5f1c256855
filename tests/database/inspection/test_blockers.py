"""Who stands in the way of a statement: those sessions and no others, with the SQL that ends them."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import pytest
import sqlalchemy as sa
from sqlalchemy import URL, Connection
from sqlalchemy.exc import DBAPIError, OperationalError

from fractal_models.database.connection.engine import maintenance_engine
from fractal_models.database.inspection.blockers import describe
from fractal_models.database.inspection.watch import Watch
from tests.support.servers import Guarded, administer


class Sessions:
    """Sessions of other clients of one database."""

    def __init__(self, url: URL, stack: ExitStack) -> None:
        self.url = url
        self.stack = stack

    def open(self, *statements: str, isolation: str = "READ COMMITTED", role: str = "postgres") -> Connection:
        """A session whose transaction is open after these statements."""
        engine = maintenance_engine(self.url.set(username=role).update_query_dict({"application_name": "lab"}))
        connection = engine.connect().execution_options(isolation_level=isolation)
        self.stack.callback(self._close, connection)
        for statement in statements:
            connection.execute(sa.text(statement))
        return connection

    def work(self, statement: str) -> Connection:
        """A session that is at work on a statement."""
        connection = self.open("SET statement_timeout = '30s'", isolation="AUTOCOMMIT")

        def run() -> None:
            with suppress(DBAPIError):
                connection.execute(sa.text(statement))

        thread = threading.Thread(target=run)
        thread.start()
        self.stack.callback(thread.join)
        self.stack.callback(self._end, pid_of(connection))
        with self.open(isolation="AUTOCOMMIT") as other:
            active = sa.text("SELECT 1 FROM pg_locks WHERE pid = :pid AND mode = 'ShareUpdateExclusiveLock'")
            while other.scalar(active, {"pid": pid_of(connection)}) is None:
                pass
        return connection

    def _end(self, pid: str) -> None:
        administer(self.url, f"SELECT pg_terminate_backend({pid})")

    def _close(self, connection: Connection) -> None:
        with suppress(DBAPIError):
            connection.rollback()
        connection.close()


def pid_of(connection: Connection) -> str:
    driver = connection.connection.driver_connection
    assert driver is not None
    return str(driver.info.backend_pid)


@pytest.fixture
def database(guarded: Guarded) -> Iterator[Sessions]:
    url = guarded.create()
    administer(url, "CREATE TABLE project (id integer PRIMARY KEY, name text)", "CREATE TABLE other (id integer)")
    administer(url, "CREATE TABLE lab (id integer)")
    administer(url, "INSERT INTO project SELECT n, repeat('x', 200) FROM generate_series(1, 2000) AS n")
    administer(url, "GRANT ALL ON project TO PUBLIC")
    with ExitStack() as stack:
        yield Sessions(url, stack)
    guarded.drop(url)


Guilty = Callable[[Sessions], str]

ALTER = "ALTER TABLE project ALTER name SET DEFAULT ''"
ADD_KEY = "ALTER TABLE other ADD FOREIGN KEY (id) REFERENCES project (id)"
CREATE_INDEX = "CREATE INDEX CONCURRENTLY IF NOT EXISTS ix ON project (name)"


def prepared(sessions: Sessions) -> str:
    sessions.open("UPDATE project SET name = 'y' WHERE id = 1", "PREPARE TRANSACTION 'it''s mine'")
    # It survives its session.
    sessions.stack.callback(suppressed, lambda: administer(sessions.url, "ROLLBACK PREPARED 'it''s mine'"))
    return "it's mine"


def suppressed(action: Callable[[], None]) -> None:
    with suppress(DBAPIError):
        action()


def chain(sessions: Sessions) -> str:
    """An index is built on the table, and waits itself for an old snapshot."""
    root = sessions.open("SELECT 1", isolation="REPEATABLE READ")
    sessions.work("CREATE INDEX CONCURRENTLY theirs ON project (name)")
    return pid_of(root)


def holding(statement: str, isolation: str = "READ COMMITTED") -> Guilty:
    return lambda sessions: pid_of(sessions.open(statement, isolation=isolation))


def vacuum(sessions: Sessions) -> str:
    for setting in ("vacuum_cost_delay = '100ms'", "vacuum_cost_limit = 1"):
        administer(sessions.url, f"ALTER DATABASE {sessions.url.database} SET {setting}")
    administer(sessions.url, "DELETE FROM project WHERE id % 2 = 0")
    return pid_of(sessions.work("VACUUM project"))


KINDS: dict[str, tuple[str, str, Guilty]] = {
    "idle reader (ACCESS SHARE)": (ALTER, "idle in transaction", holding("SELECT 1 FROM project")),
    "idle writer (ROW EXCLUSIVE)": (
        ADD_KEY,
        "idle in transaction",
        holding("UPDATE project SET name = 'y' WHERE id = 1"),
    ),
    "idle writer in the way of an index": (
        CREATE_INDEX,
        "idle in transaction",
        holding("UPDATE project SET name = 'y' WHERE id = 1"),
    ),
    "SHARE": (
        "UPDATE project SET name = 'y' WHERE id = 1",
        "idle in transaction",
        holding("LOCK TABLE project IN SHARE MODE"),
    ),
    "ACCESS EXCLUSIVE": (
        "SELECT count(*) FROM project",
        "idle in transaction",
        holding("LOCK TABLE project IN ACCESS EXCLUSIVE MODE"),
    ),
    "prepared transaction": (ALTER, "prepared transaction 'it''s mine'", prepared),
    "prepared transaction in the way of an index": (CREATE_INDEX, "prepared transaction", prepared),
    "old snapshot in the way of an index": (
        CREATE_INDEX,
        "idle in transaction",
        holding("SELECT 1", "REPEATABLE READ"),
    ),
    "index that waits for an old snapshot": (ALTER, "idle in transaction", chain),
    "VACUUM": (ALTER, "active", vacuum),
}


def wait_in_vain(connection: Connection, statement: str) -> Watch:
    with Watch(connection) as watch:
        with pytest.raises(OperationalError, match="lock timeout"):
            connection.execute(sa.text(statement))
        connection.rollback()
    return watch


@pytest.mark.parametrize(("statement", "state", "guilty"), KINDS.values(), ids=KINDS.keys())
def test_those_in_the_way_are_named_and_no_others(
    statement: str, state: str, guilty: Guilty, database: Sessions
) -> None:
    # Innocent: one has read the catalog, one has locked another table.
    database.open("SELECT count(*) FROM pg_class")
    database.open(f"LOCK TABLE {'lab' if statement == ADD_KEY else 'other'} IN ACCESS EXCLUSIVE MODE")
    key = guilty(database)
    ours = database.open("SET lock_timeout = '700ms'", isolation="AUTOCOMMIT")

    watch = wait_in_vain(ours, statement)

    assert [blocker.key for blocker in watch.seen] == [key]
    line = describe(watch.seen, remedies=True)
    assert state in line
    assert re.search(r"since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\)", line)
    # The statement that is shown ends it.
    administer(database.url, watch.seen[0].remedy.partition(";")[0])
    ours.execute(sa.text("SET lock_timeout = '20s'"))
    ours.execute(sa.text("DROP INDEX IF EXISTS ix"))
    ours.execute(sa.text(statement))


def test_what_a_role_cannot_see_is_said(database: Sessions) -> None:
    for role in ("postgres", "banker"):
        database.open("SELECT 1 FROM project", role=role)
    ours = database.open("SET lock_timeout = '300ms'", role="other")

    watch = wait_in_vain(ours, "LOCK TABLE project IN ACCESS EXCLUSIVE MODE")

    described = describe(watch.seen, remedies=True)
    assert described.count("its state is hidden from this role") == 2
    assert re.search(r"\(lab, user postgres, .*?\): SELECT pg_terminate_backend\(\d+\); as a superuser", described)
    assert re.search(r"\(lab, user banker, .*?\): SELECT pg_terminate_backend\(\d+\); as a member of pg_sig", described)


def test_statement_that_gets_its_lock_has_no_blockers(database: Sessions) -> None:
    reader = database.open("SELECT 1 FROM project")
    ours = database.open("SET lock_timeout = '20s'", isolation="AUTOCOMMIT")
    told: list[str] = []

    def tell(blockers: object) -> None:
        told.append(str(blockers))
        reader.rollback()

    with Watch(ours) as watch:
        watch.report = tell
        ours.execute(sa.text(ALTER))

    assert len(told) == 1
    assert watch.seen == ()

"""Commands beside those of Alembic: status, doctor, wait, roles, seed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from alembic.config import Config
from sqlalchemy import URL, Connection, TableClause, func, select
from sqlalchemy.exc import DBAPIError

from fractal_models.cli.forecast import forecast
from fractal_models.cli.output import (
    console,
    obstacle_facts,
    print_json,
    print_labelled,
    print_status,
    status_facts,
)
from fractal_models.database.connection.driver_errors import explain
from fractal_models.database.connection.engine import maintenance_engine, sessionmaker
from fractal_models.database.connection.errors import (
    BlockedByDataError,
    BusyError,
    DatabaseError,
    DatabaseState,
    Status,
    UnreachableError,
)
from fractal_models.database.connection.redaction import masked
from fractal_models.database.connection.timeouts import CONNECT_TIMEOUT
from fractal_models.database.inspection.check import check_database
from fractal_models.database.inspection.contents import own_tables
from fractal_models.database.inspection.doctor import examine_database, size_in_bytes
from fractal_models.database.inspection.readable import missing_parts, readable_tables
from fractal_models.database.inspection.reading import reading
from fractal_models.database.inspection.roles import role_statements
from fractal_models.database.inspection.state import EXAMINED, inspect_database
from fractal_models.database.revisions.rules import Finding
from fractal_models.models import UserOAuth
from fractal_models.tables import METADATA

TRANSIENT = {
    DatabaseState.HOST_NOT_FOUND,
    DatabaseState.NOT_RESPONDING,
    DatabaseState.REFUSED,
    DatabaseState.STARTING,
    DatabaseState.TOO_MANY_CONNECTIONS,
    DatabaseState.LOCKED,
}
"""States of a server that is starting."""

UNCONNECTED = {
    DatabaseState.AUTHENTICATION,
    DatabaseState.NO_DATABASE,
    DatabaseState.NOT_A_DATABASE,
    DatabaseState.UNREACHABLE,
    DatabaseState.UNSUPPORTED,
}
"""States without a connection in which waiting does not help."""


def url_of(config: Config) -> URL:
    """The database of a command."""
    url: URL = config.attributes["url"]
    return url


def status(config: Config, as_json: bool = False) -> None:
    """Print the state of the database, without writing to it."""
    url = url_of(config)
    found, measures = _measured(url, inspect_database(url))
    (print_json if as_json else print_status)(status_facts(found, masked(url), **measures))
    raise SystemExit(found.exit_code)


def _measured(url: URL, found: Status) -> tuple[Status, dict[str, Any]]:
    """Server, size and numbers of rows; if they cannot be read, the state that says why."""
    if found.state.error in {UnreachableError, BusyError} and not found.obstacles:
        return found, {}
    try:
        return found, _measures(url)
    except DatabaseError as error:
        why = error.status or DatabaseState.UNREACHABLE.status(str(error))
        return replace(why, revisions=found.revisions, release=found.release, pending=found.pending), {}


def _measures(url: URL) -> dict[str, Any]:
    with reading(url) as connection:
        version = ".".join(map(str, connection.dialect.server_version_info or ()))
        present = own_tables(connection)
        missing = missing_parts(connection)
        rows = {table.name: _count(connection, table) for table in METADATA.sorted_tables if table.name in present}
        return {
            "server": f"{connection.dialect.name} {version}",
            "bytes": size_in_bytes(connection),
            "rows": rows,
            "readable": readable_tables(missing),
            "missing": missing,
        }


def _count(connection: Connection, table: TableClause) -> int | None:
    """Number of rows; None where the role has no permission."""
    try:
        return connection.scalar(select(func.count()).select_from(table))
    except DBAPIError as error:
        if explain(error, connection.engine.url).state is not DatabaseState.NO_PERMISSION:
            raise
        connection.rollback()
        return None


def doctor(config: Config, as_json: bool = False, for_server: str | None = None) -> None:
    """Print drift, rows that block the pending revisions, and rows that break a documented rule."""
    if for_server is not None:
        forecast(url_of(config), for_server, as_json)
        return
    diagnosis = examine_database(url_of(config))
    differences = diagnosis.status.differences
    if as_json:
        print_json(
            {
                "state": diagnosis.status.state.value,
                "message": diagnosis.status.message,
                "blocking": _facts(diagnosis.blocking),
                "breaking": _facts(diagnosis.breaking),
                "differences": list(differences),
                "obstacles": obstacle_facts(diagnosis.status),
                "notes": list(diagnosis.status.notes),
                "unknown": [asdict(unknown) for unknown in diagnosis.unknown],
            }
        )
    else:
        out = console()
        for note in diagnosis.status.notes:
            print_labelled(out, "bold", "note:", note)
        lines = [("drift", difference) for difference in differences]
        lines += [("blocks an upgrade", str(finding)) for finding in diagnosis.blocking]
        lines += [("breaks a rule", str(finding)) for finding in diagnosis.breaking]
        lines += [("keeps from an upgrade", obstacle.line) for obstacle in diagnosis.status.obstacles]
        for kind, line in lines:
            print_labelled(out, "bold yellow", f"{kind}:", line)
        if not lines and diagnosis.status.state in EXAMINED:
            print_labelled(out, "bold green", "nothing is wrong:", diagnosis.status.message)
        for unknown in diagnosis.unknown:
            print_labelled(out, "bold", "not known:", str(unknown))
    diagnosis.raise_for_findings()


def _facts(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    return [
        {
            "table": finding.rule.table,
            "rows": list(finding.keys),
            "reason": finding.rule.reason,
            "remedy": finding.remedy,
        }
        for finding in findings
    ]


def wait(config: Config, timeout: float = 60.0) -> None:
    """Wait until the server accepts connections."""
    deadline = time.monotonic() + timeout
    while True:
        left = deadline - time.monotonic()
        engine = maintenance_engine(url_of(config), min(CONNECT_TIMEOUT, max(left, 0)))
        found = inspect_database(engine, check_drift=False)
        if found.state not in TRANSIENT:
            break
        if time.monotonic() > deadline:
            raise UnreachableError(f"no connection within {timeout:g} s: {found.line}", found)
        time.sleep(0.2)
    if found.state in UNCONNECTED:
        found.raise_for_state()


def roles(config: Config, prefix: str = "fractal", schema: str = "public", revoke: str | None = None) -> None:
    """Print SQL for PostgreSQL roles: a migrator, a server, and an analyst without access to secrets."""
    print("-- Least-privilege roles for Fractal. Run it as a superuser, and again after each upgrade.")
    print(f"-- Then give each a password: \\password {prefix}_migrator")
    if revoke is None:
        print(
            f"-- A role that owns the tables now keeps its rights, as a member of {prefix}_migrator, so that a server"
        )
        print(f"-- which logs in with it goes on. When servers log in as {prefix}_server, end these rights with")
        print("--   fractal-models roles --revoke ROLE")
    else:
        print(f"-- {revoke} loses the rights of an owner of the tables: no server may log in with it any more.")
    print("BEGIN;")
    # Other sessions would queue behind the change of an owner.
    print("SET LOCAL lock_timeout = '2s';")
    for statement in role_statements(prefix, schema, revoke):
        print(f"{statement};")
    print("COMMIT;")


def seed(config: Config, size: int = 10) -> None:
    """Fill an empty database with a demo site, whose users all have the password "demo"."""
    from fractal_models.testing.demo_site import seed as fill

    engine = maintenance_engine(url_of(config))
    check_database(engine)
    with sessionmaker(engine)() as session:
        if users := session.scalar(select(func.count()).select_from(UserOAuth)):
            raise BlockedByDataError(f"the database has {users} users; a demo site needs an empty one")
        fill(session, size)
    print(f"{masked(url_of(config))}: {size} users, who log in as admin@example.org, user1@example.org, …")

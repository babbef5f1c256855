"""SQL for PostgreSQL roles with least privileges."""

from __future__ import annotations

from collections.abc import Iterator

from fractal_models.database.revisions.operations.base import literal, literals
from fractal_models.models import TABLES
from fractal_models.tables import METADATA


def secret_columns() -> dict[str, set[str]]:
    """Columns that `repr` omits (password hashes, tokens, paths of keys), by table."""
    found = {
        str(model.__tablename__): {name for name, field in model.model_fields.items() if not field.repr}
        for model in TABLES
    }
    return {table: columns for table, columns in found.items() if columns}


KEEP_OWNERS = """\
DO $$ DECLARE owner record; BEGIN
    FOR owner IN
        SELECT DISTINCT rolname, rolinherit FROM pg_class JOIN pg_roles ON pg_roles.oid = relowner
        WHERE relnamespace = to_regnamespace({schema}) AND relkind = 'r' AND relname IN ({tables})
        AND rolname NOT IN ({others}) AND NOT rolsuper
    LOOP
        IF NOT owner.rolinherit THEN
            RAISE EXCEPTION 'role % has NOINHERIT, so it would lose its rights; nothing was changed', owner.rolname
            USING HINT = format('ALTER ROLE %I INHERIT', owner.rolname);
        END IF;
        EXECUTE format('GRANT %I TO %I', {migrator}, owner.rolname);
    END LOOP;
END $$"""
"""A running server may log in as the owner of the tables; as a member of the new owner it keeps its rights."""


def role_statements(prefix: str = "fractal", schema: str = "public", revoke: str | None = None) -> Iterator[str]:
    """Generate statements for a superuser, to be run again after each upgrade.

    Args:
        prefix: The roles are `PREFIX_migrator`, `PREFIX_server` and `PREFIX_analyst`.
        schema: Schema of the tables.
        revoke: A role whose rights as the owner of the tables, present or former, end; others keep theirs.
    """
    migrator, server, analyst = (_quoted(f"{prefix}_{role}") for role in ("migrator", "server", "analyst"))
    place = _quoted(schema)

    for role in (migrator, server, analyst):
        name = role.strip('"').replace('""', '"')
        yield (
            f"DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = {literal(name)}) "
            f"THEN CREATE ROLE {role} LOGIN; END IF; END $$"
        )
    yield f"REVOKE CREATE ON SCHEMA {place} FROM PUBLIC"
    yield f"GRANT USAGE ON SCHEMA {place} TO {migrator}, {server}, {analyst}"

    yield f"GRANT CREATE ON SCHEMA {place} TO {migrator}"
    # Only the owner of a table can alter it. `alembic_version` is missing before the first upgrade.
    names = [*(table.name for table in METADATA.sorted_tables), "alembic_version"]
    yield KEEP_OWNERS.format(
        schema=literal(place),
        tables=literals(names),
        others=literals([f"{prefix}_migrator", *([revoke] if revoke else [])]),
        migrator=literal(f"{prefix}_migrator"),
    )
    if revoke:
        yield f"REVOKE {migrator} FROM {_quoted(revoke)}"
    for name in names:
        yield f"ALTER TABLE IF EXISTS {place}.{_quoted(name)} OWNER TO {migrator}"
    for kind, rights in (("TABLES", "SELECT, INSERT, UPDATE, DELETE"), ("SEQUENCES", "USAGE, SELECT")):
        yield f"ALTER DEFAULT PRIVILEGES FOR ROLE {migrator} IN SCHEMA {place} GRANT {rights} ON {kind} TO {server}"

    # Before the first upgrade there are no tables.
    yield _if_exists(f"{place}.alembic_version", list(_table_grants(place, server, analyst)))
    yield f"ALTER ROLE {analyst} SET default_transaction_read_only = on"


def _table_grants(place: str, server: str, analyst: str) -> Iterator[str]:
    tables = METADATA.sorted_tables
    secrets = secret_columns()
    everything = ", ".join(f"{place}.{_quoted(table.name)}" for table in tables)
    yield f"REVOKE ALL ON {everything}, {place}.alembic_version FROM {server}, {analyst}"
    yield f"GRANT SELECT, INSERT, UPDATE, DELETE ON {everything} TO {server}"
    yield f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {place} TO {server}"
    yield f"GRANT SELECT ON {place}.alembic_version TO {server}, {analyst}"
    for table in tables:
        columns = ""
        if table.name in secrets:
            shown = (column.name for column in table.columns if column.name not in secrets[table.name])
            columns = f" ({', '.join(map(_quoted, shown))})"
        yield f"GRANT SELECT{columns} ON {place}.{_quoted(table.name)} TO {analyst}"


def _if_exists(table: str, statements: list[str]) -> str:
    body = "".join(f"\n    {statement};" for statement in statements)
    return f"DO $$ BEGIN IF to_regclass('{table}') IS NOT NULL THEN{body}\nEND IF; END $$"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

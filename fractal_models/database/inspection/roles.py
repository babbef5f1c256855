"""SQL for PostgreSQL roles with least privileges."""

from __future__ import annotations

from collections.abc import Iterator

from fractal_models.models import TABLES, sorted_tables


def secret_columns() -> dict[str, set[str]]:
    """Columns that `repr` omits (password hashes, tokens, paths of keys), by table."""
    found = {
        str(model.__tablename__): {name for name, field in model.model_fields.items() if not field.repr}
        for model in TABLES
    }
    return {table: columns for table, columns in found.items() if columns}


def role_statements(prefix: str = "fractal", schema: str = "public") -> Iterator[str]:
    """Generate statements for a superuser, to be run again after each upgrade.

    Args:
        prefix: The roles are `PREFIX_migrator`, `PREFIX_server` and `PREFIX_analyst`.
        schema: Schema of the tables.
    """
    migrator, server, analyst = (_quoted(f"{prefix}_{role}") for role in ("migrator", "server", "analyst"))
    place = _quoted(schema)

    for role in (migrator, server, analyst):
        literal = role.strip('"').replace('""', '"').replace("'", "''")
        yield (
            f"DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{literal}') "
            f"THEN CREATE ROLE {role} LOGIN; END IF; END $$"
        )
    yield f"REVOKE CREATE ON SCHEMA {place} FROM PUBLIC"
    yield f"GRANT USAGE ON SCHEMA {place} TO {migrator}, {server}, {analyst}"

    yield f"GRANT CREATE ON SCHEMA {place} TO {migrator}"
    # Only the owner of a table can alter it. `alembic_version` is missing before the first upgrade.
    for name in [*(table.name for table in sorted_tables()), "alembic_version"]:
        yield f"ALTER TABLE IF EXISTS {place}.{_quoted(name)} OWNER TO {migrator}"
    for kind, rights in (("TABLES", "SELECT, INSERT, UPDATE, DELETE"), ("SEQUENCES", "USAGE, SELECT")):
        yield f"ALTER DEFAULT PRIVILEGES FOR ROLE {migrator} IN SCHEMA {place} GRANT {rights} ON {kind} TO {server}"

    # Before the first upgrade there are no tables.
    yield _if_exists(f"{place}.alembic_version", list(_table_grants(place, server, analyst)))
    yield f"ALTER ROLE {analyst} SET default_transaction_read_only = on"


def _table_grants(place: str, server: str, analyst: str) -> Iterator[str]:
    tables = sorted_tables()
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

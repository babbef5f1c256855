"""What a database consists of, as plain data that compares: names, types, defaults, rules.

The order in which things were created does not show. Definitions are the engine's own words, so nothing is lost that it
knows: `pg_get_constraintdef` and the like on PostgreSQL, `sqlite_master` on SQLite (where reflection misses much).
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy import URL, Connection

from fractal_models.database import create_engine

Catalog = dict[str, dict[str, list[str]]]
"""Definitions by kind of object (`tables`, `indexes`, …) and name; those of a table are sorted."""

VERSION_TABLE = "alembic_version"

POSTGRES_TABLES = """
SELECT c.relname,
    concat_ws(' ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
              CASE WHEN a.attnotnull THEN 'NOT NULL' END, 'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid),
              CASE WHEN a.attidentity <> '' THEN 'IDENTITY' END)
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
UNION ALL
-- NOT NULL is told with the column; only PostgreSQL 18 has a constraint for it.
SELECT c.relname, format('CONSTRAINT %I %s', r.conname, pg_get_constraintdef(r.oid, true))
FROM pg_class c JOIN pg_constraint r ON r.conrelid = c.oid
WHERE r.contype <> 'n' AND c.relnamespace = current_schema()::regnamespace
"""

POSTGRES_INDEXES = """
SELECT c.relname, concat_ws(' ', pg_get_indexdef(c.oid, 0, true), CASE WHEN NOT i.indisvalid THEN 'INVALID' END)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE c.relnamespace = current_schema()::regnamespace
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid AND conrelid = i.indrelid)
"""

POSTGRES_SEQUENCES = """
SELECT s.sequencename,
    concat_ws(' ', s.data_type, 'OWNED BY ' || pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid))
FROM pg_sequences s
LEFT JOIN pg_depend d ON d.objid = format('%I.%I', s.schemaname, s.sequencename)::regclass AND d.deptype = 'a'
WHERE s.schemaname = current_schema()
"""

# Whatever else the schema holds: views, functions, types, …
POSTGRES_OBJECTS = """
SELECT i.type, i.identity
FROM pg_depend d, pg_identify_object(d.classid, d.objid, d.objsubid) i
WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = current_schema()::regnamespace
    AND i.type NOT IN ('table', 'index', 'sequence')
UNION ALL
SELECT 'trigger', pg_get_triggerdef(oid, true) FROM pg_trigger WHERE NOT tgisinternal
"""

# Objects below this oid come with the server.
POSTGRES_COMMENTS = """
SELECT pg_describe_object(classoid, objoid, objsubid), description FROM pg_description WHERE objoid >= 16384
"""

SQLITE_OBJECTS = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"

SQL_TOKEN = re.compile(r"'(?:[^']|'')*' | \"[^\"]*\" | [(),] | [^\s(),'\"]+", re.VERBOSE)


def catalog(url: URL | str) -> Catalog:
    """Read all that is in the database, except for Alembic's own table."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            read = read_postgres if engine.dialect.name == "postgresql" else read_sqlite
            found = read(connection)
    finally:
        engine.dispose()
    found["tables"].pop(VERSION_TABLE, None)
    return found


def read_postgres(connection: Connection) -> Catalog:
    kinds = {
        "tables": POSTGRES_TABLES,
        "indexes": POSTGRES_INDEXES,
        "sequences": POSTGRES_SEQUENCES,
        "objects": POSTGRES_OBJECTS,
        "comments": POSTGRES_COMMENTS,
    }
    # Defaults that are a moment are told in the time zone of the session.
    connection.execute(sa.text("SET TIME ZONE 'UTC'"))
    return {kind: _collect(connection.execute(sa.text(query))) for kind, query in kinds.items()}


def read_sqlite(connection: Connection) -> Catalog:
    kinds: Catalog = {"tables": {}, "indexes": {}, "objects": {}}
    for type_, name, sql in connection.execute(sa.text(SQLITE_OBJECTS)):
        if type_ == "table":
            kinds["tables"][name] = sorted(_split_definitions(sql))
        else:
            kinds["indexes" if type_ == "index" else "objects"][name] = [" ".join(_tokens(sql))]
    return kinds


def differences(one: Catalog, other: Catalog) -> list[str]:
    """What only one of them has, marked by `-` for the first and `+` for the second."""
    one_lines, other_lines = set(_lines(one)), set(_lines(other))
    return sorted(f"{'-' if line in one_lines else '+'} {line}" for line in one_lines ^ other_lines)


def revisions(url: URL | str) -> list[str]:
    """Where the database stands: what Alembic's own table says."""
    engine = create_engine(url)
    with engine.connect() as connection:
        found = list(connection.scalars(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")))
    engine.dispose()
    return found


def _lines(catalog: Catalog) -> Iterator[str]:
    for kind, objects in catalog.items():
        for name, definitions in objects.items():
            yield from (f"{kind} {name}: {definition}" for definition in definitions)


def _collect(rows: Iterable[Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, definition in rows:
        found.setdefault(name, []).append(definition)
    return {name: sorted(definitions) for name, definitions in sorted(found.items())}


def _tokens(sql: str) -> list[str]:
    """The words of a statement; a quoted name reads as a plain one, for SQLite quotes those that it rewrites."""
    return [token.strip('"') for token in SQL_TOKEN.findall(sql)]


def _split_definitions(create_table: str) -> list[str]:
    """The definitions of columns and constraints in a CREATE TABLE statement, and what follows them (`STRICT`)."""
    definitions: list[list[str]] = [[]]
    depth = 0
    # Before the first parenthesis there is nothing but the name of the table.
    for token in _tokens(create_table[create_table.index("(") :]):
        depth += {"(": 1, ")": -1}.get(token, 0)
        if (token == "(" and depth == 1) or (token == ")" and depth == 0) or (token == "," and depth == 1):
            definitions.append([])
        else:
            definitions[-1].append(token)
    return [" ".join(words) for words in definitions if words]

"""Queries for the rows that later releases of fractal-server change, on PostgreSQL and SQLite."""

from __future__ import annotations

Query = str | dict[str, str]
"""SQL that gives the primary keys of rows `t`; by dialect name where the two differ."""


def rows_where(table: str, condition: str) -> str:
    """Rows of a table that meet a condition."""
    return f"SELECT t.id FROM {table} t WHERE {condition} ORDER BY t.id"


def with_value(table: str, *columns: str) -> str:
    """Rows with a value in one of the columns."""
    return rows_where(table, " OR ".join(f"t.{column} IS NOT NULL" for column in columns))


def with_entries(table: str, column: str) -> str:
    """Rows with entries in a JSON array."""
    return rows_where(table, f"CAST(t.{column} AS TEXT) NOT IN ('[]', 'null')")


def sharing(table: str, *columns: str, where: str = "true") -> str:
    """Rows that share the values of columns with another one; null is never shared."""
    named = ", ".join(columns)
    groups = f"SELECT {named} FROM {table} t WHERE {where} GROUP BY {named} HAVING count(*) > 1"
    return rows_where(table, f"{where} AND ({named}) IN ({groups})")


def of_users(condition: str) -> str:
    """Active and verified users `t`, with settings `s`, that meet a condition."""
    return (
        "SELECT t.id FROM user_oauth t LEFT JOIN user_settings s ON s.id = t.user_settings_id "
        f"WHERE t.is_active AND t.is_verified AND ({condition}) ORDER BY t.id"
    )


def _members(column: str, key: str) -> dict[str, str]:
    """Table functions that give the members of the JSON object under a key, such as `filters.types`; `$` is all."""
    value = column if key == "$" else f"{column} #> '{{{key.replace('.', ',')}}}'"
    path = f"{column}, '{key if key == '$' else f'$.{key}'}'"
    return {
        "postgresql": f"json_each(CASE json_typeof({value}) WHEN 'object' THEN {value} ELSE '{{}}' END)",
        "sqlite": f"json_each(CASE json_type({path}) WHEN 'object' THEN json_extract({path}) ELSE '{{}}' END)",
    }


def readable_json(condition: str, column: str) -> str:
    """Condition for PostgreSQL on a JSON column, which may contain NUL characters that it cannot read."""
    return f"CASE WHEN strpos({column}::text, '\\u0000') > 0 THEN false ELSE {condition} END"


def with_members(table: str, column: str, *keys: str, condition: Query = "true") -> dict[str, str]:
    """Rows where the JSON object under one of the keys has a member `m` that meets a condition."""
    found = {}
    conditions = dict.fromkeys(("postgresql", "sqlite"), condition) if isinstance(condition, str) else condition
    for dialect, condition in conditions.items():
        functions = [_members(f"t.{column}", key)[dialect] for key in keys]
        exists = " OR ".join(f"EXISTS (SELECT 1 FROM {function} AS m WHERE {condition})" for function in functions)
        found[dialect] = rows_where(table, readable_json(exists, f"t.{column}") if dialect == "postgresql" else exists)
    return found


def with_structured_members(table: str, column: str, key: str) -> dict[str, str]:
    """Rows where the JSON object under a key has a member that is an object, an array or null."""
    types = "('object', 'array', 'null')"
    condition = {"postgresql": f"json_typeof(m.value) IN {types}", "sqlite": f"m.type IN {types}"}
    return with_members(table, column, key, condition=condition)


def with_entry_lacking(table: str, column: str, key: str) -> dict[str, str]:
    """Rows where an entry of a JSON array has no object under a key."""
    array = f"CASE json_typeof(t.{column}) WHEN 'array' THEN t.{column} ELSE '[]' END"
    lacking = f"json_typeof(m.value #> '{{{key.replace('.', ',')}}}') IS DISTINCT FROM 'object'"
    exists = f"EXISTS (SELECT 1 FROM json_array_elements({array}) AS m WHERE {lacking})"
    return {
        "postgresql": rows_where(table, readable_json(exists, f"t.{column}")),
        "sqlite": rows_where(
            table,
            f"EXISTS (SELECT 1 FROM json_each(t.{column}) AS m "
            f"WHERE json_type(t.{column}, m.fullkey || '.{key}') IS NOT 'object')",
        ),
    }


def of_users_with_bad_entries(column: str) -> dict[str, str]:
    """Active and verified users with an empty or repeated text in a JSON array of their settings."""
    repeated = "GROUP BY m.value HAVING count(*) > 1 OR trim(m.value) = ''"
    array = f"CASE json_typeof(s.{column}) WHEN 'array' THEN s.{column} ELSE '[]' END"
    return {
        "postgresql": of_users(f"EXISTS (SELECT 1 FROM json_array_elements_text({array}) AS m {repeated})"),
        "sqlite": of_users(f"EXISTS (SELECT 1 FROM json_each(s.{column}) AS m {repeated})"),
    }

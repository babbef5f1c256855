"""Revisions: what each does, which rows stop it, and what its way back loses."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import Any

from alembic.script import Script

from fractal_models.database.revisions.history import BASELINE, pending, release_name, title
from fractal_models.database.revisions.operations.base import Operation
from fractal_models.database.revisions.operations.recorder import recorded
from fractal_models.database.revisions.rules import irreversible, is_restartable, rules
from pages.markdown import code, codes, items, page, table

LOCKS = {
    "AddCheck": "Two steps: the check is added without reading rows, under a strong lock of at most 0.1 s; then rows "
    "are checked under a weak lock, while others read and write.",
    "CreateIndexOnline": "`CREATE INDEX CONCURRENTLY`: others read and write meanwhile. It waits for transactions that "
    "are open.",
    "NormalizeConstraintNames": "Changes the catalog alone, under a strong lock of at most 0.1 s.",
    "ReplaceForeignKey": "Two steps: the key is added without reading rows, under a strong lock of at most 0.1 s on "
    "both tables; then rows are checked under a weak lock, while others read and write.",
    "SetMissingDefault": "Changes the catalog alone, under a strong lock of at most 0.1 s.",
}
"""Locks of each operation on PostgreSQL, and who waits. On SQLite, the file is locked for writers during the run."""


def pages() -> Iterator[tuple[str, str]]:
    """File names and texts."""
    scripts = pending(None)
    overview = table(
        ("", "revision", "title", "rows can stop it", "way back"),
        [
            (
                number,
                f"[`{script.revision}`](#{script.revision})",
                title(script),
                "yes" if rules(script) else "",
                "drops all tables" if script.down_revision is None else "loses" if irreversible(script) else "complete",
            )
            for number, script in enumerate(scripts, 1)
        ],
    )
    yield "reference/migrations.md", page("Migrations", overview, *map(_entry, scripts))


def _entry(script: Script) -> str:
    reason = inspect.cleandoc(script.module.__doc__ or "").partition("\n")[2].strip()
    parts = [f"## {title(script)} {{ #{script.revision} }}", _place(script), reason]
    if operations := [line for kind, found in recorded(script).items() for line in _operations(kind, found)]:
        parts += ["**Changes**", "\n".join(operations)]
    if found := rules(script):
        lines = [f"{code(rule.table)}: a row that {rule.reason}. {rule.remedy}." for rule in found]
        parts += ["**Rows that stop it**", items(lines)]
    parts += ["**Way back**", _way_back(script)]
    return "\n\n".join(part for part in parts if part)


def _way_back(script: Script) -> str:
    """What the downgrade restores."""
    if script.down_revision is None:
        return "The downgrade drops all tables."
    return irreversible(script) or "The downgrade restores the schema completely."


def _place(script: Script) -> str:
    below = f"after `{script.down_revision}`" if script.down_revision else f"the first one, {release_name(BASELINE)}"
    ways = "; on PostgreSQL, an interrupted run is completed by the next one" if is_restartable(script) else ""
    return f"Revision `{script.revision}`, {below}{ways}."


def _operations(kind: type[Operation], found: Sequence[Operation]) -> Iterator[str]:
    """What the operations of one kind do, where, and under which lock."""
    meaning = (inspect.getdoc(kind) or "").partition("\n")[0]
    yield f"- {meaning} {LOCKS[kind.__name__]}"
    for operation in found:
        yield f"    - {_target(vars(operation))}"


def _target(arguments: dict[str, Any]) -> str:
    """Table and columns of an operation, and the name of what it makes."""
    columns = arguments.get("columns") or [arguments[name] for name in ("column",) if name in arguments]
    what = codes(columns) if columns else code(arguments.get("condition", ""))
    rule = f" (ON DELETE {arguments['on_delete']})" if arguments.get("on_delete") else ""
    where = f" where {code(arguments['where'])}" if arguments.get("where") else ""
    names = [arguments["name"]] if "name" in arguments else arguments.get("constraints", [])
    name = f": {codes(names)}" if names else ""
    return f"{code(arguments['table'])} {what}".strip() + f"{rule}{where}{name}"

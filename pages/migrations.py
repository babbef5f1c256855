"""Revisions: what each does, which rows stop it, and what its way back loses."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import Any

from alembic.script import Script

from benchmarks.site.upgrade import CHECKS
from fractal_models.database.revisions.history import BASELINE, pending, release_name, title
from fractal_models.database.revisions.operations.base import Operation
from fractal_models.database.revisions.operations.recorder import recorded
from fractal_models.database.revisions.rules import irreversible, is_restartable, rules
from fractal_models.tables import METADATA
from pages.benchmarks import waits
from pages.markdown import code, codes, example, items, page, table

LOCKS = {
    "AddCheck": "Two steps: the check is added without reading rows, under a strong lock, for about 0.1 s; then rows "
    "are checked under a weak lock, while others read and write.",
    "CreateIndexOnline": "`CREATE INDEX CONCURRENTLY`: others read and write meanwhile. It waits for transactions that "
    "are open.",
    "NormalizeConstraintNames": "Changes the catalog alone, under a strong lock, for about 0.1 s.",
    "ReplaceForeignKey": "Two steps: the key is added without reading rows, under strong locks on both "
    "tables, for about 0.1 s; then rows are checked under a weak lock, while others read and write.",
    "SetMissingDefault": "Changes the catalog alone, under a strong lock, for about 0.1 s.",
}
"""Locks of each operation on PostgreSQL, and who waits."""


LONGEST_LIST = 8
"""Operations or rules of one kind that are shown without a click."""

WAITS = """\
## Waits { #waits }

On SQLite, the file is locked for writers during an upgrade. On PostgreSQL, readers and writers continue: for a strong
lock, an upgrade queues for at most 0.05 s. Each revision says which of them wait. Its table says for how long, on
[a site](../benchmarks.md#site) of a given size while one client reads and one writes: the longest response of each,
with its waits for a processor and the disk. The checks of schema and rows come before the first revision:
"""


def pages() -> Iterator[tuple[str, str]]:
    """File names and texts."""
    scripts = pending(None)
    overview = table(
        ("revision", "title", "can be stopped", "way back"),
        [
            (
                f"[`{script.revision}`](#{script.revision})",
                title(script),
                "yes" if rules(script) else "",
                "drops all tables" if script.down_revision is None else "loses" if irreversible(script) else "complete",
            )
            for script in scripts
        ],
    )
    yield "reference/migrations.md", page("Migrations", overview, WAITS, waits(CHECKS), *map(_entry, scripts))


def _entry(script: Script) -> str:
    reason = inspect.cleandoc(script.module.__doc__ or "").partition("\n")[2].strip()
    parts = [f"## {title(script)} {{ #{script.revision} }}", _place(script), reason]
    if operations := [line for kind, found in recorded(script).items() for line in _operations(kind, found)]:
        parts += ["**Changes**", *operations]
    if found := rules(script):
        lines = [f"{_subject(rule.table)} that {rule.reason}. {rule.remedy}." for rule in found]
        parts += ["**What stops it**", _list(lines)]
    if shown := waits(script.revision):
        parts += ["**Waits**", shown]
    parts += ["**Way back**", _way_back(script)]
    return "\n\n".join(part for part in parts if part)


def _subject(name: str) -> str:
    """A row of a table, or another object that a rule is about."""
    return f"A row of {code(name)}" if name in METADATA.tables else f"{'An' if name == 'index' else 'A'} {name}"


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
    yield f"{meaning} {LOCKS[kind.__name__]}"
    yield _list([_target(vars(operation)) for operation in found])


def _list(lines: Sequence[str]) -> str:
    """List that opens with a click where it is long."""
    return example(f"All {len(lines)}", items(lines)) if len(lines) > LONGEST_LIST else items(lines)


def _target(arguments: dict[str, Any]) -> str:
    """Table and columns of an operation, and the name of what it makes."""
    columns = arguments.get("columns") or [arguments[name] for name in ("column",) if name in arguments]
    what = codes(columns) if columns else code(arguments.get("condition", ""))
    rule = f" (ON DELETE {arguments['on_delete']})" if arguments.get("on_delete") else ""
    where = f" where {code(arguments['where'])}" if arguments.get("where") else ""
    names = [arguments["name"]] if "name" in arguments else arguments.get("constraints", [])
    name = f": {codes(names)}" if names else ""
    return f"{code(arguments['table'])} {what}".strip() + f"{rule}{where}{name}"

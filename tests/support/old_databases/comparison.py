"""Compares the rows of a converted database with those that the oracle expects."""

import json
from datetime import datetime
from typing import Any

from tests.support.old_databases.oracle import Built, Either, Expected, New, Now
from tests.support.old_databases.schemas import schema_of
from tests.support.old_databases.values import Row, Tables, key_of, moment


def differences(expected: Expected, found: Tables, began: datetime, ended: datetime) -> list[str]:
    """Rows and values that differ, a line each, without the rows that the new tables have no room for.

    Args:
        expected: rows that the oracle expects.
        found: rows of the baseline's columns.
        began: a moment before the conversion.
        ended: a moment after it.
    """
    return list(_Comparison(expected, found, began, ended).run())


class _Comparison:
    def __init__(self, expected: Expected, found: Tables, began: datetime, ended: datetime) -> None:
        self.expected = expected.tables
        self.found = found
        self.began, self.ended = began, ended
        self.ids: dict[New, Any] = {}

    def run(self) -> list[str]:
        self.find_new_ids()
        distinct = {(new.table, id_) for new, id_ in self.ids.items()}
        lines = [f"two new rows share an id: {self.ids}"] * (len(distinct) != len(self.ids))
        assert set(self.expected) == set(self.found) == set(schema_of(25))
        for table, rows in self.expected.items():
            wanted = {key_of(row): row for row in map(self.numbered, rows)}
            found = {key_of(row): row for row in self.found[table]}
            lines += [f"{table} {key} is missing" for key in wanted.keys() - found.keys()]
            lines += [f"{table} {key} is too many: {found[key]}" for key in found.keys() - wanted.keys()]
            for key in wanted.keys() & found.keys():
                lines += [
                    f"{table}.{name} of {key}: {contrast(value, found[key][name])}"
                    for name, value in wanted[key].items()
                    if not self.equal(value, found[key][name])
                ]
        return lines

    def find_new_ids(self) -> None:
        """Find the ids of new rows in the rows that refer to them."""
        for group in self.found["usergroup"]:
            if group["name"] == "All":
                self.ids[New("usergroup", "All")] = group["id"]
        for table, column in [("user_oauth", "user_settings_id"), ("taskv2", "taskgroupv2_id")]:
            found = {row["id"]: row for row in self.found[table]}
            for row in self.expected[table]:
                if isinstance(row[column], New) and row["id"] in found:
                    self.ids.setdefault(row[column], found[row["id"]][column])

    def numbered(self, row: Row) -> Row:
        return {name: self.ids.get(value, value) if isinstance(value, New) else value for name, value in row.items()}

    def equal(self, expected: Any, found: Any) -> bool:
        if expected is Now:
            return isinstance(found, datetime) and self.began <= found <= self.ended
        if isinstance(expected, Either):
            return any(self.equal(each, found) for each in expected)
        if isinstance(expected, Built):
            return found is not None and same(expected.value, json.loads(found))
        return bool(expected == found) and type(expected) is type(found)


def contrast(expected: Any, found: Any) -> str:
    """What differs; of two dumps, the entries that do."""
    if not isinstance(expected, Built) or not found or not isinstance(actual := json.loads(found), dict):
        return f"expected {expected!r}, found {found!r}"
    wanted = expected.value
    missing, too_many = set(wanted) - set(actual), set(actual) - set(wanted)
    other = {
        name: (wanted[name], actual[name])
        for name in set(wanted) & set(actual)
        if not _same_entry(name, wanted[name], actual[name])
    }
    return f"lacks {missing}, has {too_many}, differs in {other}"


def same(expected: Any, found: Any) -> bool:
    """Whether two dumps are equal: steps, tasks and paths too may have their keys in any order, other dicts not."""
    if isinstance(expected, datetime):
        return isinstance(found, str) and moment(found) == expected
    if not isinstance(expected, dict):
        return json.dumps(expected) == json.dumps(found)
    if not isinstance(found, dict) or set(expected) != set(found):
        return False
    return all(_same_entry(name, value, found[name]) for name, value in expected.items())


def _same_entry(name: str, expected: Any, found: Any) -> bool:
    if name == "task":
        return same(expected, found)
    if name in ("task_list", "resource_list"):
        return len(expected) == len(found) and all(map(same, expected, found))
    return same(expected, found) if isinstance(expected, datetime) else json.dumps(expected) == json.dumps(found)

"""Column types, and the columns and relationships that several tables share.

Every type here refuses, before anything is sent, what one of the two engines could not store or
would hand back as something else. The error names table, column and reason.
"""

import json
from collections import UserDict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any, NoReturn, Self, SupportsIndex, TypeVar

from sqlalchemy import JSON, CheckConstraint, Dialect, Index, Integer, String, TypeDecorator, event, text
from sqlalchemy.exc import DontWrapMixin
from sqlalchemy.ext.mutable import Mutable, MutableDict, MutableList
from sqlalchemy.orm import InstanceState, object_session
from sqlalchemy.orm.attributes import flag_modified
from sqlalchemy.orm.collections import collection
from sqlalchemy.orm.util import identity_key
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import TypeEngine
from sqlalchemy.util import memoized_property
from sqlmodel import Field, Relationship, UTCDateTime

from fractal_models.utils import MAX_INTEGER, get_timestamp


class UnstorableValueError(ValueError, DontWrapMixin):
    """A value that no row may hold; the message says `table.column`, the reason and the remedy.

    SQLAlchemy would otherwise hide a `ValueError` in a `StatementError`.
    """


class _Labelled:
    """A column type that knows whose column it is; `Base` says so when a table is mapped."""

    label: str = "value"

    def refuse(self, reason: str) -> NoReturn:
        message = f"{self.label}: {reason}"
        # The value itself stays out, of the chain as of the message: it may be a secret.
        raise UnstorableValueError(message) from None


class StrictString(_Labelled, TypeDecorator[str]):
    """Text of any length that both engines store: no NUL, no lone surrogate."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Pass text through unchanged.

        Raises:
            UnstorableValueError: It is not text, or holds NUL or a lone surrogate.
        """
        if value is None:
            return None
        if not isinstance(value, str):
            self.refuse(f"takes text, not {type(value).__name__}")
        if "\0" in value:
            self.refuse("holds a NUL character, which PostgreSQL cannot store; remove it")
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                self.refuse("holds a lone surrogate, which is no Unicode text; replace it")
        return value


class StrictInteger(_Labelled, TypeDecorator[int]):
    """A number that PostgreSQL has room for; SQLite would take a larger one, and text."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:
        """Pass a number through unchanged.

        Raises:
            UnstorableValueError: It is no int, or needs more than 32 bits.
        """
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            self.refuse(f"takes an int, not {type(value).__name__}")
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            self.refuse("has no room for a number of more than 32 bits")
        return value


# PostgreSQL answers in the time zone of the session, less than a day from UTC; psycopg cannot read a year 0 or 10000.
EARLIEST = datetime.min.replace(tzinfo=UTC) + timedelta(days=1)
LATEST = datetime.max.replace(tzinfo=UTC) - timedelta(days=1)


class StrictDateTime(_Labelled, UTCDateTime):
    """A moment: stored in UTC, read back aware and in UTC from both engines."""

    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC.

        Raises:
            UnstorableValueError: It is no datetime, is naive, or is not between `EARLIEST` and `LATEST`.
        """
        if value is None:
            return None
        if not isinstance(value, datetime):
            self.refuse(f"takes a datetime, not {type(value).__name__}")
        if value.utcoffset() is None:
            self.refuse("has no timezone; use fractal_models.utils.get_timestamp() or datetime.now(UTC)")
        if not EARLIEST <= value <= LATEST:
            self.refuse("lies outside of the years 1 to 9999, or on their first or last day")
        return super().process_bind_param(value, dialect)


class _StrictJSON(_Labelled, TypeDecorator[Any]):
    """JSON text as Python's `json` writes it: keys keep their order, None is NULL.

    What JSON lacks comes back as what it has: tuples as lists, keys as text.
    """

    impl = JSON
    cache_ok = True
    # None that was given is NULL, not the column's default.
    should_evaluate_none = True
    container: type[Any]
    check: Callable[[Any], None] | None

    def __init__(self, check: Callable[[Any], None] | None = None) -> None:
        super().__init__(none_as_null=True)
        self.check = check

    def coerce_compared_value(self, op: OperatorType | None, value: Any) -> TypeEngine[Any]:
        """Let `column["key"]` and its comparisons work as on plain JSON."""
        return self.impl_instance.coerce_compared_value(op, value)

    def compare_values(self, x: Any, y: Any) -> bool:
        """Take any other dict for a change: equal ones may differ in the order of keys, or in 1 for True."""
        return x is y

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], str | None]:
        """Serialize here and not in the driver, so that each value is walked once.

        The `json_serializer` of an engine is not used.
        """

        def process(value: Any) -> str | None:
            if value is None:
                return None
            if not isinstance(value, self.container):
                self.refuse(f"takes a {self.container.__name__}, not {type(value).__name__}")
            try:
                if self.check is not None:
                    self.check(value)
                return json.dumps(value, allow_nan=False)
            except RecursionError:
                reason = "is nested too deeply"
            except (ValueError, TypeError) as error:
                reason = str(error)
            if reason.startswith("Out of range float values"):
                reason = "holds NaN or Infinity, which JSON has no number for; use null or text"
            self.refuse(reason)

        return process


class _Tracked(Mutable):
    """A collection that tells the objects it belongs to of its edits.

    Its owners are in a plain dict, for a `WeakKeyDictionary` per value doubles the time to load a row. That makes no
    cycle: SQLAlchemy's state of an object refers to the object weakly.
    """

    @memoized_property
    def _parents(self) -> dict[InstanceState[Any], str]:  # type: ignore[override]
        return {}

    @classmethod
    def coerce(cls, key: str, value: Any) -> Any:
        """Track a plain dict or list.

        Raises:
            UnstorableValueError: It is something else; `Base` adds the table to the message.
        """
        container = dict if issubclass(cls, dict) else list
        if value is None or isinstance(value, cls):
            return value
        if isinstance(value, container):
            return cls(value)  # type: ignore[call-arg]  # dict or list, beside
        message = f"{key}: takes a {container.__name__}, not {type(value).__name__}"
        raise UnstorableValueError(message)

    def changed(self) -> None:
        """Mark the owners as modified, but for those that are gone."""
        for state, name in self._parents.items():
            if (owner := state.obj()) is not None:
                flag_modified(owner, name)


class TrackedDict(_Tracked, MutableDict[str, Any]):
    """A dict whose own edits are saved."""

    # SQLAlchemy before 2.0.55 does not see `|=`.
    def __ior__(self, other: Any) -> Self:  # type: ignore[override,misc]
        self.update(other)
        return self


class TrackedList(_Tracked, MutableList[Any]):
    """A list whose own edits are saved."""

    # SQLAlchemy before 2.0.55 drops a dict or list that is assigned to an index, and does not see `*=`.
    def __setitem__(self, index: SupportsIndex | slice, value: Any) -> None:
        list.__setitem__(self, index, value)
        self.changed()

    def __imul__(self, times: SupportsIndex) -> Self:
        list.__imul__(self, times)
        self.changed()
        return self


class JSONObject(_StrictJSON):
    """A JSON object.

    Edits of the dict itself are saved (`meta["a"] = 1`, `update`, `pop`, …). Edits further down
    are not seen (`meta["a"]["b"] = 1`): assign the attribute again afterwards, the same dict will do
    (`dataset.meta = dataset.meta`).
    """

    cache_ok = True
    container = dict


class JSONArray(_StrictJSON):
    """A JSON array; in-place edits are saved as in `JSONObject`: `append` is, `history[0]["a"] = 1` is not."""

    cache_ok = True
    container = list


TrackedDict.associate_with(JSONObject)
TrackedList.associate_with(JSONArray)


def primary_key() -> Any:
    """Declare the integer key that the database counts up."""
    return Field(default=None, primary_key=True)


def required_foreign_key(**kwargs: Any) -> Any:
    """Declare a foreign key that is never null, but may be left to a relationship: constructors need either."""
    return Field(default=None, **kwargs)


def timestamp_now(**kwargs: Any) -> Any:
    """Declare a moment that defaults to that of construction."""
    return Field(default_factory=get_timestamp, **kwargs)


def heavy(**kwargs: Any) -> dict[str, Any]:
    """Give `sa_column_kwargs` of a column that can outweigh the rest of its row many times over.

    `fractal_models.loading.without_heavy` leaves it out.
    """
    return {**kwargs, "info": {"heavy": True}}


def json_object(*, check: Callable[[Any], None] | None = None, **kwargs: Any) -> Any:
    """Declare a column of JSON objects; without `default` or `default_factory` it must be given."""
    return Field(sa_type=JSONObject(check), **kwargs)


def json_array(**kwargs: Any) -> Any:
    """Declare a column of JSON arrays; without `default` or `default_factory` it must be given."""
    return Field(sa_type=JSONArray(), **kwargs)


def no_filters() -> dict[str, Any]:
    """Make the filters that every image passes."""
    return {"attributes": {}, "types": {}}


Method = TypeVar("Method", bound=Callable[..., Any])

# SQLAlchemy leaves alone what is marked so: it tells of its changes itself.
_instrumented: Callable[[Method], Method] = collection.internally_instrumented


def _as_a_whole(method: str) -> Any:
    """Make a method of `StepList` from that of a plain list."""

    @_instrumented
    def edit(self: "StepList", *args: Any, _sa_initiator: Any = None, **kwargs: Any) -> Any:
        steps = list(self)
        result = getattr(steps, method)(*args, **kwargs)
        self._become(steps, _sa_initiator)
        return result

    return edit


class StepList(list[Any]):
    """The steps of a workflow: whatever is done to the list, `order` counts them from 0 without gaps.

    SQLAlchemy's own `OrderingList` tells of each edit entry by entry. A step that changes its place, as in
    `steps[0], steps[1] = steps[1], steps[0]`, is in the list twice in between: it would be deleted as taken out.
    """

    _sa_adapter: Any = None

    def reorder(self) -> None:
        """Close the gap that a step leaves which was deleted by itself; every edit of the list does."""
        number(self)

    def _become(self, steps: list[Any], initiator: Any) -> None:
        if self._sa_adapter is not None:
            before, after = dict.fromkeys(self), dict.fromkeys(steps)
            for step in before:
                if step not in after:
                    self._sa_adapter.fire_remove_event(step, initiator)
            for step in after:
                if step not in before:
                    self._take_over(step)
                    self._sa_adapter.fire_append_event(step, initiator)
        super().__setitem__(slice(None), steps)
        self.reorder()

    def _take_over(self, step: Any) -> None:
        """Take a step out of the list of another workflow, if that is loaded: nobody else would close the gap there."""
        owner = self._sa_adapter.owner_state
        if (session := object_session(step)) is None or step.workflow_id is None:
            return
        former = session.identity_map.get(identity_key(owner.class_, step.workflow_id))
        if former is not None and former is not owner.obj() and step in former.__dict__.get("task_list", ()):
            former.task_list.remove(step)

    @_instrumented
    def append(self, step: Any, _sa_initiator: Any = None) -> None:
        """Add at the end."""
        if _sa_initiator is False:
            # Loaded: it has its place in the database, and reading must not write.
            super().append(step)
        else:
            self._become([*self, step], _sa_initiator)

    insert = _as_a_whole("insert")
    remove = _as_a_whole("remove")
    pop = _as_a_whole("pop")
    reverse = _as_a_whole("reverse")
    sort = _as_a_whole("sort")
    __setitem__ = _as_a_whole("__setitem__")
    __delitem__ = _as_a_whole("__delitem__")

    @_instrumented
    def __imul__(self, times: SupportsIndex) -> Self:
        self._become(list(self) * times, None)
        return self

    def __reduce__(self) -> Any:
        # The list is part of its own state, by way of its workflow: it has to exist before that is restored.
        return type(self), (), (self.__dict__, list(self))

    def __setstate__(self, state: tuple[dict[str, Any], list[Any]]) -> None:
        self.__dict__.update(state[0])
        list.extend(self, state[1])


def number(steps: Iterable[Any]) -> None:
    """Number steps in their order, each once."""
    for order, step in enumerate(dict.fromkeys(steps)):
        if step.order != order:
            step.order = order


def keep_numbered(step_list: Any) -> None:
    """Have the steps numbered also when the list of a workflow is assigned as a whole."""

    @event.listens_for(step_list, "bulk_replace")
    def renumber(_workflow: object, steps: list[Any], _initiator: object) -> None:
        number(steps)


def eager_relationship(**kwargs: Any) -> Any:
    """Declare a relationship that is loaded with its owner, so that async code never has to."""
    return Relationship(sa_relationship_kwargs={"lazy": "selectin", **kwargs})


def children(order_by: str, **kwargs: Any) -> Any:
    """Declare a list whose entries are deleted with their owner, or when taken out of it.

    Those that were not loaded are left to the database, whose key must have `ondelete="CASCADE"`.
    """
    return eager_relationship(order_by=order_by, cascade="all, delete-orphan", passive_deletes=True, **kwargs)


def steps(order_by: str) -> Any:
    """Declare the ordered steps of a workflow."""
    return children(order_by, collection_class=StepList)


def enum_check(column: str, values: type[StrEnum]) -> CheckConstraint:
    """Declare that a column holds a value of an enumeration."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def task_index_range() -> CheckConstraint:
    """Declare that a job runs at least one step of its workflow, in order."""
    return CheckConstraint("0 <= first_task_index AND first_task_index <= last_task_index", name="task_index_range")


def one_submitted_index(name: str, dataset_id: str) -> Index:
    """Declare that no two submitted jobs share a dataset."""
    index = Index(name, dataset_id, unique=True)
    index.__dict__["dialect_options"] = _Where("status = 'submitted'")
    return index


class _Where(UserDict[str, Any]):
    """The `dialect_options` of a partial index, made when somebody first asks for them.

    Given to the index itself, `postgresql_where` and `sqlite_where` would load both dialects, a tenth of the time to
    import the models.
    """

    def __init__(self, condition: str) -> None:
        self.condition = condition

    @cached_property
    def data(self) -> Any:  # type: ignore[override]
        """What an index has that is declared so."""
        condition = text(self.condition)
        return Index(None, "status", postgresql_where=condition, sqlite_where=condition).dialect_options

    def __getitem__(self, dialect: str) -> Any:
        return self.data[dialect]

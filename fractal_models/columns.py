"""Column types, and the columns and relationships that several tables share.

Every type here refuses, before anything is sent, what one of the two engines could not store or
would hand back as something else. The error names table, column and reason.
"""

import json
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, NoReturn

from sqlalchemy import JSON, Dialect, String, TypeDecorator
from sqlalchemy.exc import DontWrapMixin
from sqlalchemy.ext.mutable import Mutable, MutableDict, MutableList
from sqlalchemy.ext.orderinglist import OrderingList
from sqlalchemy.orm import InstanceState
from sqlalchemy.orm.attributes import flag_modified
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import TypeEngine
from sqlalchemy.util import memoized_property
from sqlmodel import Field, Relationship, UTCDateTime

from fractal_models.utils import get_timestamp


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


class StrictDateTime(_Labelled, UTCDateTime):
    """A moment: stored in UTC, read back aware and in UTC from both engines."""

    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC.

        Raises:
            UnstorableValueError: It is no datetime, is naive, or leaves the years 1 to 9999 in UTC.
        """
        if value is None:
            return None
        if not isinstance(value, datetime):
            self.refuse(f"takes a datetime, not {type(value).__name__}")
        if value.utcoffset() is None:
            self.refuse("has no timezone; use fractal_models.utils.get_timestamp() or datetime.now(UTC)")
        try:
            return super().process_bind_param(value, dialect)
        except OverflowError:
            self.refuse("lies outside of the years 1 to 9999 in UTC")


class _StrictJSON(_Labelled, TypeDecorator[Any]):
    """JSON text as Python's `json` writes it: keys keep their order, None is NULL."""

    impl = JSON
    cache_ok = True
    container: type[dict[str, Any]] | type[list[Any]]
    check: Callable[[Any], None] | None

    def __init__(self, check: Callable[[Any], None] | None = None) -> None:
        super().__init__(none_as_null=True)
        self.check = check

    def coerce_compared_value(self, op: OperatorType | None, value: Any) -> TypeEngine[Any]:
        """Let `column["key"]` and its comparisons work as on plain JSON."""
        return self.impl_instance.coerce_compared_value(op, value)

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
            except (ValueError, TypeError, RecursionError) as error:
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

    def changed(self) -> None:
        """Mark the owners as modified, but for those that are gone."""
        for state, name in self._parents.items():
            if (owner := state.obj()) is not None:
                flag_modified(owner, name)


class TrackedDict(_Tracked, MutableDict[str, Any]):
    """A dict whose own edits are saved."""


class TrackedList(_Tracked, MutableList[Any]):
    """A list whose own edits are saved."""


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


def timestamp_now(**kwargs: Any) -> Any:
    """Declare a moment that defaults to that of construction."""
    return Field(default_factory=get_timestamp, **kwargs)


def json_object(*, check: Callable[[Any], None] | None = None, **kwargs: Any) -> Any:
    """Declare a column of JSON objects; without `default` or `default_factory` it must be given."""
    return Field(sa_type=JSONObject(check), **kwargs)  # type: ignore[call-overload]


def json_array(**kwargs: Any) -> Any:
    """Declare a column of JSON arrays; without `default` or `default_factory` it must be given."""
    return Field(sa_type=JSONArray(), **kwargs)  # type: ignore[call-overload]


def no_filters() -> dict[str, Any]:
    """Make the filters that every image passes."""
    return {"attributes": {}, "types": {}}


class StepList(OrderingList[Any]):
    """The steps of a workflow: whatever moves one renumbers `order` from 0 without gaps."""

    def reverse(self) -> None:
        """Reverse in place."""
        super().reverse()
        self.reorder()

    def sort(self, **kwargs: Any) -> None:
        """Sort in place."""
        super().sort(**kwargs)
        self.reorder()


def renumber(_target: object, steps: list[Any], _initiator: object) -> None:
    """Number the steps of a list that is assigned as a whole: a listener to `bulk_replace`."""
    for order, step in enumerate(steps):
        step.order = order


def related(**kwargs: Any) -> Any:
    """Declare a relationship that is loaded with its owner, so that async code never has to."""
    return Relationship(sa_relationship_kwargs={"lazy": "selectin", **kwargs})


def owned(order_by: str, **kwargs: Any) -> Any:
    """Declare a list whose entries are deleted with their owner, or when taken out of it."""
    return related(order_by=order_by, cascade="all, delete-orphan", **kwargs)


def steps(order_by: str) -> Any:
    """Declare the ordered steps of a workflow."""
    return owned(order_by, collection_class=partial(StepList, "order"))

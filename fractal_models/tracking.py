"""Dicts and lists that report their edits to SQLAlchemy."""

from typing import Any, Self, SupportsIndex

from sqlalchemy.ext.mutable import Mutable, MutableDict, MutableList
from sqlalchemy.orm import InstanceState
from sqlalchemy.orm.attributes import flag_modified
from sqlalchemy.util import memoized_property

from fractal_models.types import UnstorableValueError


class _Tracked(Mutable):
    """Base of both containers.

    Its parents are in a plain dict: a `WeakKeyDictionary` per value doubles the time to load a row. That makes no
    reference cycle, because SQLAlchemy's state of an object refers to the object weakly.
    """

    @memoized_property
    def _parents(self) -> dict[InstanceState[Any], str]:  # type: ignore[override]
        return {}

    @classmethod
    def coerce(cls, key: str, value: Any) -> Any:
        """Convert a plain dict or list.

        Raises:
            UnstorableValueError: The value has another type; `Base` prepends the table to the message.
        """
        container = dict if issubclass(cls, dict) else list
        if value is None or isinstance(value, cls):
            return value
        if isinstance(value, container):
            return cls(value)  # type: ignore[call-arg]  # Subclasses are dict or list, too.
        message = f"{key}: should be a {container.__name__}, not {type(value).__name__}"
        raise UnstorableValueError(message)

    def changed(self) -> None:
        """Mark all parents that still exist as modified."""
        for state, name in self._parents.items():
            if (owner := state.obj()) is not None:
                flag_modified(owner, name)


class TrackedDict(_Tracked, MutableDict[str, Any]):
    """Dict whose own edits are saved."""

    # SQLAlchemy before 2.0.55 does not track `|=`.
    def __ior__(self, other: Any) -> Self:  # type: ignore[override,misc]
        self.update(other)
        return self


class TrackedList(_Tracked, MutableList[Any]):
    """List whose own edits are saved."""

    # SQLAlchemy before 2.0.55 loses a dict or list assigned to an index, and does not track `*=`.
    def __setitem__(self, index: SupportsIndex | slice, value: Any) -> None:
        list.__setitem__(self, index, value)
        self.changed()

    def __imul__(self, times: SupportsIndex) -> Self:
        list.__imul__(self, times)
        self.changed()
        return self

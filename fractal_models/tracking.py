"""Dicts and lists that report their edits to SQLAlchemy."""

from typing import Any, ClassVar, Self, SupportsIndex, overload

from sqlalchemy import event
from sqlalchemy.ext.mutable import Mutable, MutableDict, MutableList
from sqlalchemy.orm import InstanceState, InstrumentedAttribute
from sqlalchemy.orm.attributes import flag_modified
from sqlalchemy.util import memoized_property

from fractal_models.types import UnstorableValueError


class _Tracked(Mutable):
    """Base of both containers.

    Its parents are in a plain dict. That makes no reference cycle, because SQLAlchemy's state of an object refers to
    the object weakly.
    """

    _container: ClassVar[type[Any]]

    @memoized_property
    def _parents(self) -> dict[InstanceState[Any], str]:  # type: ignore[override]
        return {}

    @classmethod
    def coerce(cls, key: str, value: Any) -> Any:
        """Convert a plain dict or list.

        Raises:
            UnstorableValueError: The value has another type; `Base` prepends the table to the message.
        """
        if value is None or isinstance(value, cls):
            return value
        if isinstance(value, cls._container):
            return cls(value)  # type: ignore[call-arg]  # Subclasses are dict or list, too.
        message = f"{key}: should be a {cls._container.__name__}, not {type(value).__name__}"
        raise UnstorableValueError(message)

    def changed(self) -> None:
        """Mark all parents that still exist as modified."""
        for state, name in self._parents.items():
            if (owner := state.obj()) is not None:
                flag_modified(owner, name)
                owner.__pydantic_fields_set__.add(name)

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[type[Any], tuple[Any]]:
        """Pickle and copy without the parents."""
        return type(self), (self._container(self),)


class TrackedDict(_Tracked, MutableDict[str, Any]):
    """Dict whose own edits are saved."""

    _container = dict

    # SQLAlchemy before 2.0.55 does not track `|=`.
    def __ior__(self, other: Any) -> Self:  # type: ignore[override,misc]
        self.update(other)
        return self


class TrackedList(_Tracked, MutableList[Any]):
    """List whose own edits are saved."""

    _container = list

    # SQLAlchemy before 2.0.55 loses a dict or list assigned to an index, and does not track `*=`.
    def __setitem__(self, index: SupportsIndex | slice, value: Any) -> None:
        list.__setitem__(self, index, value)
        self.changed()

    def __imul__(self, times: SupportsIndex) -> Self:
        list.__imul__(self, times)
        self.changed()
        return self


TRACKED: dict[type[Any], type[_Tracked]] = {dict: TrackedDict, list: TrackedList}


class TrackedAttribute(InstrumentedAttribute[Any]):
    """Attribute of a JSON column.

    Rows are loaded with plain dicts and lists. An attribute is tracked from the first time it is read: tracking all of
    them would double the time to load a row.
    """

    __slots__ = ()
    inherit_cache = True

    @overload
    def __get__(self, instance: None, owner: Any) -> InstrumentedAttribute[Any]: ...
    @overload
    def __get__(self, instance: object, owner: Any) -> Any: ...
    def __get__(self, instance: Any, owner: Any) -> Any:
        """Return the tracked value of a row."""
        value = super().__get__(instance, owner)
        if instance is None or value is None:
            return value
        state = instance._sa_instance_state
        if isinstance(value, _Tracked):
            value._parents.setdefault(state, self.key)
        elif (tracked := TRACKED.get(type(value))) is not None:
            value = instance.__dict__[self.key] = tracked(value)  # type: ignore[call-arg]
            value._parents[state] = self.key
        return value


def track(attribute: InstrumentedAttribute[Any], container: type[Any]) -> None:
    """Track the values of an attribute."""
    attribute.__class__ = TrackedAttribute
    tracked = TRACKED[container]

    @event.listens_for(attribute, "set", raw=True, retval=True)
    def replace(state: InstanceState[Any], value: Any, old: Any, _initiator: object) -> Any:
        value = tracked.coerce(attribute.key, value)
        if value is not old:
            if isinstance(old, tracked):
                old._parents.pop(state, None)
            if value is not None:
                value._parents[state] = attribute.key
        return value

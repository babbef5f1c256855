"""Mapping of columns and relationships to attributes."""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

from sqlalchemy.orm import ColumnProperty, InstanceState, Mapper, MapperProperty, PassiveFlag, Relationship

from fractal_models.tracking import track
from fractal_models.types import StrictJSON

Reader = Callable[[InstanceState[Any] | None, PassiveFlag], Any]
"""Function that SQLAlchemy calls when an attribute without a value is read."""

LEFT_OUT: ContextVar[Mapping[MapperProperty[Any], Reader]] = ContextVar("left_out", default=MappingProxyType({}))
"""Columns and relationships that no statement mentions, with the function that is called when one is read.

It affects statements while they are compiled, so these must not be in the cache of other sessions.
"""


class Omissible(MapperProperty[Any]):
    """Column or relationship that can be left out of statements."""

    __slots__ = ()

    def setup(self, context: Any, *args: Any, **kwargs: Any) -> None:
        """Add it to a statement."""
        reader = LEFT_OUT.get().get(self)
        if reader is None:
            super().setup(context, *args, **kwargs)
        elif self.key in (kwargs.get("only_load_props") or ()):  # as by `session.refresh(row, ["images"])`
            reader(None, PassiveFlag.PASSIVE_OFF)

    def create_row_processor(self, *args: Any) -> None:
        """Add the function that sets it on a row; the last argument collects these functions."""
        reader = LEFT_OUT.get().get(self)
        if reader is None:
            super().create_row_processor(*args)
        else:
            args[-1]["new"].append((self.key, lambda state, _dict, _row: leave_out(state, self.key, reader)))


def leave_out(state: InstanceState[Any], key: str, reader: Reader) -> None:
    """Have a function called when an attribute of a row is read, instead of loading it."""
    state.dict.pop(key, None)
    state.expired_attributes.discard(key)
    if "callables" not in state.__dict__:
        state.callables = {}
    state.callables[key] = reader


class ModelRelationship(Omissible, Relationship[Any]):
    """Relationship that can be left out of statements."""

    inherit_cache = True


class ModelColumn(Omissible, ColumnProperty[Any]):
    """Column whose JSON is tracked, and whose default in the constructor does not count as given in `session.merge`."""

    __slots__ = ()
    inherit_cache = True

    def instrument_class(self, mapper: Mapper[Any]) -> None:
        """Add the attribute to the class."""
        super().instrument_class(mapper)
        if isinstance(type_ := self.columns[0].type, StrictJSON):
            attribute: Any = mapper.class_manager[self.key]
            track(attribute, type_.container)

    def merge(
        self,
        session: Any,
        source_state: InstanceState[Any],
        source_dict: dict[str, Any],
        dest_state: InstanceState[Any],
        *options: Any,
    ) -> None:
        """Copy the value to the row in the session, unless it is a default and that row is stored."""
        row: Any = source_state.obj()
        is_default = (
            source_state.key is None
            and self.key in source_state.committed_state
            and self.key not in row.__pydantic_fields_set__
        )
        source = {} if is_default and dest_state.key is not None else source_dict
        super().merge(session, source_state, source, dest_state, *options)

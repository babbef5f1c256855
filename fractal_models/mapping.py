"""Mapping of columns to attributes."""

from typing import Any

from sqlalchemy.orm import ColumnProperty, InstanceState, Mapper

from fractal_models.tracking import track
from fractal_models.types import StrictJSON


class ModelColumn(ColumnProperty[Any]):
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

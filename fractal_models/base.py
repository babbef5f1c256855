"""The one layer between a model and SQLModel: names of constraints, and what SQLModel gets wrong."""

from functools import cache
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Mapper
from sqlalchemy.orm.attributes import set_attribute
from sqlmodel import AutoString, SQLModel, UTCDateTime
from sqlmodel._compat import SQLModelConfig

from fractal_models.columns import StrictDateTime, StrictString, _Labelled

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
"""The names that the released schema has; SQLAlchemy applies them where a table is defined."""

SQLModel.metadata.naming_convention = NAMING_CONVENTION


@cache
def _settable_names(cls: type[SQLModel]) -> frozenset[str]:
    return frozenset(cls.model_fields) | frozenset(cls.__sqlmodel_relationships__)


class Base(SQLModel):
    """A table: constructed strictly, and tracked faithfully."""

    model_config = SQLModelConfig(defer_build=True)

    def __init__(self, **data: Any) -> None:
        """Take columns and relationships by name.

        Raises:
            TypeError: A name is neither. (SQLModel drops it silently.)
        """
        if unknown := data.keys() - _settable_names(type(self)):
            message = f"{type(self).__name__} has no column or relationship {', '.join(sorted(unknown))}"
            raise TypeError(message)
        super().__init__(**data)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set a column or relationship in SQLAlchemy alone.

        SQLModel lets pydantic write the raw value over it afterwards: what a validator converted, and the
        dict that tracks its own edits, would be lost.
        """
        manager = type(self)._sa_class_manager
        if name not in manager:
            super().__setattr__(name, value)
            return
        if name not in self.__sqlmodel_relationships__:
            # Assigning the same dict again says "save it": SQLAlchemy must not find it there already. Nor must
            # it where `model_validate` put a plain one, which is yet to be tracked.
            if isinstance(value, dict | list) and self.__dict__.get(name) is value:
                del self.__dict__[name]
            self.__pydantic_fields_set__.add(name)
        set_attribute(self, name, value)


@event.listens_for(Base, "instrument_class", propagate=True)
def _specify_types(mapper: Mapper[Any], _class: type[Base]) -> None:
    """Give each column of text or time its strict type, and each strict type the name of its column."""
    for column in mapper.local_table.columns:
        if isinstance(column.type, AutoString):
            column.type = StrictString()
        elif isinstance(column.type, UTCDateTime):
            column.type = StrictDateTime()
        if isinstance(column.type, _Labelled):
            column.type.label = f"{mapper.local_table.name}.{column.name}"

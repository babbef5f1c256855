"""The one layer between a model and SQLModel: names of constraints, and what SQLModel gets wrong."""

from functools import cache
from typing import Any, Self

from pydantic_core import ValidationError
from sqlalchemy import Integer, Table, event
from sqlalchemy.orm import Mapper
from sqlalchemy.orm.attributes import set_attribute
from sqlmodel import AutoString, SQLModel, UTCDateTime
from sqlmodel._compat import SQLModelConfig

from fractal_models.columns import StrictDateTime, StrictInteger, StrictString, UnstorableValueError, _Labelled
from fractal_models.utils import redact_input

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

    model_config = SQLModelConfig(defer_build=True, hide_input_in_errors=True)

    # A row is equal to itself alone. For pydantic any two are that hold, or have yet to load, the same: `list.remove`
    # would take one entry for another.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __init__(self, **data: Any) -> None:
        """Take columns and relationships by name.

        Raises:
            TypeError: A name is neither. (SQLModel drops it silently.)
        """
        if unknown := data.keys() - _settable_names(type(self)):
            message = f"{type(self).__name__} has no column or relationship {', '.join(sorted(unknown))}"
            raise TypeError(message)
        super().__init__(**data)

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """Make a row of what pydantic has checked.

        Raises:
            ValidationError: It does not fit; the error holds nothing of what was given.
        """
        try:
            return super().model_validate(obj, **options)
        except ValidationError as error:
            raise redact_input(error) from None

    def __setattr__(self, name: str, value: Any) -> None:
        """Set a column or relationship in SQLAlchemy alone.

        SQLModel lets pydantic write the raw value over it afterwards: what a validator converted, and the
        dict that tracks its own edits, would be lost.
        """
        if name not in _settable_names(type(self)):
            super().__setattr__(name, value)
            return
        if name in self.__sqlmodel_relationships__:
            set_attribute(self, name, value)
            return
        # Assigning the same dict again says "save it": SQLAlchemy must not find it there already. Nor must
        # it where `model_validate` put a plain one, which is yet to be tracked.
        again = isinstance(value, dict | list) and self.__dict__.get(name) is value
        if again:
            del self.__dict__[name]
        try:
            set_attribute(self, name, value)
        except ValueError as error:
            if again:
                self.__dict__[name] = value
            if isinstance(error, UnstorableValueError):
                raise UnstorableValueError(f"{self.__tablename__}.{error}") from None
            raise
        self.__pydantic_fields_set__.add(name)


@event.listens_for(Base, "instrument_class", propagate=True)
def _specify_types(mapper: Mapper[Any], _class: type[Base]) -> None:
    """Give each column of text, time or numbers its strict type, and each strict type the name of its column."""
    table = mapper.local_table
    assert isinstance(table, Table)
    for column in table.columns:
        if isinstance(column.type, AutoString):
            column.type = StrictString()
        elif isinstance(column.type, UTCDateTime):
            column.type = StrictDateTime()
        elif isinstance(column.type, Integer) and not column.primary_key and not column.foreign_keys:
            column.type = StrictInteger()
        if isinstance(column.type, _Labelled):
            column.type.label = f"{table.name}.{column.name}"

"""Base class of all tables: corrections of SQLModel, and names of constraints."""

from functools import cache
from typing import Any, Self

from pydantic import BaseModel
from pydantic_core import ValidationError
from sqlalchemy import Integer, MetaData, Table, inspect
from sqlalchemy.orm.attributes import set_attribute
from sqlmodel import AutoString, SQLModel, UTCDateTime
from sqlmodel._compat import SQLModelConfig

from fractal_models.types import StrictDateTime, StrictInteger, StrictString, StrictType, UnstorableValueError
from fractal_models.utils import redact_input

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
"""Names of constraints and indexes in the released schema."""


@cache
def _settable_names(cls: type[SQLModel]) -> frozenset[str]:
    return frozenset(cls.model_fields) | frozenset(cls.__sqlmodel_relationships__)


class Base(SQLModel):
    """Base class of all tables: strict constructors and columns, tracked edits, and our names of constraints."""

    model_config = SQLModelConfig(defer_build=True, hide_input_in_errors=True)

    # Rows are compared by identity. pydantic compares values, also those not loaded yet: `list.remove` could remove
    # another entry.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    @classmethod
    def __table_cls__(cls, name: str, metadata: MetaData, *args: Any, **kwargs: Any) -> Table:
        """Create the table of a class: SQLAlchemy calls this in place of `Table`.

        The metadata is shared with the tables of a server, so its own naming convention is put back.
        """
        convention = metadata.naming_convention
        metadata.naming_convention = NAMING_CONVENTION
        try:
            table = Table(name, metadata, *args, **kwargs)
        finally:
            metadata.naming_convention = convention
        for column in table.columns:
            if isinstance(column.type, AutoString):
                column.type = StrictString()
            elif isinstance(column.type, UTCDateTime):
                column.type = StrictDateTime()
            elif isinstance(column.type, Integer) and not column.primary_key and not column.foreign_keys:
                column.type = StrictInteger()
            if isinstance(column.type, StrictType):
                column.type.label = f"{table.name}.{column.name}"
        return table

    def __init__(self, **data: Any) -> None:
        """Set columns and relationships by name.

        Raises:
            TypeError: A name is neither. (SQLModel ignores it silently.)
        """
        if unknown := data.keys() - _settable_names(type(self)):
            message = f"{type(self).__name__} has no column or relationship {', '.join(sorted(unknown))}"
            raise TypeError(message)
        super().__init__(**data)

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """Create a row from input validated by pydantic; from a body, of the fields that were given and are columns.

        Raises:
            ValidationError: The input is invalid; the error does not contain it.
        """
        if isinstance(obj, BaseModel) and not isinstance(obj, SQLModel):
            required = {column.key for column in inspect(cls).columns if not column.nullable}
            given = obj.model_dump(exclude_unset=True).items()
            obj = {name: value for name, value in given if value is not None or name not in required}
        try:
            return super().model_validate(obj, **options)
        except ValidationError as error:
            raise redact_input(error) from None

    def sqlmodel_update(self, obj: dict[str, Any] | BaseModel, *, update: dict[str, Any] | None = None) -> Self:
        """Set columns to the values of a dict, or to those that were given to a body."""
        values = obj.model_dump(exclude_unset=True) if isinstance(obj, BaseModel) else obj
        return super().sqlmodel_update(values, update=update)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set a column or relationship through SQLAlchemy only.

        SQLModel also lets pydantic set the raw value afterwards, which would replace a converted value or tracked dict.
        """
        if name not in _settable_names(type(self)):
            super().__setattr__(name, value)
            return
        if name in self.__sqlmodel_relationships__:
            set_attribute(self, name, value)
            return
        # Assigning the same dict again saves its nested edits, and makes a plain dict of `model_validate` a tracked
        # one. SQLAlchemy ignores a value that is already there.
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

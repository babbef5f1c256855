"""Base class of all tables: corrections of SQLModel, and names of constraints."""

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from functools import cache
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, model_serializer
from pydantic_core import ValidationError
from sqlalchemy import Integer, MetaData, Table, event
from sqlalchemy.orm import Mapper, Relationship
from sqlalchemy.orm.attributes import set_attribute
from sqlmodel import AutoString, SQLModel, UTCDateTime
from sqlmodel._compat import SQLModelConfig

from fractal_models.lazy_loads import watch_lazy_loads
from fractal_models.mapping import ModelColumn, ModelRelationship
from fractal_models.types import (
    StrictDateTime,
    StrictInteger,
    StrictJSON,
    StrictString,
    StrictType,
    UnstorableValueError,
)
from fractal_models.utils import redact_input

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncAttrs

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


@cache
def _null_defaults(cls: type[SQLModel]) -> dict[str, Callable[[], Any]]:
    """Value that replaces None, by the name of each JSON column that cannot be null."""
    types = {name: getattr(cls, name).type for name in cls.model_fields}
    return {name: type_.null_default for name, type_ in types.items() if getattr(type_, "null_default", None)}


def _check_names(cls: type[SQLModel], names: Iterable[str]) -> None:
    if unknown := set(names) - _settable_names(cls):
        message = f"{cls.__name__} has no column or relationship {', '.join(sorted(unknown))}"
        raise TypeError(message)


def _in_order(names: Iterable[str], values: dict[str, Any]) -> dict[str, Any]:
    return {name: values[name] for name in names if name in values}


class Base(SQLModel):
    """Base class of all tables: strict constructors and columns, tracked edits, and our names of constraints."""

    model_config = SQLModelConfig(defer_build=True, hide_input_in_errors=True)

    # Rows are compared by identity. pydantic compares values, also those not loaded yet: `list.remove` could remove
    # another entry.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse subclasses of tables.

        Raises:
            TypeError: A base class is a table.
        """
        super().__init_subclass__(**kwargs)
        if (table := getattr(cls, "__table__", None)) is not None:
            message = f"{cls.__name__} cannot extend table {table.name}; define another table with a foreign key to it"
            raise TypeError(message)

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
            if isinstance(column.type, StrictJSON) and not column.nullable:
                default: Any = cls.model_fields[column.name].default_factory
                column.type.null_default = default
        return table

    @classmethod
    def __mapper_cls__(cls, class_: type, table: Table, *, properties: dict[str, Any], **options: Any) -> Mapper[Any]:
        """Map a class to its table: SQLAlchemy calls this in place of `Mapper`."""
        for relationship in properties.values():
            if isinstance(relationship, Relationship):
                relationship.__class__ = ModelRelationship  # SQLModel has no argument for it
        columns = {column.key: ModelColumn(column) for column in table.columns}
        return Mapper(class_, table, properties={**properties, **columns}, **options)

    def __init__(self, **data: Any) -> None:
        """Set columns and relationships by name.

        Raises:
            TypeError: A name is neither. (SQLModel ignores it silently.)
        """
        _check_names(type(self), data)
        super().__init__(**data)

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """Create a row from input validated by pydantic; from a body, of the fields that were given and are columns.

        Raises:
            ValidationError: The input is invalid; the error does not contain it.
        """
        if isinstance(obj, BaseModel) and not isinstance(obj, SQLModel):
            given = obj.model_dump(exclude_unset=True).items()
            obj = {name: value for name, value in given if value is not None or name not in _null_defaults(cls)}
        try:
            return super().model_validate(obj, **options)
        except ValidationError as error:
            raise redact_input(error) from None

    def sqlmodel_update(self, obj: dict[str, Any] | BaseModel, *, update: dict[str, Any] | None = None) -> Self:
        """Set columns and relationships to the values of a dict, of the fields given to a body, or of another row.

        Raises:
            TypeError: A name is neither. (SQLModel ignores it silently.)
        """
        if isinstance(obj, Base):
            values = {name: getattr(obj, name) for name in type(obj).model_fields}
        else:
            values = obj.model_dump(exclude_unset=True) if isinstance(obj, BaseModel) else obj
        values = {**values, **(update or {})}
        _check_names(type(self), values)
        for name, value in values.items():
            setattr(self, name, value)
        return self

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = True) -> Self:
        """Create a new row with the same columns, apart from a generated `id`; JSON is always copied deeply.

        Relationships are not copied; `update` can contain them. The copy of a workflow with its steps:

            workflow.model_copy(update={"task_list": [step.model_copy() for step in workflow.task_list]})

        Raises:
            InvalidRequestError: A column is not loaded.
            TypeError: A name in `update` is no column or relationship.
        """
        names = [name for name in type(self).model_fields if name != "id"]
        return type(self)(**{name: deepcopy(getattr(self, name)) for name in names} | dict(update or {}))

    def __copy__(self) -> Self:
        return self.model_copy()

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return self.model_copy()

    # A lambda has no return type, which would replace the JSON Schema of the class.
    _in_order_of_declaration = model_serializer(mode="wrap")(
        lambda self, serialize: _in_order(type(self).model_fields, serialize(self))
    )

    @property
    def awaitable_attrs(self) -> "AsyncAttrs._AsyncAttrGetitem":
        """Attributes to read with `await` in asynchronous code, which loads them: `await row.awaitable_attrs.project`.

        They are those of SQLAlchemy's `AsyncAttrs`.
        """
        from sqlalchemy.ext.asyncio import AsyncAttrs  # A tenth of the import time of the models.

        attributes: property = AsyncAttrs.awaitable_attrs  # type: ignore[assignment]
        return attributes.__get__(self)  # type: ignore[no-any-return]

    def __setattr__(self, name: str, value: Any) -> None:
        """Set a column or relationship through SQLAlchemy only.

        SQLModel also lets pydantic set the raw value afterwards, which would replace a converted value or tracked dict.
        """
        if name == "_sa_instance_state":
            self.__dict__[name] = value
            return
        if name not in _settable_names(type(self)):
            super().__setattr__(name, value)
            return
        if name in self.__sqlmodel_relationships__:
            set_attribute(self, name, value)
            return
        if value is None and (default := _null_defaults(type(self)).get(name)):
            value = default()
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


@event.listens_for(Base, "mapper_configured", propagate=True)
def _watch_lazy_loads(mapper: Mapper[Any], _class: type) -> None:
    watch_lazy_loads(mapper)

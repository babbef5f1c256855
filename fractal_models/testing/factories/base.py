"""The base class of the factories, and the values and parents that several of them share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Any, ClassVar, TypeGuard, TypeVar

from sqlalchemy import Column, func, inspect, select
from sqlalchemy.orm import Session
from sqlmodel import UTCDateTime

try:
    from polyfactory import Use
    from polyfactory.factories.sqlalchemy_factory import SQLAlchemyFactory
    from polyfactory.field_meta import FieldMeta
except ImportError:
    message = "fractal_models.testing.factories needs polyfactory: pip install 'fractal-models[testing]'"
    raise ImportError(message) from None

from fractal_models.base import Base
from fractal_models.testing.demo_site import EPOCH
from fractal_models.types import JSONArray, JSONObject

Row = TypeVar("Row", bound=Base)

FACTORIES: dict[str, type[TableFactory[Any]]] = {}
"""The factory of each table, by table name."""


def next_number() -> int:
    """Count the rows made."""
    return next(TableFactory._numbers)


def next_timestamp() -> datetime:
    """Return the next minute."""
    return EPOCH + timedelta(minutes=next_number())


def numbered(text: str) -> Use[[], str]:
    """Replace `{}` in a text by the next number."""
    return Use(lambda: text.format(next_number()))


class TableFactory(SQLAlchemyFactory[Row]):
    """Base of the factories: sets the declared columns, and required columns without a default."""

    __is_base_factory__ = True
    __set_primary_key__ = False
    __set_foreign_keys__ = False
    __set_association_proxy__ = False
    __random__ = Random(0)

    _numbers: ClassVar[Iterator[int]] = count(1)

    def __init_subclass__(cls, *args: Any, **kwargs: Any) -> None:
        """Register a factory; the first one of a table makes the parents of other rows."""
        super().__init_subclass__(*args, **kwargs)
        if hasattr(cls, "__model__"):
            FACTORIES.setdefault(cls.table_name(), cls)

    @classmethod
    def seed_random(cls, seed: int) -> None:
        """Restart the random numbers from `seed`, and the counter from 1."""
        super().seed_random(seed)
        TableFactory._numbers = count(1)

    @classmethod
    def table_name(cls) -> str:
        """Return the name of the rows' table."""
        return str(cls.__model__.__tablename__)

    @classmethod
    def is_supported_type(cls, value: Any) -> TypeGuard[type[Row]]:
        """Support tables of this package only."""
        return isinstance(value, type) and issubclass(value, Base) and super().is_supported_type(value)

    @classmethod
    def get_sqlalchemy_types(cls) -> dict[Any, Callable[[], Any]]:
        """Make JSON values empty."""
        return {**super().get_sqlalchemy_types(), JSONObject: dict, JSONArray: list}

    @classmethod
    def get_provider_map(cls) -> dict[Any, Callable[[], Any]]:
        """Make timestamps consecutive."""
        return {**super().get_provider_map(), datetime: next_timestamp}

    @classmethod
    def should_set_field_value(cls, field_meta: FieldMeta, **kwargs: Any) -> bool:
        """Leave all other columns to the defaults of the model."""
        if not super().should_set_field_value(field_meta, **kwargs):
            return False
        mapper = inspect(cls.__model__)
        if (relationship := mapper.relationships.get(field_meta.name)) is not None:
            keys = {column.name for column in relationship.local_columns}
            return hasattr(cls, field_meta.name) and not keys & kwargs.keys()
        column = mapper.columns[field_meta.name]
        return hasattr(cls, field_meta.name) or (
            not column.nullable and (column.default is None or isinstance(column.type, UTCDateTime))
        )

    @classmethod
    def create(cls, session: Session, /, **values: Any) -> Row:
        """Create missing required parents, add the row, commit, and load its relationships."""
        for column in inspect(cls.__model__).columns:
            if column.foreign_keys and not column.nullable:
                cls._set_parent(session, column, values)
        row = cls.build(**values)
        session.add(row)
        session.commit()
        session.refresh(row)
        return row

    @classmethod
    def _set_parent(cls, session: Session, column: Column[Any], values: dict[str, Any]) -> None:
        """Set a foreign key, by its relationship if there is one."""
        relationships = inspect(cls.__model__).relationships
        name = next((r.key for r in relationships if r.local_columns == {column} and not r.uselist), None)
        given = values.get(name) if name else None
        if column.name in values or (given is not None and not isinstance(given, Mapping)):
            return
        (key,) = column.foreign_keys
        parent = FACTORIES[key.column.table.name].create(session, **(given or {}))
        if name:
            values[name] = parent
        else:
            values[column.name] = parent.id


def at_end(session: Session, model: Any, values: dict[str, Any]) -> dict[str, Any]:
    """Place a step behind the steps that its workflow has."""
    if "workflow_id" not in values:
        return values
    steps = select(func.count()).select_from(model).where(model.workflow_id == values["workflow_id"])
    return {"order": session.scalar(steps), **values}


def in_one_project(
    session: Session,
    project: type[TableFactory[Any]],
    parents: Mapping[str, type[TableFactory[Any]]],
    values: dict[str, Any],
) -> dict[str, Any]:
    """Use the project of the given parents, or a new one; create missing parents in it."""
    if "project_id" not in values:
        given = (session.get_one(parents[name].__model__, values[name]) for name in parents if values.get(name))
        first = next(given, None)
        values["project_id"] = first.project_id if first else project.create(session).id
    for name, factory in parents.items():
        if name not in values and values["project_id"] is not None:
            values[name] = factory.create(session, project_id=values["project_id"]).id
    return values

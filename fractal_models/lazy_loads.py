"""Reading attributes that are not loaded, in asynchronous code.

SQLAlchemy would load them, which fails without `await` (`MissingGreenlet`). Here, a list of a new row is empty, and
everything else is an error that says how to load it.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import InstanceState, LoaderCallableStatus, Mapper, PassiveFlag, RelationshipProperty
from sqlalchemy.util.concurrency import in_greenlet

NEW_LISTS = "fractal_models.new_lists"
"""Key in the `info` of a row's state: names of lists that were not given to its constructor, and are still empty."""


class NotLoadedError(InvalidRequestError):
    """An attribute was read that is not loaded; the message is one line with the way to load it."""


def watch_lazy_loads(mapper: Mapper[Any]) -> None:
    """Replace the functions that load attributes of a class when they are read."""
    mapper.class_manager.expired_attribute_loader = _column_loader(mapper.class_manager.expired_attribute_loader)
    for relationship in mapper.relationships:
        attribute: Any = mapper.class_manager[relationship.key].impl
        attribute.callable_ = _relationship_loader(attribute.callable_, relationship.key)
        if relationship.uselist:
            _remember_new_lists(relationship)


def _column_loader(load: Callable[..., Any]) -> Callable[..., Any]:
    def loader(state: InstanceState[Any], names: set[str], passive: PassiveFlag) -> Any:
        if _needs_await(state):
            columns = ", ".join(attribute.key for attribute in state.mapper.column_attrs if attribute.key in names)
            message = (
                f"{state.class_.__name__} is expired, as after a rollback, so these are not loaded: {columns}; "
                "in asynchronous code, run `await session.refresh(row)` first"
            )
            raise NotLoadedError(message)
        return load(state, names, passive)

    return loader


def _relationship_loader(load: Callable[..., Any], key: str) -> Callable[..., Any]:
    def loader(state: InstanceState[Any], passive: PassiveFlag) -> Any:
        is_new_list = key in state.info.get(NEW_LISTS, ()) and not state.expired
        if state.session is None and is_new_list:
            return LoaderCallableStatus.ATTR_EMPTY
        if not (passive & PassiveFlag.SQL_OK and _needs_await(state)):
            return load(state, passive)
        # The related row may be in the session.
        found = load(state, passive & ~PassiveFlag.SQL_OK)
        if found is not LoaderCallableStatus.PASSIVE_NO_RESULT:
            return found
        if is_new_list:
            return LoaderCallableStatus.ATTR_EMPTY
        message = (
            f"{state.class_.__name__}.{key} is not loaded; in asynchronous code, "
            f'run `await session.refresh(row, ["{key}"])` first, or read `await row.awaitable_attrs.{key}`'
        )
        raise NotLoadedError(message)

    return loader


def _needs_await(state: InstanceState[Any]) -> bool:
    """Whether the session of a row is asynchronous, and this code runs outside of its `await`."""
    session = state.session
    return session is not None and session.get_bind(state.mapper).dialect.is_async and not in_greenlet()


def _remember_new_lists(relationship: RelationshipProperty[Any]) -> None:
    """Keep a note on new rows that a list is empty; SQLAlchemy would take a stored `[]` for a change in `merge`."""
    parent, key = relationship.parent, relationship.key
    tables = relationship.secondary, relationship.mapper.local_table
    child = next(m for m in parent.registry.mappers if m.local_table is next(t for t in tables if t is not None))
    (_, foreign_key), *_ = relationship.synchronize_pairs

    @event.listens_for(parent, "after_insert")
    def note(_mapper: object, _connection: object, row: Any) -> None:
        if key not in row.__dict__:
            row._sa_instance_state.info.setdefault(NEW_LISTS, set()).add(key)

    @event.listens_for(child, "after_insert")
    def discard(_mapper: object, _connection: object, row: Any) -> None:
        identity = parent.identity_key_from_primary_key((getattr(row, str(foreign_key.key)),))
        owner = row._sa_instance_state.session.identity_map.get(identity)
        if owner is not None:
            owner._sa_instance_state.info.get(NEW_LISTS, set()).discard(key)

"""The ordered list of a workflow's steps, which numbers them."""

from collections.abc import Callable, Iterable
from typing import Any, Self, SupportsIndex, TypeVar

from sqlalchemy import event, inspect
from sqlalchemy.orm import object_session
from sqlalchemy.orm.attributes import flag_modified, set_committed_value
from sqlalchemy.orm.collections import collection
from sqlalchemy.orm.util import identity_key

NULL_ORDER = "fractal_models.null_order"
"""Key in the `info` of a step's state: its `order` is null in the database."""

Method = TypeVar("Method", bound=Callable[..., Any])

# SQLAlchemy does not wrap such a method: the method itself fires the events.
_fires_events: Callable[[Method], Method] = collection.internally_instrumented


def _edit(method: str) -> Any:
    """Make a method of `StepList` that applies the one of `list` to a copy, and then takes over the result."""

    @_fires_events
    def edit(self: "StepList", *args: Any, _sa_initiator: Any = None, **kwargs: Any) -> Any:
        steps = list(self)
        result = getattr(steps, method)(*args, **kwargs)
        self._replace(steps, _sa_initiator)
        return result

    return edit


class StepList(list[Any]):
    """Steps of a workflow; after every edit, `order` numbers them from 0 without gaps.

    SQLAlchemy's own `OrderingList` fires an event for each entry. In `steps[0], steps[1] = steps[1], steps[0]` a step
    is briefly in the list twice; that would delete it as removed.
    """

    _sa_adapter: Any = None

    def reorder(self) -> None:
        """Number the steps again, after one was deleted through the session; edits of the list do so themselves."""
        number(self)

    def _replace(self, steps: list[Any], initiator: Any) -> None:
        if self._sa_adapter is not None:
            before, after = dict.fromkeys(self), dict.fromkeys(steps)
            for step in before:
                if step not in after:
                    self._sa_adapter.fire_remove_event(step, initiator)
            for step in after:
                if step not in before:
                    self._remove_from_former_workflow(step)
                    self._sa_adapter.fire_append_event(step, initiator)
        super().__setitem__(slice(None), steps)
        self.reorder()

    def _remove_from_former_workflow(self, step: Any) -> None:
        """Remove a step from the list of its former workflow, if that is loaded, so that the list is numbered again."""
        owner = self._sa_adapter.owner_state
        if (session := object_session(step)) is None or step.workflow_id is None:
            return
        former = session.identity_map.get(identity_key(owner.class_, step.workflow_id))
        if former is not None and former is not owner.obj() and step in former.__dict__.get("task_list", ()):
            former.task_list.remove(step)

    @_fires_events
    def append(self, step: Any, _sa_initiator: Any = None) -> None:
        """Add a step at the end."""
        if _sa_initiator is False:
            # Loaded from the database: reading must not write.
            _number_loaded(step, self)
            super().append(step)
        else:
            self._replace([*self, step], _sa_initiator)

    insert = _edit("insert")
    remove = _edit("remove")
    pop = _edit("pop")
    reverse = _edit("reverse")
    sort = _edit("sort")
    __setitem__ = _edit("__setitem__")
    __delitem__ = _edit("__delitem__")

    @_fires_events
    def __imul__(self, times: SupportsIndex) -> Self:
        self._replace(list(self) * times, None)
        return self

    def __reduce__(self) -> Any:
        # The list is part of its own state, through its workflow: it must exist before its state is restored.
        return type(self), (), (self.__dict__, list(self))

    def __setstate__(self, state: tuple[dict[str, Any], list[Any]]) -> None:
        self.__dict__.update(state[0])
        list.extend(self, state[1])


def _number_loaded(step: Any, before: list[Any]) -> None:
    """Number a step whose `order` is null; it is written with the next edit of the list."""
    if step.__dict__.get("order", 0) is None and "order" not in (state := inspect(step)).committed_state:
        set_committed_value(step, "order", before[-1].order + 1 if before else 0)
        state.info[NULL_ORDER] = True


def number(steps: Iterable[Any]) -> None:
    """Set `order` of each step to its position; of one that is listed twice, to the first."""
    for order, step in enumerate(dict.fromkeys(steps)):
        if step.order != order:
            step.order = order
        elif inspect(step).info.pop(NULL_ORDER, False):
            flag_modified(step, "order")


def number_on_assignment(task_list: Any) -> None:
    """Number the steps of a workflow also when its whole list is assigned."""

    @event.listens_for(task_list, "bulk_replace")
    def number_steps(_workflow: object, steps: list[Any], _initiator: object) -> None:
        number(steps)

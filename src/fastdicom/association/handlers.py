"""Which handlers are bound to which events. Reading needs no lock: a change replaces the whole mapping."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from inspect import isasyncgenfunction, iscoroutinefunction
from typing import Any, Self, TypeAlias

from fastdicom.events import Event, EventHandler, EventType, Handler
from fastdicom.log import get_logger

LOGGER = get_logger(__name__)

Bound: TypeAlias = tuple[Handler, tuple[Any, ...]]


def is_coroutine_function(handler: Handler) -> bool:
    """Whether calling a handler makes a coroutine or an asynchronous generator."""
    candidates = (handler, getattr(handler, "__call__", None))  # noqa: B004, an object may be callable
    return any(iscoroutinefunction(each) or isasyncgenfunction(each) for each in candidates)


class Handlers:
    """The handlers of an association or a server: functions and generator functions.

    Parameters
    ----------
    bound
        ``(event, handler)`` or ``(event, handler, arguments)`` each.

    Attributes
    ----------
    bound
        By event, to be read only: a change replaces it.
    """

    takes_coroutines = False

    def __init__(self, bound: Iterable[EventHandler] = ()) -> None:
        self.bound: dict[EventType, tuple[Bound, ...]] = {}
        for row in bound:
            self.bind(*row)

    def copy(self) -> Self:
        """Return handlers that change on their own from now on."""
        copied = type(self)()
        copied.bound = self.bound
        return copied

    def bind(self, event: EventType, handler: Handler, arguments: Sequence[Any] | None = None) -> None:
        """Bind a handler: another one for a notification event, the only one for an intervention event.

        Raises
        ------
        TypeError
            When there is no such event.
        ValueError
            When the handler is a coroutine function, or an asynchronous generator function, and there is no
            event loop that runs it.
        """
        if not isinstance(event, EventType):
            raise TypeError(f"{event!r} is no event; events are named evt.EVT_…")
        if not self.takes_coroutines and is_coroutine_function(handler):
            raise ValueError(
                f"the handler of {event} is a coroutine function; it takes an association of fastdicom.aio"
            )
        row = (handler, tuple(arguments or ()))
        others = () if event.is_intervention else self._without(event, handler)
        self.bound = {**self.bound, event: (*others, row)}

    def unbind(self, event: EventType, handler: Handler) -> None:
        """Take a handler away; nothing happens when it is not bound."""
        self.bound = {**self.bound, event: self._without(event, handler)}

    def _without(self, event: EventType, handler: Handler) -> tuple[Bound, ...]:
        return tuple(row for row in self.bound.get(event, ()) if row[0] is not handler)

    def get(self, event: EventType) -> tuple[Bound, ...]:
        """Return what is bound to an event."""
        return self.bound.get(event, ())

    def events(self) -> list[EventType]:
        """Return the events that something is bound to."""
        return [event for event, rows in self.bound.items() if rows]

    def as_documented(self, event: EventType) -> list[Bound] | Bound | tuple[None, None]:
        """Return a list for a notification event, the one row (or two None) for an intervention event."""
        rows = self.get(event)
        if event.is_notification:
            return list(rows)
        return rows[0] if rows else (None, None)

    def notify(self, event: Event) -> None:
        """Call what is bound to a notification event; what a handler raises is logged."""
        for row in self.get(event.event):
            self._call(row, event)

    async def tell(self, event: Event) -> None:
        """Do the same, and wait until all have been told."""
        self.notify(event)

    def _call(self, row: Bound, event: Event) -> None:
        handler, arguments = row
        try:
            handler(event, *arguments)
        except Exception:
            self._complain(event)

    def _complain(self, event: Event) -> None:
        """Log what a handler has raised, from where it is caught."""
        # Each event is a message of its own: one that fails again and again does not hide the others.
        text = f"a handler bound to {event.event.name} raised"
        LOGGER.exception(text, extra=event.assoc.log_fields)  # noqa: LOG004

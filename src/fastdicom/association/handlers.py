"""Which handlers are bound to which events. Reading needs no lock: a change replaces the whole mapping."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from fastdicom.events import Event, EventHandler, EventType, Handler
from fastdicom.log import get_logger

LOGGER = get_logger(__name__)

Bound: TypeAlias = tuple[Handler, tuple[Any, ...]]


class Handlers:
    """The handlers of an association or a server.

    Parameters
    ----------
    bound
        ``(event, handler)`` or ``(event, handler, arguments)`` each.

    Attributes
    ----------
    bound
        By event, to be read only: a change replaces it.
    """

    def __init__(self, bound: Iterable[EventHandler] = ()) -> None:
        self.bound: dict[EventType, tuple[Bound, ...]] = {}
        for row in bound:
            self.bind(*row)

    def copy(self) -> Handlers:
        """Return handlers that change on their own from now on."""
        copied = Handlers()
        copied.bound = self.bound
        return copied

    def bind(self, event: EventType, handler: Handler, arguments: Sequence[Any] | None = None) -> None:
        """Bind a handler: another one for a notification event, the only one for an intervention event."""
        if not isinstance(event, EventType):
            raise TypeError(f"{event!r} is no event; events are named evt.EVT_…")
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
        for handler, arguments in self.get(event.event):
            try:
                handler(event, *arguments)
            except Exception:
                # Each event is a message of its own: one that fails again and again does not hide the others.
                LOGGER.exception(f"a handler bound to {event.event.name} raised")

"""The handlers of an event loop: coroutine functions and asynchronous generators as well."""

from __future__ import annotations

from fastdicom.association import handlers
from fastdicom.association.handlers import Bound, is_coroutine_function
from fastdicom.events import Event


class Handlers(handlers.Handlers):
    """The handlers of an association or a server of an event loop.

    Those of notification events that are coroutine functions run in tasks of their own.
    """

    takes_coroutines = True

    def notify(self, event: Event) -> None:
        """Call what is bound to a notification event; what a handler raises is logged."""
        for row in self.get(event.event):
            if is_coroutine_function(row[0]):
                event.assoc.start(self._await(row, event))
            else:
                self._call(row, event)

    async def tell(self, event: Event) -> None:
        """Do the same, and wait until all have been told."""
        for row in self.get(event.event):
            if is_coroutine_function(row[0]):
                await self._await(row, event)
            else:
                self._call(row, event)

    async def _await(self, row: Bound, event: Event) -> None:
        handler, arguments = row
        try:
            await handler(event, *arguments)
        except Exception:
            self._complain(event)

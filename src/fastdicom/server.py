"""A listening application entity, as `AE.start_server` returns it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from fastdicom.association import Association
from fastdicom.association.acceptor import serve_connection
from fastdicom.association.handlers import Handlers
from fastdicom.events import EventHandler, EventType, Handler
from fastdicom.net.addresses import Address
from fastdicom.net.listener import Listener
from fastdicom.presentation import PresentationContext

if TYPE_CHECKING:
    from fastdicom.ae import ApplicationEntity

# Connections beyond the maximum number of associations that get an answer, which is a rejection, at once.
REJECTIONS_AT_ONCE = 64

# Seconds for each association to notice that it has been aborted.
PATIENCE = 5.0


class AssociationServer:
    """Accepts associations for an application entity.

    Attributes
    ----------
    ae
        The application entity.
    ae_title
        What it answers to here.
    contexts
        The presentation contexts that it supports here.
    server_address
        Where it listens; the port is the real one when 0 was asked for.
    """

    def __init__(
        self,
        ae: ApplicationEntity,
        address: Address,
        ae_title: str,
        contexts: Sequence[PresentationContext],
        evt_handlers: Sequence[EventHandler],
    ) -> None:
        self.ae = ae
        self.ae_title = ae_title
        self.contexts = list(contexts)
        self._handlers = Handlers(evt_handlers)
        self._associations: set[Association] = set()
        self._listener = Listener(address, self._serve, self._connection_limit)
        self.server_address = self._listener.address

    def _connection_limit(self) -> int:
        return self.ae.maximum_associations + REJECTIONS_AT_ONCE

    def _serve(self, sock: socket.socket, address: tuple[object, ...]) -> None:
        association = Association(self.ae, "acceptor", self._handlers.copy())
        self._associations.add(association)
        try:
            serve_connection(association, self.ae_title, self.contexts, sock, address)
        finally:
            self._associations.discard(association)

    def serve_forever(self) -> None:
        """Accept associations until `shutdown`."""
        self._listener.start()
        self._listener.wait()

    def start(self) -> None:
        """Accept associations in threads of its own."""
        self._listener.start()

    @property
    def active_associations(self) -> list[Association]:
        """The associations that are established through this server."""
        return [association for association in list(self._associations) if association.is_established]

    def shutdown(self) -> None:
        """Stop accepting, abort the associations that there are, and wait for them to end."""
        self._listener.stop()
        for association in list(self._associations):
            association.abort()
        self._listener.join(PATIENCE)
        self.ae.forget_server(self)

    def server_close(self) -> None:
        """Do the same as `shutdown`."""
        self.shutdown()

    def bind(self, event: EventType, handler: Handler, args: Sequence[Any] | None = None) -> None:
        """Bind a handler: for the associations to come, and for those that there are."""
        self._each(lambda bound: bound.bind(event, handler, args))

    def unbind(self, event: EventType, handler: Handler) -> None:
        """Take a handler away, from the associations that there are as well."""
        self._each(lambda bound: bound.unbind(event, handler))

    def _each(self, change: Callable[[Handlers | Association], None]) -> None:
        change(self._handlers)
        for association in list(self._associations):
            change(association)

    def get_events(self) -> list[EventType]:
        """Return the events that something is bound to."""
        return self._handlers.events()

    def get_handlers(self, event: EventType) -> Any:
        """Return what is bound: a list for a notification event, else one ``(handler, arguments)``."""
        return self._handlers.as_documented(event)

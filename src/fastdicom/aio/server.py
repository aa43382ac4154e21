"""A listening application entity on an event loop, as `AE.start_server` of `fastdicom.aio` returns it."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from fastdicom._core.pdata import Reader
from fastdicom.aio.accepting import receive_guest
from fastdicom.aio.association import Association
from fastdicom.aio.handlers import Handlers
from fastdicom.association.life import Life
from fastdicom.events import EventHandler, EventType, Handler
from fastdicom.net.addresses import Address, listen
from fastdicom.net.aio_link import Link
from fastdicom.net.aio_listener import Guest, Listener
from fastdicom.net.lobby import CLOSING_LINGER
from fastdicom.presentation import PresentationContext
from fastdicom.ul.admission import TEMPORARY_CONGESTION
from fastdicom.ul.pdu import A_ASSOCIATE_RJ, A_ASSOCIATE_RQ
from fastdicom.ul.provider import Provider
from fastdicom.watching.metrics import Gauge

if TYPE_CHECKING:
    from fastdicom.aio.ae import ApplicationEntity

# Seconds for the associations to end once they have been aborted.
PATIENCE = 5.0


class AssociationServer:
    """Accepts associations for an application entity, in the event loop in which it was made.

    As a context manager it is shut down at the end.

    Attributes
    ----------
    ae
        The application entity.
    ae_title
        What it answers to here.
    contexts
        The presentation contexts that it supports here.
    ssl_context
        The settings of TLS, for the connections to come: another one may be set while running. None: no TLS.
    server_address
        Where it listens; the port is the real one when 0 was asked for.
    """

    def __init__(
        self,
        ae: ApplicationEntity,
        address: Address | socket.socket,
        ae_title: str,
        contexts: Sequence[PresentationContext],
        ssl_context: ssl.SSLContext | None = None,
        evt_handlers: Sequence[EventHandler] = (),
    ) -> None:
        self.ae = ae
        self.ae_title = ae_title
        self.contexts = list(contexts)
        self.ssl_context = ssl_context
        self._handlers = Handlers(evt_handlers)
        self._associations: set[Association] = set()
        self._links: set[Link] = set()  # of these, and of those whose peers have to close yet
        self._is_stopping = False
        self._stopped: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._changed = asyncio.Event()
        self._listener = Listener(
            listen(address, ae.socket_options),
            self._make_link,
            self._receive,
            handshake_timeout=lambda: self.ae.handshake_timeout,
            request_timeout=lambda: self.ae.acse_timeout,
            address_limit=lambda: self.ae.maximum_waiting_per_address,
            tls_context=lambda: self.ssl_context,
        )
        self.server_address = self._listener.address

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.shutdown()

    def _make_link(self) -> Link:
        ae = self.ae
        provider = Provider(is_requestor=False, artim_timeout=ae.acse_timeout)
        reader = Reader(ae.buffer_pool, ae.maximum_pdu_size, ae.memory_limit)
        return Link(provider, reader, None, None, ae.starter)

    def _receive(self, guest: Guest) -> None:
        association = Association(self.ae, "acceptor", self._handlers.copy())
        link = guest.link
        self._associations.add(association)
        self._links.add(link)
        link.on_gone = lambda: self._lose(link)
        receive_guest(association, self.ae_title, self.contexts, guest, admit=self._admit)

    def _lose(self, link: Link) -> None:
        self._links.discard(link)
        self._changed.set()

    def forget(self, association: Association) -> None:
        """Take note that an association is over."""
        self._associations.discard(association)
        self._changed.set()

    def _admit(self, association: Life, rq: A_ASSOCIATE_RQ) -> A_ASSOCIATE_RJ | None:
        return TEMPORARY_CONGESTION if self._is_stopping else self.ae.admit(association, rq)

    async def serve_forever(self) -> None:
        """Wait until `shutdown`; cancelled, it shuts down without a drain."""
        try:
            await asyncio.shield(self._stopped)
        except asyncio.CancelledError:
            await self.shutdown()
            raise

    @property
    def active_associations(self) -> list[Association]:
        """The associations that are established through this server."""
        return [association for association in self._associations if association.is_established]

    def gauges(self) -> Iterator[Gauge]:
        """Yield what is so at this moment."""
        labels = (":".join(map(str, self.server_address[:2])),)
        yield "waiting_connections", labels, self._listener.waiting

    async def stop(self) -> None:
        """Accept no more: the listening socket is closed, and so are connections without a request.

        Requests that have come already are refused (transient, 3, 1). The associations that there are go on.
        """
        self._is_stopping = True
        await self._listener.stop()

    async def shutdown(self, drain: float | None = None) -> int:
        """Stop accepting, end the associations that there are, and wait for them to end.

        It may be called from a handler, whose own association is then aborted, not waited for; and more than
        once: a second call without `drain` ends the drain of the first.

        Parameters
        ----------
        drain
            For how many seconds the associations may go on; None aborts them at once.

        Returns
        -------
        int
            How many associations were aborted: 0 when all had ended by themselves.
        """
        await self.stop()
        task = asyncio.current_task()
        if drain is not None:
            await self._wait_until(
                lambda: all(association.is_served_by(task) for association in self._associations), drain
            )
        left = list(self._associations)
        aborted = sum(map(self.ae.is_admitted, left))
        for association in left:
            association.abort()
        for link in self._links:
            link.linger(CLOSING_LINGER)
        await self._wait_until(lambda: all(task in link.tasks for link in self._links), PATIENCE)
        self.ae.forget_server(self)
        if not self._stopped.done():
            self._stopped.set_result(None)
        return aborted

    async def _wait_until(self, is_so: Callable[[], bool], seconds: float) -> None:
        """Wait until something is so, which is looked at when an association or a connection has ended."""
        try:
            async with asyncio.timeout(seconds):
                while not is_so():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return

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

"""A listening application entity, as `AE.start_server` returns it."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from fastdicom.association import Association
from fastdicom.association.acceptor import answer_request
from fastdicom.association.handlers import Handlers
from fastdicom.association.life import Life
from fastdicom.association.performing import Attendance
from fastdicom.events import EventHandler, EventType, Handler
from fastdicom.net.addresses import Address, listen
from fastdicom.net.listener import Listener
from fastdicom.net.visitor import Visitor
from fastdicom.presentation import PresentationContext
from fastdicom.ul.admission import TEMPORARY_CONGESTION
from fastdicom.ul.pdu import A_ASSOCIATE_RJ, A_ASSOCIATE_RQ
from fastdicom.watching.metrics import Gauge

if TYPE_CHECKING:
    from fastdicom.ae import ApplicationEntity

# Associations beyond the maximum that get an answer, which is a rejection, at once.
REJECTIONS_AT_ONCE = 64

# Seconds for the associations to notice that they have been aborted.
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
        self.ssl_context = ssl_context
        self.ae_title = ae_title
        self.contexts = list(contexts)
        self._handlers = Handlers(evt_handlers)
        # Those that are not over, and who serves them; what changes is told to who waits for it.
        # Reentrant: a signal handler may shut down what it has interrupted.
        self._associations: dict[Association, Attendance] = {}
        self._changed = threading.Condition(threading.RLock())
        self._is_draining = False
        self._listener = Listener(
            listen(address, ae.socket_options),
            self._serve,
            workforce=ae.workforce,
            connection_limit=lambda: self.ae.maximum_associations + REJECTIONS_AT_ONCE,
            handshake_timeout=lambda: self.ae.handshake_timeout,
            request_timeout=lambda: self.ae.acse_timeout,
            address_limit=lambda: self.ae.maximum_waiting_per_address,
            tls_context=lambda: self.ssl_context,
        )
        self.server_address = self._listener.address

    def _serve(self, visitor: Visitor) -> None:
        try:
            self.ae.socket_options.apply_to_accepted(visitor.socket)
            association = Association(self.ae, "acceptor", self._handlers.copy())
            attendance = Attendance(association, self._listener, lambda: self._forget(association))
        except BaseException:
            self._listener.depart()
            raise
        # From here on its end counts it out, whatever goes wrong.
        with self._changed:
            self._associations[association] = attendance
        attendance.begin(
            lambda: answer_request(
                association,
                self.ae_title,
                self.contexts,
                visitor,
                admit=self._admit,
                see_off=self._listener.see_off,
            )
        )

    def _forget(self, association: Association) -> None:
        with self._changed:
            del self._associations[association]
            self._changed.notify_all()
        self._listener.depart()

    def _admit(self, association: Life, rq: A_ASSOCIATE_RQ) -> A_ASSOCIATE_RJ | None:
        return TEMPORARY_CONGESTION if self._is_draining else self.ae.admit(association, rq)

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

    def gauges(self) -> Iterator[Gauge]:
        """Yield what is so at this moment."""
        labels = (":".join(map(str, self.server_address[:2])),)
        yield "waiting_connections", labels, self._listener.waiting
        yield "busy_workers", labels, self._listener.busy

    @property
    def associations_here(self) -> set[Association]:
        """Those that the current thread serves: one if it runs a handler, none otherwise."""
        with self._changed:
            rows = list(self._associations.items())
        return {association for association, attendance in rows if attendance.is_here()}

    def stop(self) -> None:
        """Accept no more: the listening socket is closed, and so are connections without a request.

        Requests that have come already are refused (transient, 3, 1). The associations that there are go on.
        """
        self._is_draining = True
        self._listener.stop(PATIENCE)

    def shutdown(self, drain: float | None = None) -> int:
        """Stop accepting, end the associations that there are, and wait for them to end.

        It may be called from any thread, a handler's included (whose own association is then aborted, not
        waited for), and more than once.

        Parameters
        ----------
        drain
            For how many seconds the associations may go on; None aborts them at once.

        Returns
        -------
        int
            How many associations were aborted: 0 when all had ended by themselves.
        """
        self.stop()
        if drain is not None:
            ours = self.associations_here
            with self._changed:
                self._changed.wait_for(lambda: self._associations.keys() <= ours, drain)
        left = list(self._associations)
        aborted = sum(map(self.ae.is_admitted, left))
        for association in left:
            association.abort()
        self._listener.join(PATIENCE)
        self.ae.forget_server(self)
        return aborted

    def server_close(self) -> None:
        """Do the same as `shutdown`, without a drain."""
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

"""The application entity: it requests associations, and accepts them. What it is set to is in `entity`."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from fastdicom.association import Association
from fastdicom.association.requestor import TlsArgs, request_association
from fastdicom.association.watchdog import Watchdog
from fastdicom.association.workers import Workers
from fastdicom.checks import checked_ae_title
from fastdicom.entity import DEFAULT_MAXIMUM_LENGTH, Entity
from fastdicom.events import EventHandler
from fastdicom.net.addresses import Address, Host
from fastdicom.net.proxy import Proxy, ProxyLike
from fastdicom.presentation import PresentationContext
from fastdicom.processes.carrying import set_up, settings_of
from fastdicom.server import AssociationServer
from fastdicom.ul.items import Item
from fastdicom.watching.metrics import Gauge

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext

    from fastdicom.processes.recipe import Tls
    from fastdicom.processes.server import ProcessServer

Server = TypeVar("Server", bound=AssociationServer)


class ApplicationEntity(Entity, Workers):
    """A DICOM application entity, requestor and acceptor of associations.

    Parameters
    ----------
    ae_title
        Its AE title: 1 to 16 characters of ASCII, not spaces only (PS3.5 6.2).

    Notes
    -----
    Its settings are attributes: those of `Entity`, `ContextLists`, `Timeouts`, `Acceptance`,
    `AdmissionControl` and `Watched`.
    """

    def __init__(self, ae_title: str = "FASTDICOM") -> None:
        Entity.__init__(self, ae_title)
        Workers.__init__(self)
        self._associations: set[Association] = set()
        self._servers: set[AssociationServer | ProcessServer] = set()
        # For these; reentrant, as a signal handler may shut down what it has interrupted.
        self._lock = threading.RLock()
        self._ended = threading.Condition(self._lock)
        self._draining = 0
        self.watchdog = Watchdog()

    # In another process: the settings alone.

    def __getstate__(self) -> dict[str, Any]:
        return settings_of(self)

    def __setstate__(self, settings: dict[str, Any]) -> None:
        ApplicationEntity.__init__(self)
        set_up(self, settings)

    def _apply_timeouts(self, name: str | None = None) -> None:
        for association in self.active_associations:
            association.follow_timeouts(name)

    # Associations.

    def associate(
        self,
        addr: Host,
        port: int,
        contexts: Sequence[PresentationContext] | None = None,
        ae_title: str = "ANY-SCP",
        max_pdu: int = DEFAULT_MAXIMUM_LENGTH,
        ext_neg: Sequence[Item] | None = None,
        bind_address: Address | None = None,
        tls_args: TlsArgs | None = None,
        evt_handlers: Sequence[EventHandler] | None = None,
        *,
        proxy: ProxyLike | None = None,
    ) -> Association:
        """Request an association and wait for the answer.

        Parameters
        ----------
        addr, port
            The peer: a host name or address, IPv6 as well.
        contexts
            What to propose; `requested_contexts` unless given.
        ae_title
            The peer's AE title.
        max_pdu
            The longest P-DATA-TF that this side takes, in bytes without its header; 0 for no limit.
        ext_neg
            Further items to propose, as `build_role` and `build_async_ops` make them, or those of
            `fastdicom.pdu_primitives`.
        bind_address
            The local address to connect from.
        tls_args
            For TLS: its settings and certificates, as `fastdicom.tls.client_context` makes them, and the host
            name of the peer's certificate; None for `addr`, if the settings want it to be checked.
        evt_handlers
            Handlers to bind, ``(event, handler)`` or ``(event, handler, arguments)`` each.
        proxy
            An HTTP proxy to go through: ``"http://user:password@host:port"`` or ``(host, port)``. The time
            of `connection_timeout` is for its answer as well.

        Returns
        -------
        Association
            `is_established`, `is_rejected` or `is_aborted`. As a context manager it raises
            `AssociationRejected`, `AssociationAborted` or `ConnectionFailed` when it was not established.

        Raises
        ------
        RuntimeError
            When there is nothing to propose.
        ValueError
            When what is to be proposed is not possible; the message says why.
        """
        return request_association(
            self,
            addr,
            port,
            contexts=self._proposed(contexts),
            called_ae_title=checked_ae_title(ae_title),
            maximum_length=max_pdu,
            negotiation_items=list(ext_neg or ()),
            bind_address=bind_address,
            proxy=None if proxy is None else Proxy.parse(proxy),
            tls_args=tls_args,
            handlers=list(evt_handlers or ()),
        )

    @overload
    def start_server(
        self,
        address: Address | socket.socket,
        block: Literal[True] = True,
        ssl_context: Tls = None,
        evt_handlers: Sequence[EventHandler] | None = None,
        ae_title: str | None = None,
        contexts: Sequence[PresentationContext] | None = None,
        *,
        processes: int | None = None,
        context: BaseContext | str | None = None,
    ) -> None: ...

    @overload
    def start_server(
        self,
        address: Address | socket.socket,
        block: Literal[False],
        ssl_context: ssl.SSLContext | None = None,
        evt_handlers: Sequence[EventHandler] | None = None,
        ae_title: str | None = None,
        contexts: Sequence[PresentationContext] | None = None,
    ) -> AssociationServer: ...

    @overload
    def start_server(
        self,
        address: Address | socket.socket,
        block: Literal[False],
        ssl_context: Tls = None,
        evt_handlers: Sequence[EventHandler] | None = None,
        ae_title: str | None = None,
        contexts: Sequence[PresentationContext] | None = None,
        *,
        processes: int,
        context: BaseContext | str | None = None,
    ) -> ProcessServer: ...

    def start_server(
        self,
        address: Address | socket.socket,
        block: bool = True,
        ssl_context: Tls = None,
        evt_handlers: Sequence[EventHandler] | None = None,
        ae_title: str | None = None,
        contexts: Sequence[PresentationContext] | None = None,
        *,
        processes: int | None = None,
        context: BaseContext | str | None = None,
    ) -> AssociationServer | ProcessServer | None:
        """Listen for associations.

        Parameters
        ----------
        address
            Host and port; an empty host is all addresses of this machine, port 0 any free one. Or a bound
            TCP socket, one of `inherited_sockets` for instance; it belongs to the server from now on.
        block
            Whether to serve in this thread, until interrupted; otherwise in another one.
        ssl_context
            The settings and certificates of TLS, as `fastdicom.tls.server_context` makes them; None for none.
            With `processes`, a function that makes them, unless the start method is "fork".
        evt_handlers
            Handlers to bind, ``(event, handler)`` or ``(event, handler, arguments)`` each.
        ae_title
            The AE title here; that of the AE unless given.
        contexts
            What to accept; `supported_contexts` unless given.
        processes
            In how many processes to serve, which share the port; None, in this one.
        context
            How those are started: a context of `multiprocessing`, or its name; its default unless given.

        Returns
        -------
        AssociationServer, ProcessServer or None
            The server when it does not block; end it with its `shutdown`.

        Raises
        ------
        OSError
            When the address cannot be had, or not by several processes.
        ValueError
            When no presentation context is supported, the socket cannot be listened on, or something cannot
            be sent to another process; the message says what.
        RuntimeError
            When a process cannot be started.
        """
        kind: Any = AssociationServer
        options: dict[str, Any] = {"ssl_context": ssl_context, "evt_handlers": evt_handlers}
        if processes is not None:
            from fastdicom.processes.server import ProcessServer

            kind = ProcessServer
            options.update(processes=processes, context=context)
        server = self.make_server(address, ae_title, contexts, server_class=kind, **options)
        try:
            server.serve_forever() if block else server.start()
        except BaseException:
            server.shutdown()
            raise
        if not block:
            return server
        server.shutdown()
        return None

    def make_server(
        self,
        address: Address | socket.socket,
        ae_title: str | None = None,
        contexts: Sequence[PresentationContext] | None = None,
        ssl_context: ssl.SSLContext | None = None,
        evt_handlers: Sequence[EventHandler] | None = None,
        server_class: type[Server] | None = None,
        **kwargs: Any,
    ) -> Server | AssociationServer:
        """Return a server that listens, and accepts associations with its `start` or `serve_forever`.

        Parameters
        ----------
        address, ae_title, contexts, ssl_context, evt_handlers
            As for `start_server`.
        server_class
            The subclass of AssociationServer to use; AssociationServer unless given.
        kwargs
            What its constructor takes besides.

        Returns
        -------
        AssociationServer
            Of that class; end it with its `shutdown`.

        Raises
        ------
        OSError, ValueError
            As for `start_server`.
        """
        supported = self._offered(contexts)
        title = self.ae_title if ae_title is None else checked_ae_title(ae_title)
        server = (server_class or AssociationServer)(
            self, address, title, supported, ssl_context, evt_handlers=list(evt_handlers or ()), **kwargs
        )
        with self._lock:
            self._servers.add(server)
        return server

    def shutdown(self, drain: float | None = None) -> int:
        """End all associations and stop all servers.

        It may be called from any thread, a handler's included (whose own association is then aborted, not
        waited for), and more than once: a second call without `drain` ends the drain of the first.

        Parameters
        ----------
        drain
            For how many seconds the associations may go on, while nothing new is accepted: listening sockets
            are closed, and requests that have come already are refused (transient, 3, 1). None aborts the
            associations at once.

        Returns
        -------
        int
            How many associations were aborted: 0 when all had ended by themselves.
        """
        begun = monotonic()
        with self._lock:
            all_servers = list(self._servers)
        for each in all_servers:
            each.stop()
        servers = [server for server in all_servers if isinstance(server, AssociationServer)]
        if drain is not None:
            ours = {association for server in servers for association in server.associations_here}
            with self._lock:
                self._draining += 1
                try:
                    self._ended.wait_for(lambda: self._associations <= ours, drain)
                finally:
                    self._draining -= 1
        left = self._all_associations()
        aborted = sum(self.is_admitted(each) or each.is_established for each in left)
        for association in left:
            association.abort()
        for server in servers:
            server.shutdown()
        rest = None if drain is None else max(0.0, begun + drain - monotonic())
        return aborted + sum(each.shutdown(rest) for each in all_servers if each not in servers)

    @property
    def active_associations(self) -> list[Association]:
        """The associations that are established at this moment."""
        return [association for association in self._all_associations() if association.is_established]

    def _all_associations(self) -> list[Association]:
        with self._lock:
            return list(self._associations)

    def gauges(self) -> Iterator[Gauge]:
        """Yield what is so at this moment and no association of this process knows."""
        yield from super().gauges()
        with self._lock:
            servers = list(self._servers)
        for server in servers:
            yield from server.gauges()

    def remember(self, association: Association) -> None:
        """Take note of an association with a connection."""
        with self._lock:
            self._associations.add(association)
        self.watch(association)

    def forget(self, association: Association) -> None:
        """Take note that an association is over."""
        self.dismiss(association)
        self.stop_watching(association)
        with self._lock:
            self._associations.discard(association)
            if self._draining:
                self._ended.notify_all()

    def forget_server(self, server: AssociationServer | ProcessServer) -> None:
        """Take note that a server has stopped."""
        with self._lock:
            self._servers.discard(server)


AE = ApplicationEntity

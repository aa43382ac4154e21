"""The application entity: who we are, what we propose and support, and for how long we wait."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from fastdicom._core.buffer import BufferPool
from fastdicom._version import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from fastdicom.acceptance import Acceptance
from fastdicom.admission import AdmissionControl
from fastdicom.association import Association
from fastdicom.association.conversion import ALLOWED, Allowed
from fastdicom.association.requestor import TlsArgs, request_association
from fastdicom.association.watchdog import Watchdog
from fastdicom.association.workers import Workers
from fastdicom.checks import checked_ae_title, checked_requested_contexts
from fastdicom.context_lists import ContextLists
from fastdicom.events import EventHandler
from fastdicom.net.addresses import Address, Host
from fastdicom.net.proxy import Proxy, ProxyLike
from fastdicom.net.socket_options import SocketOptions
from fastdicom.net.store_directory import StoreDirectory
from fastdicom.presentation import PresentationContext
from fastdicom.server import AssociationServer
from fastdicom.timeouts import Timeouts
from fastdicom.ul.items import Item
from fastdicom.watching.metrics import Gauge
from fastdicom.watching.watched import Watched

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext

    from fastdicom.processes.recipe import Tls
    from fastdicom.processes.server import ProcessServer

DEFAULT_MAXIMUM_LENGTH = 16382

# Received data sets that are longer go to a temporary file.
DEFAULT_MEMORY_LIMIT = 256 << 20
PIXEL_DATA = 0x7FE00010

# Memory kept for the next received data sets.
BUFFER_POOL_LIMIT = 512 << 20

Server = TypeVar("Server", bound=AssociationServer)


class ApplicationEntity(ContextLists, Timeouts, Acceptance, AdmissionControl, Watched, Workers):
    """A DICOM application entity, requestor and acceptor of associations.

    Parameters
    ----------
    ae_title
        Its AE title: 1 to 16 characters of ASCII, not spaces only (PS3.5 6.2).

    Attributes
    ----------
    maximum_pdu_size
        The longest P-DATA-TF that acceptors take, in bytes without its header; 16382. 0 for no limit.
    implementation_class_uid, implementation_version_name
        How this implementation names itself; the name may be None.
    socket_options
        What is set on the sockets of connections and servers to come: keep-alive, buffers, backlog.
    memory_limit
        The longest received data set that is kept in memory, in bytes; 256 MiB. A longer one is received
        into a temporary file, where `event.dataset_path` finds it.
    header_end
        The tag that ends the header of an object, for EVT_C_STORE_HEADER: elements in front of it are waited
        for; (7FE0,0010) Pixel Data.
    """

    def __init__(self, ae_title: str = "FASTDICOM") -> None:
        ContextLists.__init__(self)
        Timeouts.__init__(self)
        AdmissionControl.__init__(self)
        Acceptance.__init__(self)
        Watched.__init__(self)
        Workers.__init__(self)
        self.ae_title = ae_title
        self.maximum_pdu_size = DEFAULT_MAXIMUM_LENGTH
        self.implementation_class_uid = IMPLEMENTATION_CLASS_UID
        self.implementation_version_name: str | None = IMPLEMENTATION_VERSION_NAME
        self.memory_limit = DEFAULT_MEMORY_LIMIT
        self.header_end = PIXEL_DATA
        self.transcoding = "lossless"
        self.buffer_pool = BufferPool(BUFFER_POOL_LIMIT)
        self._store_directory: StoreDirectory | None = None
        self.socket_options = SocketOptions()
        self._associations: set[Association] = set()
        self._servers: set[AssociationServer | ProcessServer] = set()
        # For these; reentrant, as a signal handler may shut down what it has interrupted.
        self._lock = threading.RLock()
        self._ended = threading.Condition(self._lock)
        self._draining = 0
        self.watchdog = Watchdog()

    # Who we are.

    @property
    def ae_title(self) -> str:
        """The AE title, without padding."""
        return self._ae_title

    @ae_title.setter
    def ae_title(self, value: str) -> None:
        self._ae_title = checked_ae_title(value)

    def _apply_timeouts(self, name: str | None = None) -> None:
        for association in self.active_associations:
            association.follow_timeouts(name)

    # What is sent.

    @property
    def transcoding(self) -> Allowed:
        """In which other transfer syntaxes an object may be sent, when its own has not been accepted.

        ``"lossless"``, from one uncompressed transfer syntax to another (deflated and big endian included),
        is the default. ``"none"`` sends what there is or nothing; ``"any"`` also decodes compressed pixel
        data, with what pydicom finds installed.

        Raises
        ------
        ValueError
            When set to anything else.
        """
        return self._transcoding

    @transcoding.setter
    def transcoding(self, value: Allowed) -> None:
        if value not in ALLOWED:
            raise ValueError(f"transcoding is {value!r}; {', '.join(map(repr, ALLOWED))} are allowed")
        self._transcoding = value

    # Where received objects go.

    @property
    def store_directory(self) -> Path | None:
        """The directory that received objects are written to while they come; None to keep them in memory.

        An object becomes ``<SOP Instance UID>.dcm`` when it is whole, and replaces an earlier one. With a
        directory, C-STORE is a success unless a handler of EVT_C_STORE says otherwise; the file is then
        already there, at `event.dataset_path`.

        Raises
        ------
        OSError
            When set to what is not a directory.
        """
        return None if self._store_directory is None else self._store_directory.path

    @store_directory.setter
    def store_directory(self, value: str | os.PathLike[str] | None) -> None:
        opened = None if value is None else StoreDirectory(value)
        previous, self._store_directory = self._store_directory, opened
        if previous is not None:
            previous.close()

    @property
    def opened_store_directory(self) -> StoreDirectory | None:
        """The opened directory behind `store_directory`."""
        return self._store_directory

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
        proposed = checked_requested_contexts(self._requested if contexts is None else contexts)
        if not proposed:
            raise RuntimeError("no presentation contexts are requested: use AE.add_requested_context first")
        return request_association(
            self,
            addr,
            port,
            contexts=proposed,
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
        supported = list(self._supported if contexts is None else contexts)
        if not supported and not self.accepts_any_storage:
            raise ValueError("no presentation contexts are supported: use AE.add_supported_context first")
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

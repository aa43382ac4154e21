"""The application entity on an event loop: it requests associations, and accepts them."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator, Sequence

from fastdicom.aio.association import Association
from fastdicom.aio.requesting import request_association
from fastdicom.aio.server import PATIENCE, AssociationServer
from fastdicom.association.requestor import TlsArgs
from fastdicom.checks import checked_ae_title
from fastdicom.entity import DEFAULT_MAXIMUM_LENGTH, Entity
from fastdicom.events import EventHandler
from fastdicom.net.addresses import Address, Host
from fastdicom.net.aio_tasks import Starter
from fastdicom.net.proxy import Proxy, ProxyLike
from fastdicom.presentation import PresentationContext
from fastdicom.ul.items import Item
from fastdicom.watching.metrics import Gauge


class ApplicationEntity(Entity):
    """A DICOM application entity of one event loop, requestor and acceptor of associations.

    Parameters
    ----------
    ae_title
        Its AE title: 1 to 16 characters of ASCII, not spaces only (PS3.5 6.2).

    Notes
    -----
    Its settings are those of `fastdicom.AE`, and what it does is called the same.
    """

    def __init__(self, ae_title: str = "FASTDICOM") -> None:
        super().__init__(ae_title)
        self._associations: set[Association] = set()
        self._servers: set[AssociationServer] = set()
        self._ended = asyncio.Event()
        self.starter = Starter()

    def _apply_timeouts(self, name: str | None = None) -> None:
        for association in self.active_associations:
            association.follow_timeouts(name)

    def gauges(self) -> Iterator[Gauge]:
        """Yield what is so at this moment and no association knows."""
        yield from super().gauges()
        for server in list(self._servers):
            yield from server.gauges()

    async def associate(
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
        addr, port, contexts, ae_title, max_pdu, ext_neg, bind_address, tls_args, evt_handlers, proxy
            As for `fastdicom.AE.associate`. Handlers may be coroutine functions.

        Returns
        -------
        Association
            `is_established`, `is_rejected` or `is_aborted`. As an asynchronous context manager it raises
            `AssociationRejected`, `AssociationAborted` or `ConnectionFailed` when it was not established.

        Raises
        ------
        RuntimeError
            When there is nothing to propose.
        ValueError
            When what is to be proposed is not possible; the message says why.
        """
        return await request_association(
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

    async def start_server(
        self,
        address: Address | socket.socket,
        ssl_context: ssl.SSLContext | None = None,
        evt_handlers: Sequence[EventHandler] | None = None,
        ae_title: str | None = None,
        contexts: Sequence[PresentationContext] | None = None,
    ) -> AssociationServer:
        """Listen for associations, and accept them from now on.

        Parameters
        ----------
        address, ssl_context, evt_handlers, ae_title, contexts
            As for `fastdicom.AE.start_server`. Handlers may be coroutine functions, and asynchronous
            generators where others are generators.

        Returns
        -------
        AssociationServer
            End it with its `shutdown`, or use it as an asynchronous context manager.

        Raises
        ------
        OSError
            When the address cannot be had.
        ValueError
            When no presentation context is supported, or the socket cannot be listened on.
        """
        supported = self._offered(contexts)
        title = self.ae_title if ae_title is None else checked_ae_title(ae_title)
        server = AssociationServer(
            self, address, title, supported, ssl_context, evt_handlers=list(evt_handlers or ())
        )
        self._servers.add(server)
        return server

    async def shutdown(self, drain: float | None = None) -> int:
        """End all associations and stop all servers.

        It may be called from a handler, whose own association is then aborted, not waited for; and more than
        once: a second call without `drain` ends the drain of the first.

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
        servers = list(self._servers)
        for server in servers:
            await server.stop()
        if drain is not None:
            await self._wait_until_over(drain)
        left = list(self._associations)
        aborted = sum(self.is_admitted(each) or each.is_established for each in left)
        for association in left:
            association.abort()
        for server in servers:
            await server.shutdown()
        await self._wait_until_over(PATIENCE)
        return aborted

    @property
    def active_associations(self) -> list[Association]:
        """The associations that are established at this moment."""
        return [association for association in list(self._associations) if association.is_established]

    def _all_associations(self) -> list[Association]:
        return list(self._associations)

    # For associations and servers.

    def remember(self, association: Association) -> None:
        """Take note of an association with a connection."""
        self._associations.add(association)
        self.watch(association)

    def forget(self, association: Association) -> None:
        """Take note that an association is over."""
        self.dismiss(association)
        self.stop_watching(association)
        self._associations.discard(association)
        for server in self._servers:
            server.forget(association)
        if not self._associations:
            self.starter.close()
        self._ended.set()

    def forget_server(self, server: AssociationServer) -> None:
        """Take note that a server has stopped."""
        self._servers.discard(server)

    async def _wait_until_over(self, seconds: float) -> None:
        """Wait until there are no associations, but for one whose handler asks for it."""
        task = asyncio.current_task()
        try:
            async with asyncio.timeout(seconds):
                while not all(association.is_served_by(task) for association in self._associations):
                    self._ended.clear()
                    await self._ended.wait()
        except TimeoutError:
            return


AE = ApplicationEntity
